"""What workers do to each other and to the ledger: two sweepers, poison, a switch in play, a jumping clock."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, text

from app import clock
from app.accounts.user import User
from app.db import db
from app.events.event import Event
from app.inboxes.dispatch import drain
from app.inboxes.registry import INBOXES, names_of
from app.inboxes.setting import switch
from app.issues.comment import add_comment
from app.issues.issue import Issue
from app.notifications.notification import Notification
from app.notifications.outgoing_mail import OutgoingMail
from tests.support import world as worlds
from tests.support.deliveries import deliver, make_due, row, rows
from tests.support.world import said

NAMES = {inbox.name for inbox in INBOXES}


def comments(world: worlds.World, count: int) -> None:
    for number in range(count):
        add_comment(world.issue, said(f"{number}"), author=world.member, actor=world.member.actor)
        db.session.commit()


def together(app: Flask, *works: Callable[[], object]) -> None:
    """Run these at the same time, each in a context of its own; raises what one of them raised."""
    failed: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        with app.app_context():
            try:
                start.wait(10)
                work()
            except BaseException as error:  # noqa: BLE001 - raised below
                failed.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    if failed:
        raise failed[0]


def test_two_sweepers_at_once_do_everything_once(app: Flask, world: worlds.World) -> None:
    deliver()
    comments(world, 40)
    db.session.remove()
    together(app, *[lambda: drain("events", seconds=60), lambda: drain("mail", seconds=60)] * 2)
    theirs = [one for one in rows() if one.inbox in (*names_of("events"), *names_of("mail"))]
    assert {one.state for one in theirs} <= {"delivered", "skipped"}
    assert {one.attempts for one in theirs if one.state == "delivered"} == {1}
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 40
    assert db.session.scalar(select(func.count()).select_from(OutgoingMail)) == 40


def test_one_poisoned_event_in_a_hundred_costs_the_others_nothing(world: worlds.World) -> None:
    deliver()
    comments(world, 100)
    poisoned = db.session.scalars(select(Event.id).where(Event.action == "commented")).all()[50]
    if db.engine.dialect.name == "sqlite":
        made = (
            f"CREATE TRIGGER poison BEFORE INSERT ON notifications WHEN NEW.event_id = {poisoned} "
            "BEGIN SELECT RAISE(ABORT, 'poison'); END"
        )
    else:
        made = (
            f"CREATE TRIGGER poison BEFORE INSERT ON notifications FOR EACH ROW WHEN (NEW.event_id = {poisoned}) "
            "EXECUTE FUNCTION tidings_refuse('poison')"
        )
    db.session.execute(text(made))
    db.session.commit()
    deliver("events")
    found = rows("in_app_notifications", "commented")
    assert [one.event_id for one in found if one.state != "delivered"] == [poisoned]
    assert {one.state for one in rows("live_updates")} == {"delivered"}
    for _ in range(8):
        make_due("in_app_notifications")
        deliver("events")
    [one] = [one for one in rows("in_app_notifications", "commented") if one.event_id == poisoned]
    assert (one.state, one.attempts) == ("dead", 8)
    assert "poison" in (one.last_error or "")
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 99


def test_an_inbox_switched_a_hundred_times_under_load_either_acts_or_says_that_it_was_off(
    app: Flask, world: worlds.World
) -> None:
    deliver()
    issue, lead, member = world.issue.id, world.lead.id, world.member.id
    db.session.remove()

    def write() -> None:
        for number in range(60):
            author = db.session.get_one(User, member)
            add_comment(
                db.session.get_one(Issue, issue), said(f"{number}"), author=author, actor=author.actor
            )
            db.session.commit()

    def toggle() -> None:
        admin = db.session.get_one(User, lead)
        for number in range(100):
            switch("in_app_notifications", enabled=bool(number % 2), by=admin, actor=admin.actor, known=NAMES)
            db.session.commit()

    def work() -> None:
        for _ in range(20):
            drain("events", seconds=20)

    together(app, write, toggle, work)
    deliver("events")
    found = rows("in_app_notifications", "commented")
    assert len(found) == 60
    assert {(one.state, one.reason) for one in found} <= {("delivered", "told 1 person"), ("skipped", "off")}
    told = db.session.scalar(select(func.count()).select_from(Notification))
    assert told == len([one for one in found if one.state == "delivered"])


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(days=1), timedelta(hours=-1)])
def test_a_clock_that_jumps_loses_nothing_and_doubles_nothing(world: worlds.World, jump: timedelta) -> None:
    deliver()
    comments(world, 3)
    now = clock.now()
    with time_machine.travel(now + jump):
        comments(world, 3)
        deliver()
        done = {one.state for one in rows() if one.created_at >= now + min(jump, timedelta())}
        # set back, the clock passes the moment of what was waiting once more before it is due
        assert done <= (
            {"delivered", "skipped"} if jump > timedelta() else {"delivered", "skipped", "pending"}
        )
    with time_machine.travel(now + max(jump, timedelta()) + timedelta(seconds=1)):
        deliver()
    assert {one.state for one in rows()} <= {"delivered", "skipped"}
    assert {one.attempts for one in rows() if one.state == "delivered"} == {1}
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 6
    assert [one.seq for one in db.session.scalars(select(Event).where(Event.subject == "issue"))] == [
        *range(1, 8)
    ]


def test_a_worker_whose_clock_is_an_hour_ahead_takes_nothing_from_one_that_is_at_work(
    world: worlds.World,
) -> None:
    """It takes the lease for run out: the work is done twice at most once over, and only one of the two counts."""
    deliver()
    comments(world, 1)
    from app.inboxes.claiming import claim_due
    from app.inboxes.marking import Mark, mark

    [claim] = claim_due("events", ["in_app_notifications"], limit=1, by="on time")
    db.session.commit()
    with time_machine.travel(clock.now() + timedelta(hours=1)):
        deliver("events")
    assert mark([Mark(claim, "delivered")]) is False
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 1
    assert row("in_app_notifications", "commented").state == "delivered"
