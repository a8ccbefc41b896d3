"""Recording many facts at once: history that is brought in.

The chains are computed in memory and every table is written with a few statements, so that a history of
thousands of events is one short transaction. The rows are those of `record_event`, sealed by the same code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert

from app.db import db, take_ids
from app.events.action import Action, Subject
from app.events.event import Actor, Event, EventContext, EventOrigin, EventText
from app.events.recording import Recordable, Recorded, Sealed, check, lock, seal_next, subscribers

_LOCK_ORDER = (Subject.project, Subject.issue, Subject.user)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened once: to what, by whom and when."""

    subject: Recordable
    action: Action
    actor: Actor
    at: datetime
    quiet: bool = False


def record_many(facts: Sequence[Fact]) -> list[Recorded]:
    """Write facts that happened elsewhere or long ago, in this order; their inboxes leave them alone.

    Each subject's row must be in the transaction already; it is locked here unless `holds` says that it is.
    The new `event_seq` and `event_head` are left on the subject for the session to flush.
    """
    if not facts:
        return []
    for fact in facts:
        check(fact.subject, fact.action)
    with db.session.no_autoflush:
        for subject in _in_lock_order(facts):
            lock(subject)
        sealed = [
            seal_next(fact.subject, fact.action, actor=fact.actor, at=fact.at, quiet=fact.quiet)
            for fact in facts
        ]
        ids = take_ids("events", len(sealed))
        _insert(sealed, ids)
        batch = [one.recorded(event_id, imported=True) for one, event_id in zip(sealed, ids, strict=True)]
        for subscriber in subscribers:
            subscriber(batch)
    return batch


def _in_lock_order(facts: Sequence[Fact]) -> list[Recordable]:
    subjects = {(fact.subject.event_subject, fact.subject.id): fact.subject for fact in facts}
    order = sorted(subjects, key=lambda name: (_LOCK_ORDER.index(name[0]), name[1]))
    return [subjects[name] for name in order]


def _insert(sealed: Sequence[Sealed], ids: Sequence[int]) -> None:
    events = [{"id": event_id, **one.columns()} for one, event_id in zip(sealed, ids, strict=True)]
    db.session.execute(insert(Event.__table__), events)  # type: ignore[arg-type]
    pairs = list(zip(sealed, ids, strict=True))
    texts = [row for one, event_id in pairs for row in one.text_rows(event_id)]
    if texts:
        db.session.execute(insert(EventText.__table__), texts)  # type: ignore[arg-type]
    origins = [row for one, event_id in pairs if (row := one.origin(event_id))]
    if origins:
        db.session.execute(insert(EventOrigin.__table__), origins)  # type: ignore[arg-type]
    contexts = [row for one, event_id in pairs if (row := one.context(event_id))]
    if contexts:
        db.session.execute(insert(EventContext.__table__), contexts)  # type: ignore[arg-type]
