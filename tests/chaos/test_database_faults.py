"""The database locked, full or gone: a calm page within five seconds, nothing half done, and all well afterwards."""

import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import event, func, select

from app import clock, create_app
from app.db import db
from app.events.event import Event
from app.issues.comment import Comment
from tests.conftest import settings_for
from tests.patience import until
from tests.support import world as worlds
from tests.support.databases import PG_BIN, PostgresServer, missing, sqlite_copy
from tests.support.deliveries import deliver, rows
from tests.support.web import Browser, browser_of, claimed, words

BUSY = "Nothing was changed; try again in a moment."


@contextmanager
def locked(app: Flask) -> Iterator[Callable[[], None]]:
    """Another process has the write lock, or on PostgreSQL the row of the issue, until the call given here."""
    with app.app_context():
        url = db.engine.url
    if url.get_backend_name() == "sqlite":
        connection: Any = sqlite3.connect(url.database or "", isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN IMMEDIATE")
    else:
        connection = psycopg.connect(url.render_as_string(hide_password=False).replace("+psycopg", ""))
        connection.execute("SELECT id FROM issues FOR UPDATE")
    done = threading.Event()

    def release() -> None:
        if not done.is_set():
            done.set()
            connection.rollback()
            connection.close()

    try:
        yield release
    finally:
        release()


def comment(browser: Browser, body: str = "Hello") -> Any:
    return browser.post("/issues/ORC-1/comments", {"body": body})


def counts() -> tuple[int, int]:
    """Comments and events that are there."""
    db.session.rollback()
    events = db.session.scalar(select(func.count()).select_from(Event)) or 0
    comments = db.session.scalar(select(func.count()).select_from(Comment)) or 0
    db.session.rollback()
    return comments, events


@pytest.fixture
def signed_in(app: Flask) -> Iterator[Browser]:
    with app.app_context():
        worlds.build()
        admin = claimed("Admin", admin=True)
        browser = browser_of(app, admin)
        comment(browser, "the first")
        yield browser


def test_a_lock_of_three_seconds_is_waited_out(app: Flask, signed_in: Browser) -> None:
    with locked(app) as release:
        threading.Timer(3.0, release).start()
        began = clock.monotonic()
        assert comment(signed_in).status_code in (204, 303)
        assert 2.5 < clock.monotonic() - began < 5
    assert counts()[0] == 2


def test_a_lock_that_lasts_is_answered_within_some_five_seconds_and_reading_goes_on(
    app: Flask, signed_in: Browser
) -> None:
    before = counts()
    with locked(app):
        began = clock.monotonic()
        answer = comment(signed_in)
        assert clock.monotonic() - began < 7
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert BUSY in words(answer)
        assert signed_in.get("/issues/ORC-1").status_code == 200
    assert counts() == before
    assert comment(signed_in).status_code in (204, 303)


@contextmanager
def quota(app: Flask, folder: Path) -> Iterator[Callable[[], None]]:
    """The file of the database may not grow, until the call given here."""
    pages = "PRAGMA max_page_count"

    def limit(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        size = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"{pages}={size}")
        cursor.close()

    event.listen(db.engine, "connect", limit)
    db.session.remove()
    db.engine.dispose()

    def release() -> None:
        event.remove(db.engine, "connect", limit)
        db.session.remove()
        db.engine.dispose()

    yield release


@contextmanager
def tmpfs(app: Flask, folder: Path) -> Iterator[Callable[[], None]]:
    """A disk of a few MB that somebody else has filled, until the call given here."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    yield ballast.unlink


@pytest.mark.parametrize("kind", ["quota", "tmpfs"])
def test_on_a_full_disk_nothing_is_half_saved_reading_goes_on_and_room_is_all_it_takes(
    kind: str, sqlite_template: Path, tmp_path: Path, valkey: str
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    if kind == "tmpfs":
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(folder)], check=False, capture_output=True
        )
        if mounted.returncode:
            missing("no right to mount a small disk: run as root to try the full one")
    try:
        with sqlite_copy(sqlite_template, folder) as url:
            _fill_and_make_room(create_app(settings_for(tmp_path / "instance", url, valkey)), kind, folder)
    finally:
        if kind == "tmpfs":
            subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill_and_make_room(app: Flask, kind: str, folder: Path) -> None:
    app.config["TESTING"] = True
    with app.app_context():
        worlds.build()
        browser = browser_of(app, claimed("Admin", admin=True))
        comment(browser, "the first")
        long = "a long text " * 5_000
        with (quota if kind == "quota" else tmpfs)(app, folder) as make_room:
            answer = comment(browser, long)
            assert answer.status_code == 503, words(answer)
            assert "The disk of this server is full" in words(answer)
            before = counts()
            assert before[0] == 1
            assert comment(browser, long).status_code == 503
            assert counts() == before
            assert browser.get("/issues/ORC-1").status_code == 200
            make_room()
        assert comment(browser, long).status_code in (204, 303)
        assert counts()[0] == 2
        db.session.remove()
        db.engine.dispose()


@pytest.mark.postgres
def test_while_the_server_is_away_every_page_says_so_and_afterwards_all_is_well(
    tmp_path: Path, valkey: str
) -> None:
    if PG_BIN is None:
        missing("PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="tidings-pg-") as folder:
        server = PostgresServer(Path(folder))
        try:
            _outage(server, tmp_path, valkey)
        finally:
            server.stop()


def _outage(server: PostgresServer, tmp_path: Path, valkey: str) -> None:
    from flask_migrate import upgrade

    server.create("away")
    app = create_app(settings_for(tmp_path / "instance", server.url("away"), valkey))
    app.config["TESTING"] = True
    with app.app_context():
        upgrade()
        worlds.build()
        browser = browser_of(app, claimed("Admin", admin=True))
        token = browser.form_token()
        assert comment(browser).status_code in (204, 303)
        db.session.remove()

        def write() -> int:
            data = {"csrf_token": token, "body": "after"}
            return browser.send("POST", "/issues/ORC-1/comments", data=data).status_code

        server.stop()
        began = clock.monotonic()
        answers = [write() for _ in range(3)]
        assert answers == [503, 503, 503]
        assert clock.monotonic() - began < 5
        assert BUSY in words(browser.get("/issues/ORC-1"))
        server.start()
        began = clock.monotonic()
        until(lambda: write() in (204, 303), 5)
        print(f"back after {clock.monotonic() - began:.2f} s")  # noqa: T201
        deliver()
        assert {one.state for one in rows()} <= {"delivered", "skipped"}
        db.session.remove()
        db.engine.dispose()
