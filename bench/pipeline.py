"""From the commit to every inbox: how fast, how much, and what it costs those who read meanwhile.

`python -m bench pipeline` measures this part alone. Everything runs as somebody would run it: the supervisor with web
process and two workers, `flask rq worker` as a process of its own, writers as processes.
"""

import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app import create_app
from app.config import from_environment
from app.embedded import EmbeddedValkey
from bench.report import Line

ROOT = Path(__file__).resolve().parent.parent
EVENTS = 2_000
JOBS = 1_000
JOBS_ONE_BY_ONE = 200
SHIPPED_JOBS = 6
SAVES = 100
WRITE_SECONDS = 5.0
DRAINED = 10_000


@dataclass
class Place:
    """An empty, migrated installation with one issue that three people watch; no process runs in it."""

    folder: Path
    environment: dict[str, str]

    def app(self) -> Any:
        return create_app(from_environment(self.environment))


def measure(database: str) -> list[Line]:
    """The whole section."""
    return [
        *_queue(database),
        *_batches(database),
        *_live(database),
        *(_four_writers() if database == "sqlite" else []),
    ]


@contextmanager
def _place(database: str) -> Iterator[Place]:
    from flask_migrate import upgrade

    from tests.support.databases import PostgresServer

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidings-bench-")))
        environment = {"TIDINGS_INSTANCE": str(folder), "TIDINGS_DEMO": "0", "SECRET_KEY": "benchmark"}
        if database == "postgresql":
            data = stack.enter_context(tempfile.TemporaryDirectory(prefix="tidings-pg-"))
            server = PostgresServer(Path(data), fsync="on")
            stack.callback(server.stop)
            server.create("pipeline")
            environment["DATABASE_URL"] = server.url("pipeline")
        place = Place(folder, environment)
        app = place.app()
        with app.app_context():
            from app.db import db
            from tests.support import world as worlds

            upgrade()
            world = worlds.build()
            _watch(world)
            db.session.remove()
            db.engine.dispose()
        yield place


def _watch(world: Any) -> None:
    from app.db import db
    from app.issues.subscription import watch
    from app.projects.membership import add_member
    from tests.support import world as worlds

    for name in ("Third", "Fourth"):
        person = worlds.person(name)
        add_member(world.project, person, role="member", actor=world.actor)
        watch(world.issue, person, actor=person.actor)
    db.session.commit()


@contextmanager
def _valkey(place: Place) -> Iterator[None]:
    server = EmbeddedValkey(place.folder)
    server.start()
    place.environment["REDIS_URL"] = server.url
    try:
        yield
    finally:
        server.stop()
        del place.environment["REDIS_URL"]


def _queue(database: str) -> list[Line]:
    """Jobs a second of `flask rq worker`, ours and as shipped."""
    with _place(database) as place, _valkey(place):
        ours = _jobs_a_second(place, "ours", JOBS)
        shipped = _jobs_a_second(place, "shipped", SHIPPED_JOBS)
    detail = f"{ours:.0f} / {shipped:.1f} jobs a second"
    return [Line("`flask rq worker`: ours / as shipped", ours / shipped, 80, detail, at_least=True)]


def _jobs_a_second(place: Place, worker: str, count: int) -> float:
    trace = place.folder / f"trace-{worker}"
    _in_the_app(
        place, worker, f"for _ in range({count}): queue.enqueue('bench.queue_app.small', {str(trace)!r})"
    )
    _burst(place, worker)
    return _pace(trace)


def _pace(trace: Path) -> float:
    moments = sorted(float(line) for line in trace.read_text().splitlines())
    return (len(moments) - 1) / (moments[-1] - moments[0])


def _in_the_app(place: Place, worker: str, script: str) -> None:
    head = "from bench.queue_app import app\nqueue = app.extensions['rq'].queues['events']\n"
    lines = f"with app.app_context():\n    queue = app.extensions['rq'].queues['events']\n    {script}"
    _run(place, worker, "-c", head.splitlines()[0] + "\n" + lines)


def _burst(place: Place, worker: str) -> None:
    _run(place, worker, "-m", "flask", "--app", "bench.queue_app", "rq", "worker", "events", "--burst")


def _run(place: Place, worker: str, *command: str) -> None:
    env = {**os.environ, **place.environment, "BENCH_WORKER": worker, "FLASK_APP": "bench.queue_app"}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=env, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])


def _batches(database: str) -> list[Line]:
    """Events a second, in batches and as one job each; and what the hash chain takes of a write."""
    with _place(database) as place, _valkey(place):
        app = place.app()
        with app.app_context():
            from app.db import db
            from app.inboxes.dispatch import drain

            drain("events", seconds=600)
            _back_to_writing()
            _record(EVENTS)
            began = time.perf_counter()
            drain("events", seconds=600)
            batched = EVENTS / (time.perf_counter() - began)
            _back_to_writing()
            ids = _record(JOBS_ONE_BY_ONE, due_in=timedelta(days=1))
            chain = _share_of_the_chain()
            db.session.remove()
            db.engine.dispose()
        trace = place.folder / "trace-one"
        call = f"queue.enqueue('bench.queue_app.deliver_one', number, {str(trace)!r})"
        _in_the_app(place, "ours", f"for number in {ids!r}: {call}")
        _burst(place, "ours")
        single = _pace(trace)
    goal = 80 if database == "sqlite" else 30
    return [
        Line(
            "events in batches / one job for each event, same worker",
            batched / single,
            goal,
            f"{batched:.0f} / {single:.0f} events a second to every inbox in our database",
            at_least=True,
        ),
        Line("hash chain, share of an event's write", chain, 0.15, "CPU with the seal / without"),
    ]


def _back_to_writing() -> None:
    from tests.support.deliveries import writes_again

    writes_again()


def _record(count: int, *, due_in: timedelta | None = None) -> list[int]:
    """So many comments' worth of events on the issue, a hundred to a transaction; their ids."""
    from sqlalchemy import select, update

    from app import clock
    from app.db import db
    from app.events.event import Event
    from app.inboxes.delivery import Delivery
    from app.issues.issue import Issue

    newest = db.session.scalar(select(Event.id).order_by(Event.id.desc()).limit(1)) or 0
    db.session.commit()
    for start in range(0, count, 100):
        issue = db.session.scalars(select(Issue).execution_options(populate_existing=True)).first()
        for number in range(start, min(count, start + 100)):
            _one_event(issue, number)
        if due_in is not None:
            db.session.execute(
                update(Delivery)
                .where(Delivery.event_id > newest, Delivery.next_attempt_at.is_not(None))
                .values(next_attempt_at=clock.now() + due_in)
                .execution_options(synchronize_session=False)
            )
        db.session.commit()
    ids = list(db.session.scalars(select(Event.id).where(Event.id > newest)))
    db.session.commit()
    return ids


def _one_event(issue: Any, number: int) -> None:
    from app.events.event import SYSTEM
    from app.events.issue_actions import TitleChanged
    from app.events.recording import record_event

    title = f"Title {number}"
    before, issue.title = issue.title, title
    record_event(issue, TitleChanged(from_=before, to=title), actor=SYSTEM)


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
            _one_event(issue, number)
        took = time.process_time() - began
        db.session.rollback()
        return took

    try:
        pairs = [(cost(real), cost(lambda *_: "0" * 64)) for _ in range(rounds)]
    finally:
        recording.seal = real
    return statistics.median((whole - bare) / whole for whole, bare in pairs)


def _live(database: str) -> list[Line]:
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
        house = stack.enter_context(house_in(folder / "instance", environment))
        lead, member = house.person("ada", admin=True), house.person("otis")
        found_project(house, lead, [member])
        issue = open_issue(house, lead)
        waits = _commit_to_delivered(house, member, issue)
        quiet, busy = _pages_while_draining(house, lead, issue)
    shipped = _shipped_wait(database)
    median, slow = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
    return [
        Line("commit to delivered, median in ms", median * 1e3, 8, f"{SAVES} comments, one at a time"),
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
    for number in range(SAVES + 5):
        house.ok(who, "POST", f"/issues/{issue}/comments", {"body": f"word {number}"})
        pause(0.05)
    pause(1.0)
    rows = house.rows(
        "SELECT d.event_id, min(d.created_at), max(d.finished_at) FROM deliveries d "
        "JOIN events e ON e.id = d.event_id WHERE e.action = 'commented' "
        "AND d.inbox IN ('live_updates', 'in_app_notifications') GROUP BY d.event_id ORDER BY d.event_id"
    )
    waits = [(_moment(last) - _moment(first)).total_seconds() for _, first, last in rows[5:]]
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
        reader._window(f"/issues/{issue}")
        return time.perf_counter() - began

    quiet = sorted(page() for _ in range(300))
    app = create_app(from_environment({**house.environment, "REDIS_URL": house.redis_url}))
    with app.app_context():
        from app.db import db

        _record(DRAINED, due_in=timedelta(days=1))
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
    with _place(database) as place, _valkey(place):
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
            _in_the_app(place, "shipped", script)
        finally:
            worker.terminate()
            worker.wait()
        return statistics.median(float(one) for one in Path(f"{trace}.waits").read_text().split())


def _four_writers() -> list[Line]:
    """Commits a second of four processes that write on SQLite at once, beside one."""
    with _place("sqlite") as place, _valkey(place):
        one = _write_together(place, 1)
        four = _write_together(place, 4)
    errors = one[1] + four[1]
    detail = f"{four[0]:.0f} / {one[0]:.0f} commits a second, {errors} errors"
    ratio = 0.0 if errors else four[0] / one[0]
    return [Line("four writing processes / one", ratio, 0.8, detail, at_least=True)]


def _write_together(place: Place, count: int) -> tuple[float, int]:
    fresh = multiprocessing.get_context("spawn")
    start = fresh.Barrier(count)
    results = fresh.Queue()
    writers = [
        fresh.Process(target=_write, args=(place.environment, number, start, results))
        for number in range(count)
    ]
    for writer in writers:
        writer.start()
    found = [results.get(timeout=120) for _ in writers]
    for writer in writers:
        writer.join()
    return sum(commits for commits, _ in found) / WRITE_SECONDS, sum(errors for _, errors in found)


def _write(environment: dict[str, str], number: int, start: Any, results: Any) -> None:
    from sqlalchemy import select
    from sqlalchemy.exc import SQLAlchemyError

    from app.db import db
    from app.issues.issue import Issue

    app = create_app(from_environment(environment))
    commits = errors = 0
    with app.app_context():
        start.wait()
        end = time.monotonic() + WRITE_SECONDS
        while time.monotonic() < end:
            try:
                issue = db.session.scalars(select(Issue).execution_options(populate_existing=True)).first()
                _one_event(issue, number * 1_000_000 + commits)
                db.session.commit()
                commits += 1
            except SQLAlchemyError:
                db.session.rollback()
                errors += 1
        db.session.remove()
    results.put((commits, errors))
