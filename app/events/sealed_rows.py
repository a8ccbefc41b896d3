"""Events as verifying reads them: what is sealed, by place and not by name, and with it their texts.

About millions of events; a name costs more than what is done with the value.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Dialect, String, Table, TypeDecorator, select, type_coerce
from sqlalchemy.types import TypeEngine

from app.db import UtcDateTime, db
from app.events.chain import ORDER, moment
from app.events.event import Event, EventText

AT_ONCE = 1_000
EVENTS: Table = Event.__table__  # type: ignore[assignment]
TEXTS: Table = EventText.__table__  # type: ignore[assignment]
ACTION, FACTS, PREV, SEQ = (ORDER.index(name) for name in ("action", "facts", "prev", "seq"))
ID, HASH, SUBJECT_ID = len(ORDER), len(ORDER) + 1, len(ORDER) + 2
Texts = dict[str, tuple[str, str]]
"""Field -> (salt, text)."""


class SealedMoment(TypeDecorator[str]):
    """A moment read as it is sealed. SQLite keeps it as text already: to make a moment of that costs more than the rest
    of the row."""

    impl = UtcDateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return String() if dialect.name == "sqlite" else UtcDateTime()

    def process_result_value(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002
        if isinstance(value, str) and len(value) == len("2026-01-31 12:00:00.000000"):
            return f"{value[:10]}T{value[11:]}Z"
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment(at if at.tzinfo else at.replace(tzinfo=UTC))


def sealed_rows(kind: str, ids: list[int]) -> Iterator[tuple[Sequence[Any], Texts]]:
    """The events of these subjects, by subject and number, each with its texts.

    An event is a row of what is sealed in its order, then its id, its hash and its subject's id.
    """
    owner = EVENTS.c[f"{kind}_id"]
    query = (
        select(*(_column(name) for name in ORDER), EVENTS.c.id, EVENTS.c.hash, owner)
        .where(owner.in_(ids), EVENTS.c.subject == kind)
        .order_by(owner, EVENTS.c.seq)
        .execution_options(yield_per=AT_ONCE)
    )
    with db.session.execute(query) as result:
        for part in result.partitions():
            texts = _texts([event[ID] for event in part])
            for event in part:
                yield event, texts.get(event[ID], _NO_TEXTS)


_NO_TEXTS: Texts = {}


def _column(name: str) -> ColumnElement[Any]:
    if name == "created_at":
        return type_coerce(EVENTS.c.created_at, SealedMoment)
    return EVENTS.c[{"facts": "metadata", "prev": "prev_hash"}.get(name, name)]


def _texts(ids: list[int]) -> dict[int, Texts]:
    found: dict[int, Texts] = {}
    query = select(TEXTS.c.event_id, TEXTS.c.field, TEXTS.c.salt, TEXTS.c.text)
    for event_id, field, salt, text in db.session.execute(query.where(TEXTS.c.event_id.in_(ids))).all():
        found.setdefault(event_id, {})[field] = (salt, text)
    return found
