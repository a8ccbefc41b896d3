"""The check of everything against its events: every night, or when an administrator asks; in short stretches.

A run is a row that says how far it came. Each stretch reads in one snapshot for a second at most, writes its place down
and asks for the next on a queue where mail and hooks go first; whoever dies in between loses one stretch. The clock
that comes round each minute takes up a run nobody works on, and begins the night's.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from functools import partial

from redis import Redis
from sqlalchemy import func, select

from app import broker, clock
from app.db import after_commit, begin_write, db, read_first, take_turn
from app.events.integrity_run import IntegrityRun
from app.events.surroundings import table_named
from app.events.verifying import KINDS, Difference, Verified, verify
from app.events.verifying_checkpoints import verify_checkpoints
from app.periodic import periodic
from app.worker import rq

QUEUE = "sync"
STRETCH_SECONDS = 1.0
AT_ONCE = 40
"""Subjects between two looks at the clock."""
STALE = timedelta(seconds=60)
"""A run nobody wrote on for this long has lost its worker."""
NIGHT = (time(2), time(5))
"""When the night's run may begin, in UTC."""
EVERY = timedelta(hours=20)
LAST = "checkpoint"
"""The last place of a run: checkpoints are compared when every subject was looked at."""


def ask_for_check() -> IntegrityRun:
    """Begin a run now, unless one is going on: that one is it. The caller commits."""
    take_turn("integrity")
    return _going_on() or _begin(by_hand=True)


def runs(*, limit: int = 10) -> Sequence[IntegrityRun]:
    """The newest runs, newest first."""
    query = select(IntegrityRun).order_by(IntegrityRun.id.desc()).limit(limit)
    return db.session.scalars(query.execution_options(populate_existing=True)).all()


@periodic("integrity", every=timedelta(minutes=1))
def keep_checking() -> None:
    """Begin the night's run, or take up one that was left lying."""
    run = _going_on()
    now = clock.now()
    if run is None and _night_is_due(now):
        begin_write()
        take_turn("integrity")
        run = _going_on() or _begin(by_hand=False)
        db.session.commit()
    elif run is not None and run.worked_at <= now - STALE and not _queue(run.id):
        check_on(run.id)


@rq.job(queue=QUEUE)
def check_on(run_id: int) -> None:
    """One stretch of a run. Twice is harmless: only who finds the place as they read it moves it on."""
    read_first()
    if _stretch(run_id):
        _queue(run_id)


def _going_on() -> IntegrityRun | None:
    return db.session.scalar(select(IntegrityRun).where(IntegrityRun.state == "running").limit(1))


def _night_is_due(now: datetime) -> bool:
    last = db.session.scalar(select(func.max(IntegrityRun.started_at)).where(IntegrityRun.by_hand.is_(False)))
    return NIGHT[0] <= now.time() < NIGHT[1] and (last is None or last <= now - EVERY)


def _begin(*, by_hand: bool) -> IntegrityRun:
    now = clock.now()
    total = sum(
        db.session.scalar(select(func.count()).select_from(table_named(f"{kind}s"))) or 0 for kind in KINDS
    )
    run = IntegrityRun(
        state="running",
        by_hand=by_hand,
        started_at=now,
        worked_at=now,
        place_kind=KINDS[0],
        place_id=0,
        total=total,
    )
    db.session.add(run)
    db.session.flush()
    after_commit("integrity", partial(_queue_quietly, run.id))
    return run


def _queue_quietly(run_id: int) -> None:
    _queue(run_id)


def _queue(run_id: int) -> bool:
    return broker.call(partial(_enqueue, run_id), False)


def _enqueue(run_id: int, _client: Redis) -> bool:
    rq.get_queue(QUEUE).enqueue(check_on.func, run_id)
    return True


def _stretch(run_id: int) -> bool:
    """Look on for a while and write down how far it came; whether there is more to do."""
    run = db.session.get(IntegrityRun, run_id, populate_existing=True)
    if run is None or run.state != "running":
        db.session.rollback()
        return False
    place = (run.place_kind, run.place_id)
    db.session.rollback()
    if db.engine.dialect.name == "postgresql":
        db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    done, finished, difference = _look_on(place)
    db.session.rollback()
    begin_write()
    query = select(IntegrityRun).where(IntegrityRun.id == run_id).with_for_update()
    run = db.session.scalar(query.execution_options(populate_existing=True))
    if run is None or run.state != "running" or (run.place_kind, run.place_id) != place:
        db.session.rollback()
        return False
    _note(run, done, finished, difference)
    db.session.commit()
    read_first()
    return not finished


def _look_on(place: tuple[str, int]) -> tuple[Verified, bool, Difference | None]:
    """What was looked at, whether that was all, and the first difference."""
    end = clock.monotonic() + STRETCH_SECONDS
    done = Verified(place=place)
    if place[0] != LAST:
        for done in verify(after=place, at_once=AT_ONCE):
            if done.difference:
                return done, True, done.difference
            if clock.monotonic() > end:
                return done, False, None
        done.place = (LAST, 0)
        return done, False, None
    difference = verify_checkpoints().difference
    return done, True, difference


def _note(run: IntegrityRun, done: Verified, finished: bool, difference: Difference | None) -> None:
    run.place_kind, run.place_id = done.place
    run.events += done.events
    run.issues += done.issues
    run.projects += done.projects
    run.people += done.people
    run.worked_at = clock.now()
    if finished:
        run.state = "differs" if difference else "fine"
        run.finished_at = run.worked_at
    if difference:
        run.subject, run.reason = difference.place[:80], difference.reason
        run.field, run.link = difference.field, difference.link
        run.event_says, run.row_says = difference.event_says, difference.row_says
