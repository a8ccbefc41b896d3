"""The typical delay: how long people really wait, not how old what was brought in or sent again is."""

from datetime import timedelta

import pytest
import time_machine

from app import clock
from app.admin.figures import Delay, health_and_inboxes
from app.context import caused_by
from app.db import db
from app.demo import fill_if_empty
from app.events.event import Event
from app.inboxes.repair import Choice, retry_all
from app.inboxes.replay import Wish, start
from app.inboxes.replaying import go_on
from app.inboxes.setting import switch
from app.issues.comment import add_comment
from tests.support import world as worlds
from tests.support.deliveries import deliver, make_due, refused_by_database, row, writes_again
from tests.support.world import said

INBOX = "in_app_notifications"
HOURS = timedelta(hours=5)


def delays() -> dict[str, Delay]:
    _health, inboxes = health_and_inboxes()
    return {one.inbox.name: one.delay for one in inboxes if one.delay is not None}


def comments(world: worlds.World) -> None:
    add_comment(world.issue, said("Hello"), author=world.member, actor=world.member.actor)
    db.session.commit()


@pytest.fixture
def idle(world: worlds.World) -> worlds.World:
    """A day after everything that made the world: nothing of it is counted."""
    deliver()
    return world


def test_it_is_the_time_from_the_act_to_its_delivery(idle: worlds.World) -> None:
    begun = clock.now() + timedelta(days=2)
    with time_machine.travel(begun, tick=False):
        comments(idle)
    with time_machine.travel(begun + timedelta(seconds=3), tick=False):
        deliver()
        assert delays()[INBOX] == Delay(3.0, 3.0)


def test_what_an_import_brought_in_is_not_slow_and_not_fast(idle: worlds.World) -> None:
    begun = clock.now() + timedelta(days=2)
    with (
        time_machine.travel(begun, tick=False),
        caused_by(imported=True),
        clock.turned_to(begun - HOURS),
    ):
        comments(idle)
    with time_machine.travel(begun, tick=False):
        deliver()
        assert row("analytics", "commented").state == "delivered"
        assert delays() == {}


def test_the_demo_workspace_has_no_delay_of_days(context: object) -> None:
    fill_if_empty()
    db.session.commit()
    deliver()
    told = db.session.query(Event).count()
    assert told > 100
    assert all(one.p95 < 60 for one in delays().values()), delays()
    assert INBOX not in delays()


def test_what_was_sent_again_by_hand_or_replayed_did_not_wait_for_us(idle: worlds.World) -> None:
    root = worlds.person("Root", admin=True)
    switch(INBOX, enabled=False, by=root, actor=root.actor, known={INBOX})
    begun = clock.now() + timedelta(days=2)
    with time_machine.travel(begun, tick=False):
        comments(idle)
        comments(idle)
        deliver()
    with time_machine.travel(begun + HOURS, tick=False):
        switch(INBOX, enabled=True, by=root, actor=root.actor, known={INBOX})
        missed = row(INBOX, "commented")
        assert retry_all(Choice("skipped", INBOX, ids=[missed.id]), by=root, actor=root.actor) == 1
        start(Wish(INBOX, begun - HOURS, clock.now(), forced=True), by=root, actor=root.actor)
        db.session.commit()
        go_on()
        deliver()
        writes_again()
        assert row(INBOX, "commented").state == "delivered"
        assert INBOX not in delays()
        comments(idle)
        deliver()
        assert delays()[INBOX].p95 < 1


def test_a_later_try_is_no_delay_but_a_failure(idle: worlds.World) -> None:
    begun = clock.now() + timedelta(days=2)
    with time_machine.travel(begun, tick=False):
        comments(idle)
        with refused_by_database("notifications"):
            deliver()
        assert row(INBOX, "commented").state == "failed"
    with time_machine.travel(begun + HOURS, tick=False):
        make_due()
        deliver()
        assert row(INBOX, "commented").state == "delivered"
        assert INBOX not in delays()
