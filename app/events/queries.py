"""Reading events back: their actions with the texts put in, for any number of events in one more query."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from app.db import rows
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
    """Event id -> field -> text. Asked for none too: a page costs as many queries whatever stands on it."""
    found: dict[int, dict[str, str]] = {}
    for row in rows(_TEXTS, ids=list(event_ids)):
        found.setdefault(row.event_id, {})[row.field] = row.text
    return found


_TEXTS = select(EventText.event_id, EventText.field, EventText.text).where(
    EventText.event_id.in_(bindparam("ids", expanding=True))
)
