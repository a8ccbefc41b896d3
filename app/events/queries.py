"""Reading events back: their actions with the texts put in, for any number of events in one more query."""

from collections.abc import Sequence

from sqlalchemy import select

from app.db import db
from app.events.action import Action, join
from app.events.actions import action_class
from app.events.event import Event, EventText


def with_actions(events: Sequence[Event]) -> dict[int, Action]:
    """Event id -> its action as recorded; texts that were redacted read as such."""
    texts = texts_of([event.id for event in events])
    return {
        event.id: join(action_class(event.subject, event.action), event.facts, texts.get(event.id, {}))
        for event in events
    }


def texts_of(event_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Event id -> field -> text."""
    found: dict[int, dict[str, str]] = {}
    if event_ids:
        query = select(EventText.event_id, EventText.field, EventText.text)
        for event_id, field, text in db.session.execute(query.where(EventText.event_id.in_(event_ids))):
            found.setdefault(event_id, {})[field] = text
    return found
