"""Work that comes round again: a row in `schedules` for each kind, claimed by whichever sweeper sees it due first.

Not RQ's cron: that one enqueues with pickle and ends when Redis goes away (decisions §16). A turn is claimed before it
is run, so a worker that dies during one loses that turn and no other: what runs here must be safe to miss a turn, and
safe to run twice.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import String, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.db import Base, begin_write, db

log = logging.getLogger(__name__)


class Schedule(Base):
    """When one kind of periodic work is due, and how its last turn went."""

    __tablename__ = "schedules"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    next_run_at: Mapped[datetime]
    last_run_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(500))


@dataclass(frozen=True, slots=True)
class Periodic:
    """Work without arguments that is due again `every` so often."""

    name: str
    every: timedelta
    work: Callable[[], None]


KINDS: dict[str, Periodic] = {}
"""Everything that registered itself, by name."""


def periodic(name: str, *, every: timedelta) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Run the function again and again in a worker, in an app context of its own. It commits what it writes."""

    def register(work: Callable[[], None]) -> Callable[[], None]:
        KINDS[name] = Periodic(name, every, work)
        return work

    return register


def due() -> list[str]:
    """The names of what is due now. What has never run is due at once. One query."""
    moments = {row.name: row.next_run_at for row in db.session.execute(_MOMENTS)}
    now = clock.now()
    return [name for name in KINDS if name not in moments or moments[name] <= now]


_MOMENTS = select(Schedule.name, Schedule.next_run_at)


def run_turn(name: str) -> bool:
    """Claim the turn and run it; False when another worker has it. What it raises is kept and not raised."""
    if not _claim(KINDS[name]):
        return False
    error = None
    try:
        KINDS[name].work()
        db.session.rollback()  # what it has not committed is not meant
    except Exception as raised:
        db.session.rollback()
        log.exception("%s failed; its next turn comes as planned", name)
        error = f"{type(raised).__name__}: {raised}"[:500]
    begin_write()
    db.session.execute(
        update(Schedule).where(Schedule.name == name).values(last_run_at=clock.now(), last_error=error)
    )
    db.session.commit()
    return True


def _claim(kind: Periodic) -> bool:
    """Move the turn on, if it is still due. One statement decides between many workers."""
    begin_write()
    now = clock.now()
    following = now + kind.every
    claimed = db.session.execute(
        update(Schedule)
        .where(Schedule.name == kind.name, Schedule.next_run_at <= now)
        .values(next_run_at=following)
        .execution_options(synchronize_session=False)
    )
    if claimed.rowcount == 1:  # type: ignore[attr-defined]
        db.session.commit()
        return True
    known = db.session.scalar(select(Schedule.name).where(Schedule.name == kind.name))
    if known is None:
        try:
            db.session.execute(insert(Schedule).values(name=kind.name, next_run_at=following))
            db.session.commit()
        except IntegrityError:
            db.session.rollback()
            return False
        return True
    db.session.rollback()
    return False
