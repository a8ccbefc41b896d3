"""One thing a person was told."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, func, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.db import Base, BigId, BigPk, db

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
            "ix_notifications_unread", "user_id", sqlite_where=text(_UNREAD), postgresql_where=text(_UNREAD)
        ),
    )


def mark_read(user_id: int, issue_ids: Sequence[int], *, read: bool = True) -> None:
    """Mark what the person was told about these issues as read; or, of each issue, the newest as unread again."""
    mine = (
        Notification.user_id == user_id,
        Notification.issue_id.in_(issue_ids),
        Notification.done_at.is_(None),
    )
    if read:
        change = update(Notification).where(*mine, Notification.read_at.is_(None)).values(read_at=clock.now())
    else:
        newest = select(func.max(Notification.id)).where(*mine).group_by(Notification.issue_id)
        change = update(Notification).where(Notification.id.in_(newest)).values(read_at=None)
    db.session.execute(change.execution_options(synchronize_session=False))


def mark_done(user_id: int, issue_ids: Sequence[int], *, done: bool = True) -> None:
    """Put away what the person was told about these issues, or bring it back, unread as it was."""
    mine = (Notification.user_id == user_id, Notification.issue_id.in_(issue_ids))
    change = update(Notification).where(*mine).execution_options(synchronize_session=False)
    if done:
        change = change.where(Notification.done_at.is_(None)).values(done_at=clock.now())
    else:
        change = change.values(done_at=None)
    db.session.execute(change)
