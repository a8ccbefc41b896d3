"""From the committed event to every inbox: rows, switches, wake-ups, the sweeper."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from flask import Flask
from sqlalchemy import select

from app import create_app
from app.db import db
from app.events.actions import ACTIONS
from app.events.event import Event
from app.inboxes.dispatch import broadcast, sweep
from app.inboxes.registry import INBOXES
from app.inboxes.setting import switch
from app.issues.comment import add_comment
from app.issues.workflow import change_status
from app.notifications.notification import Notification
from app.worker import rq
from tests.conftest import settings_for
from tests.support import world as worlds
from tests.support.deliveries import deliver, row, rows, writes_again
from tests.support.world import said

NAMES = {inbox.name for inbox in INBOXES}


def switch_inbox(world: worlds.World, name: str, *, enabled: bool) -> None:
    switch(name, enabled=enabled, by=world.lead, actor=world.actor, known=NAMES)
    db.session.commit()


def test_every_event_has_a_row_for_every_inbox_that_declares_its_action(world: worlds.World) -> None:
    change_status(world.issue, "start", actor=world.actor)
    add_comment(world.issue, said("Hello"), author=world.member, actor=world.member.actor)
    db.session.commit()

    for event in db.session.scalars(select(Event)):
        kind = ACTIONS[event.subject, event.action]
        declared = {inbox.name for inbox in INBOXES if inbox.takes(event.subject, kind)}
        written = {one.inbox for one in rows() if one.event_id == event.id}
        assert written == declared, event.action


def test_rows_are_gone_with_the_transaction_of_the_event(world: worlds.World) -> None:
    before = len(rows())
    change_status(world.issue, "start", actor=world.actor)
    db.session.rollback()
    assert len(rows()) == before


def test_an_inbox_that_is_off_gets_a_finished_row_that_says_so(world: worlds.World) -> None:
    switch_inbox(world, "in_app_notifications", enabled=False)
    change_status(world.issue, "start", actor=world.actor)
    db.session.commit()

    one = row("in_app_notifications", "status_changed")
    assert (one.state, one.reason, one.next_attempt_at) == ("skipped", "off", None)
    assert row("live_updates", "status_changed").state == "pending"


@pytest.mark.parametrize("inbox", ["in_app_notifications", "email_notifications"])
def test_switching_off_acts_on_what_is_pending(world: worlds.World, inbox: str) -> None:
    deliver()
    add_comment(world.issue, said("Hello"), author=world.member, actor=world.member.actor)
    db.session.commit()
    assert row(inbox, "commented").state == "pending"

    switch_inbox(world, inbox, enabled=False)
    deliver()

    assert (row(inbox, "commented").state, row(inbox, "commented").reason) == ("skipped", "off")
    assert row("live_updates", "commented").state == "delivered"
    told = set(db.session.scalars(select(Notification.user_id)))
    assert told == (set() if inbox == "in_app_notifications" else {world.lead.id})


def test_switching_on_again_acts_at_once(world: worlds.World) -> None:
    switch_inbox(world, "in_app_notifications", enabled=False)
    switch_inbox(world, "in_app_notifications", enabled=True)
    change_status(world.issue, "start", actor=world.actor)
    db.session.commit()
    assert row("in_app_notifications", "status_changed").state == "pending"


def test_one_wake_up_serves_many_commits_and_its_job_delivers_all(world: worlds.World, valkey: str) -> None:
    for step in ("start", "stop", "start"):
        change_status(world.issue, step, actor=world.actor)
        db.session.commit()
    assert rq.get_queue("events").count == 1

    broadcast("events")
    writes_again()

    assert {one.state for one in rows("live_updates")} == {"delivered"}
    assert not redis.Redis.from_url(valkey).exists("tidings:wake:events")


def test_running_the_job_twice_tells_nobody_twice(world: worlds.World) -> None:
    deliver()
    add_comment(world.issue, said("Hello"), author=world.member, actor=world.member.actor)
    db.session.commit()
    broadcast("events")
    broadcast("events")
    writes_again()
    assert len(db.session.scalars(select(Notification)).all()) == 1


def test_the_sweeper_wakes_the_queues_whose_wake_up_was_lost(world: worlds.World, valkey: str) -> None:
    add_comment(world.issue, said("Hello"), author=world.member, actor=world.member.actor)
    db.session.commit()
    redis.Redis.from_url(valkey).flushall()
    assert rq.get_queue("events").count == 0

    assert {"events", "mail", "webhooks"} <= set(sweep())
    writes_again()

    for queue in ("events", "mail", "webhooks"):  # beside them stand the turns of periodic work
        woken = [job for job in rq.get_queue(queue).jobs if job.func_name.endswith("broadcast")]
        assert len(woken) == 1


def test_the_sweeper_is_silent_when_nothing_is_due(world: worlds.World) -> None:
    deliver()
    assert sweep() == []
    writes_again()


@pytest.fixture
def without_redis(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The application while nothing listens at the address of Redis."""
    app = create_app(settings_for(tmp_path / "instance", database_url, "redis://127.0.0.1:1/0"))
    yield app
    with app.app_context():
        db.engine.dispose()


def test_without_redis_saving_works_and_the_sweeper_delivers_by_itself(without_redis: Flask) -> None:
    with without_redis.app_context():
        world = worlds.build()
        deliver()
        add_comment(world.issue, said("Hello"), author=world.member, actor=world.member.actor)
        db.session.commit()

        assert {"events", "mail", "webhooks"} <= set(sweep())
        writes_again()

        assert {one.state for one in rows()} <= {"delivered", "skipped"}
        assert len(db.session.scalars(select(Notification)).all()) == 1


def test_what_is_done_quietly_is_shown_and_tells_nobody(world: worlds.World) -> None:
    add_comment(world.issue, said("Psst"), author=world.member, actor=world.member.actor, quiet=True)
    db.session.commit()
    deliver()
    for inbox in ("in_app_notifications", "email_notifications"):
        assert (row(inbox, "commented").state, row(inbox, "commented").reason) == ("skipped", "done quietly")
    assert row("live_updates", "commented").state == "delivered"
