"""Claims, leases and failures: one inbox that fails holds up no other, and nothing is done twice."""

from datetime import timedelta

import time_machine
from sqlalchemy import select, update

from app import clock
from app.db import db
from app.inboxes.claiming import Claim, claim_due
from app.inboxes.delivery import Delivery
from app.inboxes.in_app_notifications import InAppNotifications
from app.inboxes.marking import Mark, mark
from app.issues.comment import add_comment
from app.issues.workflow import change_status
from app.notifications.notification import Notification
from tests.support import world as worlds
from tests.support.deliveries import deliver, make_due, refused_by_database, row, rows
from tests.support.world import said

LATER = timedelta(seconds=31)
"""Past a lease."""


def comment(world: worlds.World) -> None:
    add_comment(world.issue, said("Hello"), author=world.member, actor=world.member.actor)
    db.session.commit()


def claim(*inboxes: str, by: str = "tests", limit: int = 200) -> list[Claim]:
    claims = claim_due("events", inboxes, limit=limit, by=by)
    db.session.commit()
    return claims


def notifications() -> int:
    return len(db.session.scalars(select(Notification)).all())


def test_an_inbox_that_fails_backs_off_and_the_others_are_delivered(world: worlds.World) -> None:
    deliver()
    with refused_by_database("notifications"):
        comment(world)
        deliver("events")

        failed = row("in_app_notifications", "commented")
        assert (failed.state, failed.attempts) == ("failed", 1)
        assert "the disk is sad" in (failed.last_error or "")
        assert failed.next_attempt_at is not None
        wait = (failed.next_attempt_at - clock.now()).total_seconds()
        assert 0 < wait <= 2.4
        assert row("live_updates", "commented").state == "delivered"

    make_due()
    deliver("events")
    assert (row("in_app_notifications", "commented").state, notifications()) == ("delivered", 1)


def test_one_event_that_fails_does_not_hold_up_those_claimed_with_it(world: worlds.World) -> None:
    deliver()
    change_status(world.issue, "start", actor=world.member.actor)
    db.session.commit()
    with refused_by_database("notifications"):
        change_status(world.issue, "stop", actor=world.lead.actor)  # nobody else watches: no row is written
        db.session.commit()
        deliver("events")
        states = [(one.state, one.reason) for one in rows("in_app_notifications", "status_changed")]
    assert states[0][0] == "failed"
    assert states[1] == ("skipped", "nobody else is watching")


def test_after_the_last_attempt_a_delivery_is_dead_and_stays_so(world: worlds.World) -> None:
    deliver()
    comment(world)
    with refused_by_database("notifications"):
        for _ in range(InAppNotifications.attempts_allowed()):
            make_due("in_app_notifications")
            deliver("events")
    one = row("in_app_notifications", "commented")
    assert (one.state, one.attempts, one.next_attempt_at) == ("dead", 8, None)
    assert one.finished_at is not None
    make_due()
    deliver()
    assert row("in_app_notifications", "commented").state == "dead"


def test_attempts_that_died_with_their_worker_do_not_make_the_next_wait_longer(world: worlds.World) -> None:
    deliver()
    comment(world)
    for lease in range(3):
        with time_machine.travel(clock.now() + lease * LATER, tick=False):
            claim("in_app_notifications")
    with time_machine.travel(clock.now() + 4 * LATER, tick=False), refused_by_database("notifications"):
        deliver("events")
        failed = row("in_app_notifications", "commented")
        assert (failed.state, failed.attempts) == ("failed", 4)
        assert failed.next_attempt_at is not None
        assert (failed.next_attempt_at - clock.now()).total_seconds() <= 2.4


def test_a_worker_that_was_thought_dead_changes_nothing(world: worlds.World) -> None:
    deliver()
    comment(world)
    [late] = claim("live_updates")
    with time_machine.travel(clock.now() + LATER):
        [current] = claim("live_updates")
        assert current.attempt == late.attempt + 1
        assert mark([Mark(late, "dead", error="too late")]) is False
        db.session.commit()
        assert row("live_updates", "commented").state == "processing"
        assert mark([Mark(current, "delivered")]) is True
        db.session.commit()
    assert (row("live_updates", "commented").state, row("live_updates", "commented").last_error) == (
        "delivered",
        None,
    )


def test_a_worker_from_before_a_retry_by_hand_changes_nothing(world: worlds.World) -> None:
    deliver()
    comment(world)
    [late] = claim("live_updates")
    db.session.execute(
        update(Delivery)
        .where(Delivery.id == late.id)
        .values(state="pending", attempts=0, next_attempt_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    with time_machine.travel(clock.now() + timedelta(seconds=1)):
        [current] = claim("live_updates")
        assert current.attempt == late.attempt
        assert mark([Mark(late, "dead", error="too late")]) is False
        assert mark([Mark(current, "delivered")]) is True
        db.session.commit()


def test_what_a_late_worker_did_is_rolled_back_with_its_mark(world: worlds.World) -> None:
    """Effect and mark are one transaction: whoever lost the lease leaves no effect."""
    deliver()
    comment(world)
    claims = claim("in_app_notifications")
    with time_machine.travel(clock.now() + LATER):
        deliver("events")
        assert notifications() == 1
        assert mark([Mark(one, "delivered") for one in claims]) is False
        db.session.rollback()
    assert notifications() == 1


def test_an_abandoned_delivery_is_claimed_alone(world: worlds.World) -> None:
    for step in ("start", "stop", "start"):
        change_status(world.issue, step, actor=world.actor)
    db.session.commit()
    abandoned = claim("live_updates")
    assert len(abandoned) > 3
    with time_machine.travel(clock.now() + LATER):
        assert len(claim("live_updates")) == 1
        comment(world)
        comment(world)
        claims = [claim("live_updates") for _ in range(len(abandoned))]
    alone = [found for found in claims if found and found[0].attempt > 1]
    fresh = [found for found in claims if found and found[0].attempt == 1]
    assert {len(found) for found in alone} == {1}
    assert [len(found) for found in fresh] == [2]


def test_a_delivery_that_kills_its_worker_each_time_dies_alone(world: worlds.World) -> None:
    deliver()
    comment(world)
    moment = clock.now()
    for attempt in range(InAppNotifications.attempts_allowed()):
        with time_machine.travel(moment + LATER * attempt):
            assert len(claim("in_app_notifications")) == 1
    with time_machine.travel(moment + LATER * 9):
        deliver("events")
    one = row("in_app_notifications", "commented")
    assert (one.state, one.last_error) == ("dead", "the worker died each time it tried this")
    assert notifications() == 0


def test_two_workers_never_claim_the_same_delivery(world: worlds.World) -> None:
    comment(world)
    first = claim("live_updates", "in_app_notifications", limit=2, by="one")
    second = claim("live_updates", "in_app_notifications", by="two")
    assert len(first) == 2
    assert second
    assert not {one.id for one in first} & {one.id for one in second}


def test_notifications_go_to_those_who_watch_and_may_see_it_with_the_reason(world: worlds.World) -> None:
    add_comment(
        world.issue,
        said("@otis", world.member),
        author=world.lead,
        actor=world.lead.actor,
    )
    db.session.commit()
    deliver()
    [one] = db.session.scalars(select(Notification)).all()
    assert (one.user_id, one.reason) == (world.member.id, "mentioned")
    db.session.refresh(world.member)
    assert world.member.feed_seq == 1
