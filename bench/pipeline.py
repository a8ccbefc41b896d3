"""From the commit to every inbox: how fast, how much, and what it costs those who read meanwhile.

`python -m bench pipeline` measures this part alone. Everything runs as somebody would run it: the supervisor with web
process and three workers, `flask rq worker` as a process of its own, writers as processes.
"""

import statistics
import time
from datetime import timedelta
from typing import Any

from bench.events import one_event, record
from bench.live import measure_live
from bench.place import Place, burst, in_the_app, pace, place_for, valkey
from bench.queue import measure_queue
from bench.report import Line
from bench.writers import measure_writers

EVENTS = 2_000
JOBS_ONE_BY_ONE = 100
ROUNDS = 5
"""Of both in turn, since a machine is not as fast at one moment as at another."""


def measure(database: str) -> list[Line]:
    """The whole section."""
    return [
        *measure_queue(database),
        *_batches(database),
        *measure_live(database),
        *(measure_writers() if database == "sqlite" else []),
    ]


def _batches(database: str) -> list[Line]:
    """Events a second, in batches and as one job each, in turn; and what the hash chain takes of a write."""
    with place_for(database) as place, valkey(place):
        rounds = [(_in_batches(place), _one_by_one(place, number)) for number in range(ROUNDS)]
        with place.app().app_context():
            from app.db import db

            _back_to_writing()
            chain = _share_of_the_chain()
            db.session.remove()
            db.engine.dispose()
    batched, single = (statistics.median(paces) for paces in zip(*rounds, strict=True))
    goal = 80 if database == "sqlite" else 30
    return [
        Line(
            "events in batches / one job for each event, same worker",
            statistics.median(fast / slow for fast, slow in rounds),
            goal,
            f"{batched:.0f} / {single:.0f} events a second to every inbox in our database",
            at_least=True,
        ),
        Line("hash chain, share of an event's write", chain, 0.15, "CPU with the seal / without"),
    ]


def _in_batches(place: Place) -> float:
    """Events a second when what is due is claimed by the hundred."""
    with place.app().app_context():
        from app.db import db
        from app.inboxes.dispatch import drain

        drain("events", seconds=600)
        _back_to_writing()
        record(EVENTS)
        began = time.perf_counter()
        drain("events", seconds=600)
        took = time.perf_counter() - began
        db.session.remove()
        db.engine.dispose()
    return EVENTS / took


def _one_by_one(place: Place, number: int) -> float:
    """Events a second with a job for each."""
    with place.app().app_context():
        from app.db import db

        _back_to_writing()
        ids = record(JOBS_ONE_BY_ONE, due_in=timedelta(days=1))
        db.session.remove()
        db.engine.dispose()
    trace = place.folder / f"trace-one-{number}"
    call = f"queue.enqueue('bench.queue_app.deliver_one', number, {str(trace)!r})"
    in_the_app(place, "ours", f"for number in {ids!r}: {call}")
    burst(place, "ours")
    return pace(trace)


def _back_to_writing() -> None:
    from tests.support.deliveries import writes_again

    writes_again()


def _share_of_the_chain(rounds: int = 9, times: int = 100) -> float:
    """CPU of recording with the seal and with a constant in its place, in turn."""
    from sqlalchemy import select

    from app.db import db
    from app.events import recording
    from app.issues.issue import Issue

    real = recording.seal

    def cost(sealing: Any) -> float:
        recording.seal = sealing
        issue = db.session.scalars(select(Issue).execution_options(populate_existing=True)).first()
        began = time.process_time()
        for number in range(times):
            one_event(issue, number)
        took = time.process_time() - began
        db.session.rollback()
        return took

    try:
        pairs = [(cost(real), cost(lambda *_: "0" * 64)) for _ in range(rounds)]
    finally:
        recording.seal = real
    return statistics.median((whole - bare) / whole for whole, bare in pairs)
