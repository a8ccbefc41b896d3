"""When a person last read an issue, so that the feed can say what is new."""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.accounts.user import User
from app.db import Base, BigId, db
from app.events.issue_actions import Viewed
from app.events.recording import record_event
from app.issues.issue import Issue

VIEWED_EVERY = timedelta(minutes=5)


class Visit(Base):
    """How far a person has read an issue."""

    __tablename__ = "visits"

    issue_id: Mapped[int] = mapped_column(BigId, ForeignKey("issues.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"), primary_key=True, index=True)
    seen_seq: Mapped[int]
    """The number of the last event that was on the page."""
    seen_at: Mapped[datetime]


def note_visit(issue: Issue, user: User, *, seen_seq: int) -> None:
    """Remember how far the person has read; recorded as `viewed` at most once in five minutes."""
    record_event(issue, Viewed(), actor=user.actor, throttle=VIEWED_EVERY)
    seen = min(seen_seq, issue.event_seq)
    visit = db.session.get(Visit, (issue.id, user.id))
    if visit is None:
        db.session.add(Visit(issue_id=issue.id, user_id=user.id, seen_seq=seen, seen_at=clock.now()))
    else:
        visit.seen_seq = max(visit.seen_seq, seen)
        visit.seen_at = clock.now()
