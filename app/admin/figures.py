"""Figures about inboxes for Admin > Inboxes: counted from the ledger when the page is asked for.

Counts are of events of the last 24 hours, read from one index. Delays are those of each inbox's last
deliveries, at most SAMPLE of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, literal_column, select

from app import clock
from app.db import db
from app.events.event import Event
from app.inboxes.base import Inbox
from app.inboxes.delivery import Delivery
from app.inboxes.due import open_rows
from app.inboxes.registry import BY_NAME, INBOXES
from app.inboxes.searching import COUNTED
from app.inboxes.setting import InboxSetting

DAY = timedelta(hours=24)
SAMPLE = 1_000
MOST = 1_000_000
"""Deliveries of a day that are counted: of more the newest."""
HOUR = "%Y-%m-%d %H"


@dataclass(frozen=True, slots=True)
class Delay:
    """From the event to its delivery at the first try, in seconds: of the middle one, of the slowest twentieth."""

    typical: float
    p95: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour: how many were delivered or skipped, and how many failed."""

    fine: int
    failed: int


@dataclass(slots=True)
class InboxFigures:
    """One inbox on the page."""

    inbox: type[Inbox]
    enabled: bool
    changed_at: datetime | None
    delivered: int = 0
    skipped: int = 0
    failed: int = 0
    dead: int = 0
    """Failed for good and not given up, whenever that was."""
    missed: int = 0
    """Skipped because it was off, whenever that was; counted up to COUNTED."""
    bars: list[Bar] = field(default_factory=list)
    delay: Delay | None = None
    error: str | None = None
    """The last error among what is failing or dead, and the event it happened to."""
    error_uid: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """The five figures on top."""

    events: int
    deliveries: int
    waiting: int
    oldest: float | None
    """Seconds the oldest due delivery has waited."""
    delay: Delay | None
    dead: int


def health_and_inboxes() -> tuple[Health, list[InboxFigures]]:
    """Everything the page shows; seven queries and one more for each inbox."""
    since = clock.now() - DAY
    settings = {row.inbox: row for row in db.session.scalars(select(InboxSetting))}
    counts = _counts(since)
    dead, errors = dead_by_inbox(), _errors()
    samples = {inbox.name: _sample(inbox.name, since) for inbox in INBOXES}
    inboxes = []
    for inbox in INBOXES:
        setting = settings.get(inbox.name)
        one = InboxFigures(
            inbox=inbox,
            enabled=setting is None or setting.enabled,
            changed_at=setting.changed_at if setting else None,
            dead=dead.get(inbox.name, 0),
            missed=_missed(inbox.name),
            delay=delay(samples[inbox.name]),
            error=errors.get(inbox.name, (None, None))[0],
            error_uid=errors.get(inbox.name, (None, None))[1],
        )
        _fill(one, counts.get(inbox.name, {}))
        inboxes.append(one)
    total = sum(number for hours in counts.values() for number in hours.values())
    return _health(since, total, sum(dead.values()), samples), inboxes


def delay(seconds: Sequence[float]) -> Delay | None:
    """The middle and the 95th of a hundred; None without any."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return Delay(ordered[len(ordered) // 2], ordered[min(len(ordered) * 95 // 100, len(ordered) - 1)])


def _health(since: datetime, total: int, dead: int, samples: Mapping[str, Sequence[float]]) -> Health:
    events = db.session.scalar(select(func.count()).select_from(Event).where(Event.created_at >= since))
    due = open_rows(Delivery.next_attempt_at <= clock.now())
    waiting, oldest = db.session.execute(select(func.count(), func.min(due.c.next_attempt_at))).one()
    return Health(
        events=events or 0,
        deliveries=total,
        waiting=waiting,
        oldest=(clock.now() - oldest).total_seconds() if oldest else None,
        delay=delay([one for sample in samples.values() for one in sample]),
        dead=dead,
    )


def _counts(since: datetime) -> dict[str, dict[tuple[str, str], int]]:
    """Inbox -> (state, hour) -> how many."""
    hour: Any
    day = (  # ordered and limited, so that SQLite reads the index of the day and not the whole ledger by inbox
        select(Delivery.inbox, Delivery.state, Delivery.created_at)
        .where(Delivery.created_at >= since)
        .order_by(Delivery.created_at.desc())
        .limit(MOST)
        .subquery()
    )
    if db.engine.dialect.name == "sqlite":
        hour = func.substr(day.c.created_at, 1, 13)
    else:
        hour = func.to_char(func.timezone("UTC", day.c.created_at), "YYYY-MM-DD HH24")
    query = select(day.c.inbox, day.c.state, hour, func.count()).group_by(day.c.inbox, day.c.state, hour)
    found: dict[str, dict[tuple[str, str], int]] = {}
    for inbox, state, which, number in db.session.execute(query):
        found.setdefault(inbox, {})[state, which] = number
    return found


def _fill(one: InboxFigures, counts: Mapping[tuple[str, str], int]) -> None:
    fine: dict[str, int] = {}
    failed: dict[str, int] = {}
    for (state, hour), number in counts.items():
        if state == "delivered":
            one.delivered += number
        elif state == "skipped":
            one.skipped += number
        elif state in ("failed", "dead", "discarded"):
            one.failed += number
        where = failed if state in ("failed", "dead", "discarded") else fine
        where[hour] = where.get(hour, 0) + number
    now = clock.now().astimezone(UTC)
    hours = [(now - timedelta(hours=back)).strftime(HOUR) for back in range(23, -1, -1)]
    one.bars = [Bar(fine.get(hour, 0), failed.get(hour, 0)) for hour in hours]


def _sample(inbox: str, since: datetime) -> list[float]:
    """Of deliveries that were due from the commit of their event on and arrived at the first try.

    What was made due again later did not wait for us, and what an import brought in was finished by it (no attempt).
    """
    query = (
        select(Delivery.created_at, Delivery.finished_at)
        .where(Delivery.inbox == inbox, Delivery.state == "delivered", Delivery.created_at >= since)
        .where(Delivery.replay_id.is_(None), Delivery.attempts == 1)
        .order_by(Delivery.id.desc())
        .limit(SAMPLE)
    )
    rows = db.session.execute(query)
    return [(finished - created).total_seconds() for created, finished in rows if finished]


def _missed(inbox: str) -> int:
    missed = select(Delivery.id).where(
        Delivery.inbox == inbox,
        Delivery.state == literal_column("'skipped'"),
        Delivery.reason == literal_column("'off'"),  # written out, so that the index of just these is used
    )
    return db.session.scalar(select(func.count()).select_from(missed.limit(COUNTED).subquery())) or 0


def dead_by_inbox() -> dict[str, int]:
    """Inbox -> how many failed for good. One query by an index."""
    query = (
        select(Delivery.inbox, func.count())
        .where(Delivery.inbox.in_(list(BY_NAME)), Delivery.state == "dead")
        .group_by(Delivery.inbox)
    )
    return {inbox: number for inbox, number in db.session.execute(query)}  # noqa: C416 - as types


def _errors() -> dict[str, tuple[str, str]]:
    """Inbox -> (the last error among what is failing or dead, the uid of its event)."""
    newest = (
        select(func.max(Delivery.id))
        .where(Delivery.inbox.in_(list(BY_NAME)), Delivery.state.in_(("failed", "dead")))
        .group_by(Delivery.inbox)
    )
    query = (
        select(Delivery.inbox, Delivery.last_error, Event.uid)
        .join(Event, Event.id == Delivery.event_id)
        .where(Delivery.id.in_(newest), Delivery.last_error.is_not(None))
    )
    return {row.inbox: (row.last_error, row.uid) for row in db.session.execute(query)}
