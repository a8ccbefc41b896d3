"""Events to measure with: a new title each, recorded as the product records them."""

from datetime import timedelta
from typing import Any


def record(count: int, *, due_in: timedelta | None = None) -> list[int]:
    """So many comments' worth of events on the issue, a hundred to a transaction; their ids."""
    from sqlalchemy import select, update

    from app import clock
    from app.db import db
    from app.events.event import Event
    from app.inboxes.delivery import Delivery
    from app.issues.issue import Issue

    newest = db.session.scalar(select(Event.id).order_by(Event.id.desc()).limit(1)) or 0
    db.session.commit()
    for start in range(0, count, 100):
        issue = db.session.scalars(select(Issue).execution_options(populate_existing=True)).first()
        for number in range(start, min(count, start + 100)):
            one_event(issue, number)
        if due_in is not None:
            db.session.execute(
                update(Delivery)
                .where(Delivery.event_id > newest, Delivery.next_attempt_at.is_not(None))
                .values(next_attempt_at=clock.now() + due_in)
                .execution_options(synchronize_session=False)
            )
        db.session.commit()
    ids = list(db.session.scalars(select(Event.id).where(Event.id > newest)))
    db.session.commit()
    return ids


def one_event(issue: Any, number: int) -> None:
    from app.events.event import SYSTEM
    from app.events.issue_actions import TitleChanged
    from app.events.recording import record_event

    title = f"Title {number}"
    before, issue.title = issue.title, title
    record_event(issue, TitleChanged(from_=before, to=title), actor=SYSTEM)
