"""Who watches an issue, and since when and why."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Executable, ForeignKey, String, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.accounts.user import User
from app.db import Base, BigId, db, run
from app.events.event import Actor
from app.events.issue_actions import Unwatched, Watched
from app.events.recording import record_event

if TYPE_CHECKING:
    from app.issues.issue import Issue


class Subscription(Base):
    """One person watching one issue. `muted`: they asked not to, and no mention or comment brings them back."""

    __tablename__ = "subscriptions"

    issue_id: Mapped[int] = mapped_column(BigId, ForeignKey("issues.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"), primary_key=True, index=True)
    reason: Mapped[str] = mapped_column(String(10))
    muted: Mapped[bool] = mapped_column(default=False)
    from_seq: Mapped[int] = mapped_column(default=0, server_default="0")
    """The number of the issue's newest event when the person began: a number, since clocks are set back."""
    created_at: Mapped[datetime]


def subscribe(issue: "Issue", user: User, *, reason: str) -> None:
    """Let a person watch because of what happened; changes nothing for one who watches or has muted the issue.

    No event of its own: the act that caused it is one.
    """
    row = {"issue_id": issue.id, "user_id": user.id, "reason": reason}
    subscribe_many([{**row, "from_seq": issue.event_seq, "created_at": clock.now()}])


def subscribe_many(rows: Sequence[dict[str, Any]]) -> None:
    """`subscribe` for many: rows of issue_id, user_id, reason, created_at; the first of a pair counts."""
    if rows:
        run(_subscribe(db.session.get_bind().dialect.name), [{**row, "muted": False} for row in rows])


@cache
def _subscribe(dialect: str) -> Executable:
    insert = (postgresql if dialect == "postgresql" else sqlite).insert
    query: Executable = insert(Subscription.__table__).on_conflict_do_nothing()
    return query


def watch(issue: "Issue", user: User, *, actor: Actor) -> None:
    """Watch the issue because the person asked to."""
    row = db.session.get(Subscription, (issue.id, user.id))
    if row is not None and not row.muted:
        return
    if row is None:
        row = _by_hand(issue, user)
        db.session.add(row)
    row.muted = False
    db.session.flush()
    record_event(issue, Watched(user=user.ref, reason="manual"), actor=actor)


def unwatch(issue: "Issue", user: User, *, actor: Actor) -> None:
    """Stop watching; mentions and comments do not bring the person back, only `watch` does."""
    row = db.session.get(Subscription, (issue.id, user.id))
    if row is not None and row.muted:
        return
    if row is None:
        row = _by_hand(issue, user)
        db.session.add(row)
    row.muted = True
    db.session.flush()
    record_event(issue, Unwatched(user=user.ref, reason="manual"), actor=actor)


def _by_hand(issue: "Issue", user: User) -> Subscription:
    return Subscription(
        issue_id=issue.id,
        user_id=user.id,
        reason="manual",
        from_seq=issue.event_seq,
        created_at=clock.now(),
    )


def watchers(issue: "Issue") -> list[User]:
    """The people who watch the issue, by name."""
    query = (
        select(User)
        .join(Subscription, Subscription.user_id == User.id)
        .where(Subscription.issue_id == issue.id, Subscription.muted.is_(False))
        .order_by(User.name, User.id)
    )
    return list(db.session.scalars(query))
