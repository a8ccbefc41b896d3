"""A running house: from the commit to the delivery, and what those who read notice meanwhile."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app import create_app
from app.config import from_environment
from bench.events import record
from bench.place import ROOT, in_the_app, place_for, valkey
from bench.report import Line

SAVES = 100
WARM = 30
"""Saves before those that are counted: a house that is at rest has its plans made."""
DRAINED = 10_000
SHIPPED_JOBS = 6


def measure_live(database: str) -> list[Line]:
    """A running house: from the commit to the delivery, and pages while ten thousand events are delivered."""
    from tests.support.house import found_project, house_in, open_issue

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidings-bench-")))
        environment = {"LOG_LEVEL": "ERROR", "SECRET_KEY": "benchmark"}
        if database == "postgresql":
            from tests.support.databases import PostgresServer

            data = stack.enter_context(tempfile.TemporaryDirectory(prefix="tidings-pg-"))
            server = PostgresServer(Path(data), fsync="on")
            stack.callback(server.stop)
            server.create("live")
            environment["DATABASE_URL"] = server.url("live")
        house = stack.enter_context(house_in(folder / "instance", environment, workers=3))
        lead, member = house.person("ada", admin=True), house.person("otis")
        found_project(house, lead, [member])
        issue = open_issue(house, lead)
        waits = _commit_to_delivered(house, member, issue)
        quiet, busy = _pages_while_draining(house, lead, issue)
    shipped = _shipped_wait(database)
    median, slow = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
    return [
        Line(
            "commit to delivered, median in ms",
            median * 1e3,
            8,
            f"{SAVES} comments, one at a time, after {WARM} others",
        ),
        Line("commit to delivered, p99 in ms", slow * 1e3, 40, "the slowest but one in a hundred"),
        Line(
            "Flask-RQ as shipped / ours, from commit to done",
            shipped / median,
            50,
            f"{shipped * 1e3:.0f} / {median * 1e3:.1f} ms",
            at_least=True,
        ),
        Line(
            f"a page's p99 while {DRAINED:,} events are delivered / in peace",
            busy / quiet,
            4,
            f"{busy * 1e3:.0f} / {quiet * 1e3:.0f} ms through the server",
        ),
    ]


def _commit_to_delivered(house: Any, who: Any, issue: str) -> list[float]:
    """From the event's moment, which is before the commit, to the last delivery in our database."""
    pause = time.sleep
    for number in range(SAVES + WARM):
        house.ok(who, "POST", f"/issues/{issue}/comments", {"body": f"word {number}"})
        pause(0.05)
    pause(1.0)
    rows = house.rows(
        "SELECT d.event_id, min(d.created_at), max(d.finished_at) FROM deliveries d "
        "JOIN events e ON e.id = d.event_id WHERE e.action = 'commented' "
        "AND d.inbox IN ('live_updates', 'in_app_notifications') GROUP BY d.event_id ORDER BY d.event_id"
    )
    waits = [(_moment(last) - _moment(first)).total_seconds() for _, first, last in rows[WARM:]]
    return sorted(waits)


def _moment(value: str | datetime) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _pages_while_draining(house: Any, who: Any, issue: str) -> tuple[float, float]:
    """The p99 of a page in peace, and from when ten thousand events are due until they are delivered."""
    from tests.chaos.clients import Client, Log

    reader = Client(house, who, [issue], Log(), changes=0, seed=1)
    reader.sign_in()

    def page() -> float:
        began = time.perf_counter()
        reader.window(f"/issues/{issue}")
        return time.perf_counter() - began

    quiet = sorted(page() for _ in range(300))
    app = create_app(from_environment({**house.environment, "REDIS_URL": house.redis_url}))
    with app.app_context():
        from app.db import db

        record(DRAINED, due_in=timedelta(days=1))
        db.session.execute(_DUE_NOW(db))
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
    busy = []
    due = (
        "SELECT count(*) FROM deliveries WHERE next_attempt_at IS NOT NULL AND inbox <> 'email_notifications'"
    )
    while house.rows(due)[0][0]:
        busy += [page() for _ in range(10)]
    return quiet[int(len(quiet) * 0.99)], sorted(busy)[int(len(busy) * 0.99)]


def _DUE_NOW(db: Any) -> Any:  # noqa: N802
    from sqlalchemy import update

    from app import clock
    from app.inboxes.delivery import Delivery

    change = update(Delivery).where(Delivery.next_attempt_at.is_not(None)).values(next_attempt_at=clock.now())
    return change.execution_options(synchronize_session=False)


def _shipped_wait(database: str) -> float:
    """From enqueuing to the trace a job leaves, on a worker as shipped that has nothing else to do."""
    with place_for(database) as place, valkey(place):
        trace = place.folder / "trace-wait"
        env = {**os.environ, **place.environment, "BENCH_WORKER": "shipped", "FLASK_APP": "bench.queue_app"}
        command = [sys.executable, "-m", "flask", "--app", "bench.queue_app", "rq", "worker", "events"]
        worker = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            script = (
                "import time; from pathlib import Path\n"
                f"    trace = Path({str(trace)!r})\n"
                "    waits = []\n"
                f"    for number in range({SHIPPED_JOBS}):\n"
                "        began = time.monotonic(); queue.enqueue('bench.queue_app.small', str(trace))\n"
                "        while not trace.exists() or trace.read_text().count('\\n') <= number: time.sleep(0.002)\n"
                "        waits.append(float(trace.read_text().split()[-1]) - began)\n"
                "    Path(str(trace) + '.waits').write_text(' '.join(map(str, waits)))"
            )
            in_the_app(place, "shipped", script)
        finally:
            worker.terminate()
            worker.wait()
        return statistics.median(float(one) for one in Path(f"{trace}.waits").read_text().split())
