"""What a worker's child had in hand when it died is due at once for the next one."""

from datetime import timedelta

from app import clock
from app.db import begin_write, db
from app.inboxes import left_behind
from app.inboxes.claiming import claim_due
from app.issues.comment import add_comment
from app.slack.channel import SlackChannel
from tests.support import world as worlds
from tests.support.deliveries import deliver, row
from tests.support.world import said

BOARD = "in_app_notifications"


def claimed(world: worlds.World, by: str) -> None:
    """One delivery in the hands of a worker."""
    deliver()
    add_comment(world.issue, said("Hello"), author=world.member, actor=world.member.actor)
    db.session.commit()
    begin_write()
    assert len(claim_due("events", [BOARD], limit=1, by=by)) == 1
    db.session.commit()


def test_what_a_dead_child_had_in_hand_is_delivered_without_waiting_for_its_lease(
    world: worlds.World,
) -> None:
    claimed(world, "worker")
    deliver()
    assert row(BOARD, "commented").state == "processing"
    assert left_behind.free("worker", before=clock.now()) == 1
    deliver()
    one = row(BOARD, "commented")
    assert (one.state, one.attempts) == ("delivered", 2)


def test_what_others_have_in_hand_or_was_claimed_since_is_left_alone(world: worlds.World) -> None:
    began = clock.now() - timedelta(seconds=1)
    claimed(world, "worker")
    assert left_behind.free("another", before=clock.now()) == 0
    assert left_behind.free("worker", before=began) == 0
    deliver()
    assert row(BOARD, "commented").state == "processing"


def test_the_turns_of_a_dead_child_are_given_back_and_those_of_others_are_not(world: worlds.World) -> None:
    now = clock.now()
    turns = {"worker": now + timedelta(seconds=15), "another": now + timedelta(seconds=15)}
    channels = [
        SlackChannel(name=by, families=[], created_at=now, busy_until=until, busy_by=by)
        for by, until in turns.items()
    ]
    db.session.add_all(channels)
    db.session.commit()
    left_behind.free("worker", before=now - timedelta(minutes=1))
    for one in channels:
        assert db.session.get(SlackChannel, one.id, populate_existing=True).busy_until is not None
    left_behind.free("worker", before=now)
    free, held = (db.session.get(SlackChannel, one.id, populate_existing=True) for one in channels)
    assert free is not None
    assert free.busy_until is None
    assert held is not None
    assert held.busy_until is not None
