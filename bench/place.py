"""An installation to measure in, and its worker."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import create_app
from app.config import from_environment
from app.embedded import EmbeddedValkey

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Place:
    """An empty, migrated installation with one issue that three people watch; no process runs in it."""

    folder: Path
    environment: dict[str, str]

    def app(self) -> Any:
        return create_app(from_environment(self.environment))


@contextmanager
def place_for(database: str) -> Iterator[Place]:
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
def valkey(place: Place) -> Iterator[None]:
    server = EmbeddedValkey(place.folder)
    server.start()
    place.environment["REDIS_URL"] = server.url
    try:
        yield
    finally:
        server.stop()
        del place.environment["REDIS_URL"]


def pace(trace: Path) -> float:
    moments = sorted(float(line) for line in trace.read_text().splitlines())
    return (len(moments) - 1) / (moments[-1] - moments[0])


def in_the_app(place: Place, worker: str, script: str) -> None:
    head = "from bench.queue_app import app\nqueue = app.extensions['rq'].queues['events']\n"
    lines = f"with app.app_context():\n    queue = app.extensions['rq'].queues['events']\n    {script}"
    run(place, worker, "-c", head.splitlines()[0] + "\n" + lines)


def burst(place: Place, worker: str) -> None:
    run(place, worker, "-m", "flask", "--app", "bench.queue_app", "rq", "worker", "events", "--burst")


def run(place: Place, worker: str, *command: str) -> None:
    env = {**os.environ, **place.environment, "BENCH_WORKER": worker, "FLASK_APP": "bench.queue_app"}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=env, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
