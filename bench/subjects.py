"""What is timed: the bare floor, and ours with a reader who has really signed in."""

import gc
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.trial import Timing

ADDRESS = "http://127.0.0.1:5000"


class Floor:
    """The bare pages. Nothing of the app is imported into this process."""

    cookie = ""

    def __init__(self, database_url: str) -> None:
        from bench.floor import create_floor, database_beside

        self.app = create_floor(database_beside(database_url))

    def ready(self) -> None:
        """Nobody works for the floor."""

    def call(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        return self.app.wsgi_app(environ, start)

    def other(self, name: str, times: int) -> list[Timing]:
        raise KeyError(name)

    def close(self) -> None:
        """Nothing is kept."""


class Ours:
    """The product, on a database that `seed` has filled, with a Valkey that takes the wake-ups."""

    def __init__(self, folder: Path, database_url: str, redis_url: str) -> None:
        from app import create_app
        from bench.site import settings_of

        self.app = create_app(settings_of(folder, database_url, redis_url))
        self.cookie = ""
        self.form_token = ""
        self._sign_in()

    def _sign_in(self) -> None:
        from sqlalchemy import select

        from app.accounts.session import open_session
        from app.accounts.user import User
        from app.db import db
        from bench.seed import READER

        with self.app.app_context():
            reader = db.session.scalars(select(User).where(User.username == READER)).one()
            _session, token = open_session(reader, address="127.0.0.1", agent="Firefox")
            db.session.commit()
        client = self.app.test_client()
        with client.session_transaction(base_url=ADDRESS) as cookie:
            cookie["_user_id"] = token
            cookie["_fresh"] = True
        page = client.get("/settings/appearance", base_url=ADDRESS)
        found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert found is not None
        self.form_token = found[1]
        kept = client.get_cookie("session", domain="127.0.0.1")
        assert kept is not None
        self.cookie = f"session={kept.value}"

    def ready(self) -> None:
        """A worker has taken the last wake-up: the next act wakes one again."""
        from app import broker
        from app.worker import QUEUES

        with self.app.app_context():
            broker.call(lambda redis: redis.delete(*(f"tidings:wake:{queue}" for queue in QUEUES)), 0)

    def call(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        if environ["REQUEST_METHOD"] == "POST":
            environ["HTTP_X_CSRFTOKEN"] = self.form_token
        return self.app.wsgi_app(environ, start)

    def other(self, name: str, times: int) -> list[Timing]:
        """`record` and `event only`: one fact on an issue and its commit, with and without the deliveries.

        `unsealed`: as `record`, without the hash of the chain; the database is fit for nothing but timing afterwards.
        `verify`: every chain, every row and every checkpoint, once.
        """
        from app.events import recording
        from app.events.chain import seal
        from app.inboxes.dispatch import add_deliveries

        with self.app.app_context():
            if name == "verify":
                return [self._verify() for _ in range(times)]
            recording.subscribers[:] = [] if name == "event only" else [add_deliveries]
            recording.seal = (lambda *_: "0" * 64) if name == "unsealed" else seal
            try:
                return [self._record() for _ in range(times)]
            finally:
                recording.subscribers[:], recording.seal = [add_deliveries], seal

    def _verify(self) -> Timing:
        import gc

        from app.db import db, reading_first
        from app.events.checkpoint import make_checkpoint
        from app.events.verifying import Verified, verify
        from app.events.verifying_checkpoints import verify_checkpoints

        make_checkpoint()
        db.session.remove()
        gc.collect()
        gc.freeze()  # as the command does, with what the pages have left
        started, began, done = time.perf_counter(), time.process_time(), Verified()
        with reading_first():
            for done in verify():  # noqa: B007 - the last one counts
                pass
            difference = done.difference or verify_checkpoints().difference
        took = Timing(time.process_time() - began, time.perf_counter() - started)
        db.session.remove()
        if difference:
            raise AssertionError(str(difference))
        return Timing(took.cpu / done.events, took.wall / done.events)

    def _record(self) -> Timing:
        from sqlalchemy import select

        from app.db import db
        from app.events.event import SYSTEM
        from app.events.issue_actions import Labeled
        from app.events.recording import record_event
        from app.issues.issue import Issue
        from app.issues.label import Label
        from app.projects.project import Project

        issue = db.session.scalars(
            select(Issue).join(Project).where(Project.key == "BIG", Issue.number == 24)
        ).one()
        label = db.session.scalars(select(Label).where(Label.project_id == issue.project_id).limit(1)).one()
        db.session.rollback()
        db.session.info["after_commit"] = {}
        started, began = time.perf_counter(), time.process_time()
        record_event(issue, Labeled(labels=(label.ref,)), actor=SYSTEM)
        db.session.info["after_commit"] = {}
        db.session.commit()
        took = Timing(time.process_time() - began, time.perf_counter() - started)
        db.session.remove()
        return took

    def close(self) -> None:
        from app.db import db

        with self.app.app_context():
            db.engine.dispose()
        gc.collect()
