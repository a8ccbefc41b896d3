"""Counting: added as events come, in the transaction that marks them; or made anew from the log, day by day."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Date,
    Insert,
    Table,
    Update,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from app import clock
from app.analytics.daily_count import DailyCount
from app.db import Base, UtcDateTime, begin_write, db, run, take_turn
from app.events.event import Event

TABLE: Any = DailyCount.__table__
EVENTS: Table = Event.__table__  # type: ignore[assignment]
INBOX = TURN = "analytics"
REBUILT = "counted by a rebuild"
KEY = ("day", "project_id", "subject", "action", "person_id")


class Countable(Protocol):
    """An event, as far as it is counted."""

    @property
    def created_at(self) -> Any: ...
    @property
    def project_id(self) -> Any: ...
    @property
    def subject(self) -> Any: ...
    @property
    def action(self) -> Any: ...
    @property
    def actor_id(self) -> Any: ...


def count(events: Iterable[Countable]) -> None:
    """Add these to their counters. In one order, so that two who count at once never wait for each other in turn."""
    totals = Counter(_key(event) for event in events)
    if not totals:
        return
    take_turn(TURN, shared=True)
    rows = [{**dict(zip(KEY, key, strict=True)), "number": totals[key]} for key in sorted(totals)]
    run(_ADD[db.session.get_bind().dialect.name], rows)


def _key(event: Countable) -> tuple[date, int, str, str, int]:
    day = event.created_at.astimezone(UTC).date()
    return day, event.project_id or 0, str(event.subject), event.action, event.actor_id or 0


def _adding(insert: Any) -> Any:
    statement = insert(TABLE)
    more = {"number": TABLE.c.number + statement.excluded.number}
    return statement.on_conflict_do_update(index_elements=KEY, set_=more)


_ADD = {"sqlite": _adding(sqlite.insert), "postgresql": _adding(postgresql.insert)}


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is counted anew: days from `first` to `last`, both in it, of one project or of everything."""

    first: date
    last: date
    project_id: int | None = None

    def days(self) -> Iterator[date]:
        for offset in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=offset)


def whole_history(project_id: int | None = None) -> Stretch | None:
    """From the first event or counter to the last; None when there is neither."""
    events = select(func.min(Event.created_at), func.max(Event.created_at))
    counted = select(func.min(DailyCount.day), func.max(DailyCount.day))
    if project_id is not None:
        events = events.where(Event.project_id == project_id)
        counted = counted.where(DailyCount.project_id == project_id)
    moments = [moment.astimezone(UTC).date() for moment in db.session.execute(events).one() if moment]
    days = [*moments, *(day for day in db.session.execute(counted).one() if day)]
    return Stretch(min(days), max(days), project_id) if days else None


def rebuild(stretch: Stretch) -> Iterator[tuple[date, int]]:
    """Count each day anew in a transaction of its own: (day, events). The database counts; nothing is held here.

    What waited, failed or was skipped while the inbox was off is in the new count, and its delivery is marked done
    with it, so that no worker counts it again.
    """
    for day in stretch.days():
        begin_write()
        take_turn(TURN)
        there = _events_of(stretch, day)
        db.session.execute(_settle(there))
        db.session.execute(_own(there))
        here = and_(DailyCount.day == day, _in_project(DailyCount.project_id, stretch))
        db.session.execute(delete(DailyCount).where(here).execution_options(synchronize_session=False))
        db.session.execute(_counted(there, day))
        number = db.session.scalar(select(func.sum(DailyCount.number)).where(here)) or 0
        db.session.commit()
        yield day, int(number)


def _events_of(stretch: Stretch, day: date) -> ColumnElement[bool]:
    begin = datetime.combine(day, time(), UTC)
    within = (EVENTS.c.created_at >= begin, EVENTS.c.created_at < begin + timedelta(days=1))
    return and_(*within, _in_project(EVENTS.c.project_id, stretch))


def _in_project(column: Any, stretch: Stretch) -> ColumnElement[bool]:
    return true() if stretch.project_id is None else column == stretch.project_id


def _settle(there: ColumnElement[bool]) -> Update:
    table = _deliveries()
    return (
        update(table)
        .where(table.c.inbox == INBOX, table.c.state != "delivered")
        .where(table.c.event_id.in_(select(EVENTS.c.id).where(there)))
        .values(state="delivered", reason=REBUILT, next_attempt_at=None, finished_at=clock.now())
    )


def _own(there: ColumnElement[bool]) -> Insert:
    """Events from before the inbox was there get their finished delivery: nothing offers them to it again."""
    table = _deliveries()
    known = exists().where(table.c.event_id == EVENTS.c.id, table.c.inbox == INBOX)
    values = {
        "event_id": EVENTS.c.id,
        "inbox": literal(INBOX),
        "state": literal("delivered"),
        "reason": literal(REBUILT),
        "attempts": literal(0),
        "created_at": EVENTS.c.created_at,
        "finished_at": literal(clock.now(), UtcDateTime),
    }
    return insert(table).from_select([*values], select(*values.values()).where(there, ~known))


def _counted(there: ColumnElement[bool], day: date) -> Insert:
    """An event recorded while this runs is not in: its delivery is still to come."""
    table = _deliveries()
    to_come = exists().where(
        table.c.event_id == EVENTS.c.id, table.c.inbox == INBOX, table.c.state != "delivered"
    )
    project, person = func.coalesce(EVENTS.c.project_id, 0), func.coalesce(EVENTS.c.actor_id, 0)
    query = (
        select(literal(day, Date), project, EVENTS.c.subject, EVENTS.c.action, person, func.count())
        .where(there, ~to_come)
        .group_by(project, EVENTS.c.subject, EVENTS.c.action, person)
    )
    return insert(TABLE).from_select([*KEY, "number"], query)


def _deliveries() -> Table:
    """The ledger, by name: it belongs to a storey above."""
    return Base.metadata.tables["deliveries"]
