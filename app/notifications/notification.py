"""One thing a person was told."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, bindparam, func, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.db import Base, BigId, BigPk, db, run

_UNREAD = "read_at IS NULL AND done_at IS NULL"


class Notification(Base):
    """An event a person is told about, with the reason. Read when they looked at the issue; done when put away."""

    __tablename__ = "notifications"

    id: Mapped[BigPk]
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"))
    event_id: Mapped[int] = mapped_column(BigId, ForeignKey("events.id"))
    issue_id: Mapped[int] = mapped_column(BigId, ForeignKey("issues.id"))
    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("projects.id"))
    reason: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("user_id", "event_id"),
        Index("ix_notifications_user", "user_id", "issue_id", "id"),
        Index(
            "ix_notifications_unread",
            "user_id",
            "issue_id",
            "project_id",
            sqlite_where=text(_UNREAD),
            postgresql_where=text(_UNREAD),
        ),
    )


def mark_read(user_id: int, issue_ids: Sequence[int], *, read: bool = True) -> None:
    """Mark what the person was told about these issues as read; or, of each issue, the newest as unread again."""
    run(_READ if read else _UNREAD_AGAIN, {"whose": user_id, "issues": list(issue_ids), "now": clock.now()})


_TABLE = Notification.__table__
_MINE = (
    Notification.user_id == bindparam("whose"),
    Notification.issue_id.in_(bindparam("issues", expanding=True)),
    Notification.done_at.is_(None),
)
_READ = update(_TABLE).where(*_MINE, Notification.read_at.is_(None)).values(read_at=bindparam("now"))  # type: ignore[arg-type]
_NEWEST = select(func.max(Notification.id)).where(*_MINE).group_by(Notification.issue_id)
_UNREAD_AGAIN = update(_TABLE).where(Notification.id.in_(_NEWEST)).values(read_at=None)  # type: ignore[arg-type]


def mark_done(user_id: int, issue_ids: Sequence[int], *, done: bool = True) -> None:
    """Put away what the person was told about these issues, or bring it back, unread as it was."""
    mine = (Notification.user_id == user_id, Notification.issue_id.in_(issue_ids))
    change = update(Notification).where(*mine).execution_options(synchronize_session=False)
    if done:
        change = change.where(Notification.done_at.is_(None)).values(done_at=clock.now())
    else:
        change = change.values(done_at=None)
    db.session.execute(change)
