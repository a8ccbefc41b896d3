"""The long part of erasing somebody: every text that names them, a little at a time.

An erasure is a row that says how far it came. Each part is found by reading and written in a short transaction
together with the place it came to, so that nobody waits, and whoever takes it up again loses one part. Every part may
be done twice. The row holds the names that are looked for, and is the last thing to go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from redis import Redis
from sqlalchemy import Executable, ForeignKey, String, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app import broker, clock
from app.accounts.erased import Erased, erasers
from app.db import Base, BigId, Json, begin_write, db, reading_first
from app.periodic import periodic
from app.worker import rq

QUEUE = "sync"
JOB_SECONDS = 10.0
"""A job gives its place up after this long and queues itself again: mail and hooks go first there."""
NOTED_EVERY = 0.5
"""Seconds of finding nothing after which the place is written down all the same."""
STALE = timedelta(seconds=60)
"""An erasure nobody wrote on for this long has lost its worker."""


class Erasure(Base):
    """One that is not finished: whom to forget, and how far it came."""

    __tablename__ = "erasures"

    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"), primary_key=True, autoincrement=False)
    names: Mapped[list[str]] = mapped_column(Json)
    handles: Mapped[list[str]] = mapped_column(Json)
    step: Mapped[str] = mapped_column(String(60))
    place: Mapped[int] = mapped_column(BigId)
    begun_at: Mapped[datetime]
    worked_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an erasure came: the step it is at, of how many."""

    words: str
    number: int
    steps: int


def progress_of(user_id: int) -> Progress | None:
    """How far the erasure of this person came; None when none is under way."""
    row = db.session.get(Erasure, user_id, populate_existing=True)
    if row is None:
        return None
    names = list(erasers)
    words = row.step if row.step in names else names[0]
    return Progress(words, names.index(words) + 1, len(names))


def begin(who: Erased) -> None:
    """Write down that this is to be done. The caller commits."""
    now = clock.now()
    row = Erasure(
        user_id=who.user_id,
        names=sorted(who.names),
        handles=sorted(who.handles),
        step="",
        place=0,
        begun_at=now,
        worked_at=now,
    )
    db.session.add(row)


def queue(user_id: int) -> bool:
    """Ask a worker to go on with it. Never raises; what is lost here the clock finds."""
    return broker.call(partial(_enqueue, user_id), False)


def _enqueue(user_id: int, _client: Redis) -> bool:
    rq.get_queue(QUEUE).enqueue(erase_on.func, user_id)
    return True


@rq.job(queue=QUEUE)
def erase_on(user_id: int) -> None:
    """Go on for a while. Twice is harmless."""
    if not go_on(user_id, seconds=JOB_SECONDS):
        queue(user_id)


@periodic("erasures", every=timedelta(seconds=30))
def keep_erasing() -> None:
    """Take up what was left lying."""
    query = select(Erasure.user_id).where(Erasure.worked_at <= clock.now() - STALE)
    for user_id in db.session.scalars(query).all():
        if not queue(user_id):
            go_on(user_id, seconds=JOB_SECONDS)


def go_on(user_id: int, *, seconds: float | None = None) -> bool:
    """Work until it is finished, or for so long; whether it is finished."""
    end = clock.monotonic() + seconds if seconds is not None else float("inf")
    with reading_first():
        while clock.monotonic() < end:
            row = db.session.get(Erasure, user_id, populate_existing=True)
            if row is None:
                return True
            who = Erased(row.user_id, frozenset(row.names), frozenset(row.handles))
            if not _step(who, row.step or next(iter(erasers)), row.place, end):
                return False
    return False


def _step(who: Erased, name: str, place: int, end: float) -> bool:
    """One step from this place on; False when its time was up before it was through."""
    name = name if name in erasers else next(iter(erasers))
    noted = clock.monotonic()
    for part in erasers[name](who, place):
        if part.changes or clock.monotonic() - noted > NOTED_EVERY:
            _write(who.user_id, name, part.place, part.changes)
            noted = clock.monotonic()
        if clock.monotonic() > end:
            return False
    names = list(erasers)
    following = names.index(name) + 1
    if following < len(names):
        _write(who.user_id, names[following], 0)
    else:
        begin_write()
        db.session.execute(delete(Erasure).where(Erasure.user_id == who.user_id))
        db.session.commit()
    return True


def _write(user_id: int, step: str, place: int, changes: Sequence[Executable] = ()) -> None:
    begin_write()
    for change in changes:
        db.session.execute(change)
    moved = {"step": step, "place": place, "worked_at": clock.now()}
    db.session.execute(
        update(Erasure)
        .where(Erasure.user_id == user_id)
        .values(moved)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
