"""Finding deliveries in a ledger of millions: by state, inbox, action, project, time and the words of the error.

Every question is bounded. Ids come newest first out of the index (inbox, state, id), a short list for each pair that
is asked for; what that index cannot answer (action, project, error) is looked up in at most SCAN of them at a time, and
the answer says where to go on. Nothing ever counts the whole ledger.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import ColumnElement, Select, false, func, literal_column, select, union_all

from app.db import db
from app.events.event import Event
from app.inboxes.delivery import Delivery, State
from app.inboxes.registry import BY_NAME

STATES: tuple[State, ...] = get_args(State)
SCAN = 20_000
"""Deliveries looked at for one page."""
COUNTED = 10_000
"""Counted up to here: 10,000 stands for more."""


@dataclass(frozen=True, slots=True)
class Sieve:
    """Which deliveries. What is None is not asked about."""

    state: State | None = None
    inbox: str | None = None
    action: str | None = None
    project_id: int | None = None
    error: str | None = None
    """Words in the last error."""
    since: datetime | None = None
    """Of events from this moment on."""
    missed: bool = False
    """Of the skipped ones only those whose inbox was off."""
    nothing: bool = False
    """Something was asked for that does not exist, such as a project: nothing is found."""

    @property
    def is_plain(self) -> bool:
        """Whether the index alone answers."""
        return not (self.action or self.project_id is not None or self.error or self.since)


@dataclass(frozen=True, slots=True)
class Found:
    """Ids, newest first; `more` is the id to go on below, None at the end."""

    ids: list[int]
    more: int | None
    stopped: bool = False
    """Fewer than asked for, since SCAN was reached before the end."""


def find(sieve: Sieve, *, below: int | None = None, limit: int = 50, scan: int = SCAN) -> Found:
    """The newest deliveries of the sieve below this id. Two short queries."""
    if sieve.nothing:
        return Found([], None)
    if sieve.is_plain:
        ids = list(db.session.scalars(_candidates(sieve, below, limit + 1)))
        return Found(ids[:limit], ids[limit - 1] if len(ids) > limit else None)
    looked = _candidates(sieve, below, scan).subquery()
    query = (
        select(Delivery.id)
        .join(looked, looked.c.id == Delivery.id)
        .join(Event, Event.id == Delivery.event_id)
        .where(*_narrow(sieve))
        .order_by(Delivery.id.desc())
        .limit(limit + 1)
    )
    ids = list(db.session.scalars(query))
    if len(ids) > limit:
        return Found(ids[:limit], ids[limit - 1])
    last, number = db.session.execute(select(func.min(looked.c.id), func.count())).one()
    stopped = number == scan
    return Found(ids, last if stopped else None, stopped)


def counts(sieve: Sieve) -> dict[State, int]:
    """How many of each state, counted up to COUNTED; with action, project, error or time among the newest SCAN."""
    found: dict[State, int] = {}
    if not sieve.is_plain or sieve.nothing:
        return _counts_among_the_newest(sieve)
    for state in STATES:
        ids = _candidates(replace(sieve, state=state), None, COUNTED, newest=False).subquery()
        found[state] = db.session.scalar(select(func.count()).select_from(ids)) or 0
    return found


def _counts_among_the_newest(sieve: Sieve) -> dict[State, int]:
    looked = _candidates(replace(sieve, state=None), None, SCAN).subquery()
    query = (
        select(Delivery.state, func.count().label("number"))
        .join(looked, looked.c.id == Delivery.id)
        .join(Event, Event.id == Delivery.event_id)
        .where(*_narrow(sieve))
        .group_by(Delivery.state)
    )
    found = {row.state: row.number for row in db.session.execute(query)}
    return {state: found.get(state, 0) for state in STATES}


def all_of(sieve: Sieve, *, upto: int | None = None, most: int = COUNTED) -> list[int]:
    """Up to `most` ids of the sieve, none above `upto`: for acts on exactly what was shown."""
    ids: list[int] = []
    below = upto + 1 if upto is not None else None
    while len(ids) < most:
        found = find(sieve, below=below, limit=most - len(ids))
        ids += found.ids
        if found.more is None:
            break
        below = found.more
    return ids


def _candidates(sieve: Sieve, below: int | None, limit: int, *, newest: bool = True) -> Select[Any]:
    """Ids by the index alone: the newest of each inbox and state that is asked for, put together."""
    states: Sequence[str] = [sieve.state] if sieve.state else STATES
    inboxes = [sieve.inbox] if sieve.inbox else list(BY_NAME)
    if not sieve.state and not sieve.inbox:
        query = select(Delivery.id).order_by(Delivery.id.desc()).limit(limit)
        return query if below is None else query.where(Delivery.id < below)
    parts = []
    for inbox in inboxes:
        for state in states:
            part = select(Delivery.id).where(Delivery.inbox == inbox, Delivery.state == state)
            part = part.where(*_MISSED) if sieve.missed else part
            part = part if below is None else part.where(Delivery.id < below)
            part = part.order_by(Delivery.id.desc()) if newest else part
            parts.append(select(part.limit(limit).subquery()))
    together = union_all(*parts).subquery()
    query = select(together.c.id).limit(limit)
    return query.order_by(together.c.id.desc()) if newest else query


_MISSED = (Delivery.state == literal_column("'skipped'"), Delivery.reason == literal_column("'off'"))
"""Written out, so that the index of just these is used."""


def _narrow(sieve: Sieve) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [false()] if sieve.nothing else []
    if sieve.action:
        where.append(Event.action == sieve.action)
    if sieve.project_id is not None:
        where.append(Event.project_id == sieve.project_id)
    if sieve.error:
        where.append(Delivery.last_error.icontains(sieve.error, autoescape=True))
    if sieve.since is not None:
        where.append(Delivery.created_at >= sieve.since)
    return where
