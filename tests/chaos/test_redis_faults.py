"""Valkey slow, frozen, full or out of order: who saves does not notice, and everything still arrives once."""

import os
import random
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from flask import Flask
from sqlalchemy import func, select

from app import clock, create_app
from app.broker import _brokers
from app.db import db
from app.embedded import EmbeddedValkey
from app.inboxes.dispatch import broadcast, sweep
from app.issues.comment import add_comment
from app.issues.workflow import change_status
from app.notifications.notification import Notification
from app.notifications.outgoing_mail import OutgoingMail
from app.worker import rq
from tests.conftest import settings_for
from tests.support import world as worlds
from tests.support.deliveries import deliver, row, rows, writes_again
from tests.support.web import Browser, browser_of, claimed
from tests.support.world import said

SAVES = 20


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A Valkey of this test's own, to be ill-treated."""
    server = EmbeddedValkey(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


@contextmanager
def slow_road_to(path: Path, seconds: float) -> Iterator[str]:
    """The address of a proxy that lets every answer wait for so long."""
    listening = socket.create_server(("127.0.0.1", 0))
    closing = threading.Event()

    def carry(one: socket.socket, other: socket.socket, wait: float) -> None:
        try:
            while data := one.recv(65536):
                closing.wait(wait)
                other.sendall(data)
        except OSError:
            pass
        finally:
            one.close()
            other.close()

    def listen() -> None:
        while True:
            try:
                visitor, _ = listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(path))
            threading.Thread(target=carry, args=(visitor, server, 0.0), daemon=True).start()
            threading.Thread(target=carry, args=(server, visitor, seconds), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    try:
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0"
    finally:
        closing.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


@contextmanager
def app_on(database_url: str, folder: Path, redis_url: str) -> Iterator[Flask]:
    app = create_app(settings_for(folder, database_url, redis_url))
    app.config["TESTING"] = True
    try:
        with app.app_context():
            yield app
            db.engine.dispose()
    finally:
        _brokers.pop(redis_url, None)


def save(browser: Browser, times: int = SAVES) -> list[float]:
    """Seconds that each of so many comments took to save, sorted."""
    took = []
    for number in range(times):
        began = clock.monotonic()
        assert browser.post("/issues/ORC-1/comments", {"body": f"comment {number}"}).status_code in (204, 303)
        took.append(clock.monotonic() - began)
    return sorted(took)


def somebody(app: Flask) -> Browser:
    worlds.build()
    return browser_of(app, claimed("Admin", admin=True))


def test_a_frozen_valkey_costs_one_of_twenty_saves_a_moment_and_the_sweeper_delivers(
    database_url: str, tmp_path: Path, own_valkey: EmbeddedValkey
) -> None:
    with app_on(database_url, tmp_path / "instance", own_valkey.url) as app:
        browser = somebody(app)
        assert own_valkey.process is not None
        os.kill(own_valkey.process.pid, signal.SIGSTOP)
        try:
            took = save(browser)
            assert sweep()
            writes_again()
        finally:
            os.kill(own_valkey.process.pid, signal.SIGCONT)
        print(f"median {took[10] * 1e3:.0f} ms, longest {took[-1] * 1e3:.0f} ms")  # noqa: T201
        assert took[SAVES // 2] < 0.3
        assert len([one for one in took if one > 0.19]) <= 3
        assert {one.state for one in rows()} <= {"delivered", "skipped"}


def test_a_slow_valkey_is_given_up_and_rested_from(
    database_url: str, tmp_path: Path, own_valkey: EmbeddedValkey
) -> None:
    with (
        slow_road_to(own_valkey.socket, 0.25) as url,
        app_on(database_url, tmp_path / "instance", url) as app,
    ):
        took = save(somebody(app))
        assert took[SAVES // 2] < 0.3
        assert sweep()
        writes_again()
        assert {one.state for one in rows()} <= {"delivered", "skipped"}


def test_a_full_valkey_takes_no_wake_up_and_everything_is_saved_and_delivered(
    database_url: str, tmp_path: Path, own_valkey: EmbeddedValkey
) -> None:
    with app_on(database_url, tmp_path / "instance", own_valkey.url) as app:
        browser = somebody(app)
        server = redis.Redis.from_url(own_valkey.url)
        waiting = rq.get_queue("events").count
        server.config_set("maxmemory", "1")
        save(browser, 5)
        with pytest.raises(redis.ResponseError, match="maxmemory"):
            server.set("anything", "x" * 1000)
        assert rq.get_queue("events").count == waiting
        sweep()
        writes_again()
        assert {one.state for one in rows()} <= {"delivered", "skipped"}
        assert db.session.scalar(select(func.count()).select_from(Notification)) == 5
        server.config_set("maxmemory", "0")


def test_every_job_three_times_and_in_any_order_tells_and_mails_once(world: worlds.World) -> None:
    deliver()
    for number in range(10):
        add_comment(world.issue, said(f"{number}"), author=world.member, actor=world.member.actor)
        db.session.commit()
    jobs = ["events", "mail"] * 3
    random.Random(7).shuffle(jobs)
    for queue in jobs:
        broadcast(queue)
    writes_again()
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 10
    assert db.session.scalar(select(func.count()).select_from(OutgoingMail)) == 10
    assert {one.attempts for one in rows() if one.state == "delivered"} == {1}


def test_a_job_that_comes_late_tells_what_happened_then_and_in_its_order(world: worlds.World) -> None:
    deliver()
    for step in ("start", "stop", "start", "resolve"):
        change_status(world.issue, step, actor=world.member.actor)
        db.session.commit()
    add_comment(world.issue, said("the last word"), author=world.member, actor=world.member.actor)
    db.session.commit()
    broadcast("mail")
    broadcast("events")
    writes_again()
    told = db.session.scalars(select(Notification.event_id).order_by(Notification.id)).all()
    assert list(told) == sorted(told)
    mails = db.session.scalars(select(OutgoingMail).order_by(OutgoingMail.id)).all()
    assert len(mails) == 5
    assert "to Resolved" not in mails[0].text
    assert mails[-1].text.count("the last word") == 1
    assert row("email_notifications", "commented").state == "delivered"
