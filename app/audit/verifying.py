"""Verifying the audit log: its chain, the words it commits to, and that no act is missing from it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select

from app.audit.entry import AuditEntry, AuditText
from app.audit.keeping import is_audited, seal_entry, sealed_words
from app.db import Base, db
from app.events.action import commitment
from app.events.actions import ACTIONS
from app.events.chain import GENESIS
from app.events.event import Event

AT_ONCE = 1_000
INBOX = "audit_log"


@dataclass(slots=True)
class Checked:
    """How far the check came. `wrong` names the first entry, or the first act, that does not fit."""

    entries: int = 0
    wrong: str | None = None


def verify_audit() -> Checked:
    """Read every entry in order, in one snapshot; writes nothing."""
    done = Checked()
    head = GENESIS
    with _entries() as rows:
        for row in rows:
            done.wrong = _look(row, done.entries + 1, head)
            if done.wrong:
                return done
            done.entries += 1
            head = row.hash
    done.wrong = _missing()
    return done


def _entries() -> Any:
    query = (
        select(
            AuditEntry.__table__,
            AuditText.salt,
            AuditText.actor,
            AuditText.subject.label("about"),
            AuditText.words,
            Event.hash.label("now"),
        )
        .outerjoin(AuditText, AuditText.entry_id == AuditEntry.id)
        .outerjoin(Event, Event.id == AuditEntry.event_id)
        .order_by(AuditEntry.id)
        .execution_options(yield_per=AT_ONCE)
    )
    return db.session.execute(query)


def _look(row: Row[Any], number: int, head: str) -> str | None:
    if row.id != number:
        return f"entry {number} is missing; the next one there has the number {row.id}"
    if row.prev_hash != head:
        return f"entry {number} does not follow the entry before it"
    if seal_entry(dict(row._mapping)) != row.hash:
        return f"entry {number} was changed after it was written"
    if row.salt is not None and not _as_committed(row):
        return f"the words of entry {number} were changed after it was written"
    if row.now != row.event_hash:
        return f"entry {number} is about an event that is not there any more or is another one"
    return None


def _as_committed(row: Row[Any]) -> bool:
    text = {"actor": row.actor, "subject": row.about, "words": row.words}
    return bool(commitment(row.salt, sealed_words(text)) == row.words_sha256)


def _missing() -> str | None:
    """The first act whose delivery is finished and that has no entry: the end of the log was cut off."""
    deliveries = Base.metadata.tables["deliveries"]
    query = (
        select(Event.uid, Event.action, Event.created_at)
        .join(deliveries, and_(deliveries.c.event_id == Event.id, deliveries.c.inbox == INBOX))
        .outerjoin(AuditEntry, AuditEntry.event_id == Event.id)
        .where(deliveries.c.state == "delivered", AuditEntry.id.is_(None), _audited())
        .order_by(Event.id)
        .limit(1)
    )
    row = db.session.execute(query).one_or_none()
    if row is None:
        return None
    return f"the event {row.uid} ({row.action}, {row.created_at:%Y-%m-%d %H:%M} UTC) was kept and its entry is gone"


def _audited() -> ColumnElement[bool]:
    named = [
        name for (subject, name), kind in ACTIONS.items() if subject == "issue" and is_audited(subject, kind)
    ]
    return or_(Event.subject != "issue", Event.action.in_(named))
