"""Replays: counted first, done bit by bit, once for each event, and never to people unless somebody insists."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from app import clock
from app.db import db
from app.errors import Conflict, Invalid, NotFound
from app.events.event import Event
from app.inboxes import replay as replays
from app.inboxes import replaying
from app.inboxes.delivery import Delivery
from app.inboxes.replay import Replay, Wish, cancel, count, sentences, start
from app.inboxes.setting import switch
from app.issues.comment import add_comment
from app.notifications.notification import Notification
from tests.support import world as worlds
from tests.support.deliveries import deliver, row, rows, writes_again
from tests.support.world import said

INBOX = "live_updates"


@pytest.fixture
def root(world: worlds.World) -> Iterator[worlds.User]:
    made = worlds.person("Root", admin=True)
    db.session.commit()
    deliver()
    yield made
    writes_again()


def wish(**changes: object) -> Wish:
    now = clock.now()
    fields = {
        "inbox": INBOX,
        "since": now - timedelta(days=1),
        "until": now + timedelta(minutes=1),
        **changes,
    }
    return Wish(**fields)  # type: ignore[arg-type]


def skip_all(inbox: str = INBOX, reason: str = "off") -> int:
    """As if the inbox had been off."""
    done = db.session.execute(
        update(Delivery).where(Delivery.inbox == inbox).values(state="skipped", reason=reason)
    )
    db.session.commit()
    return int(done.rowcount)  # type: ignore[attr-defined]


def asked(root: worlds.User, **changes: object) -> Replay:
    made = start(wish(**changes), by=root, actor=root.actor)
    db.session.commit()
    return made


def finish(replay: Replay) -> Replay:
    """What the workers do, turn by turn."""
    for _ in range(50):
        replaying.go_on()
        deliver()
        if db.session.get_one(Replay, replay.id, populate_existing=True).state != "running":
            break
    writes_again()
    return db.session.get_one(Replay, replay.id, populate_existing=True)


def test_what_was_missed_is_delivered_and_what_was_delivered_is_not_sent_twice(root: worlds.User) -> None:
    before = len(rows(INBOX))
    db.session.execute(
        update(Delivery)
        .where(Delivery.id == rows(INBOX)[0].id)
        .values(state="skipped", reason="off")
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    counted = count(wish())
    assert (counted.matching, counted.delivered, counted.to_send) == (before, before - 1, 1)
    assert f"{before - 1} already delivered and will be skipped. 1 will be sent." in sentences(
        wish(), counted
    )
    done = finish(asked(root))
    assert (done.state, done.done, done.total) == ("done", 1, 1)
    assert {one.state for one in rows(INBOX)} == {"delivered"}
    assert [one.replay_id for one in rows(INBOX)].count(done.id) == 1


def test_an_inbox_that_is_new_gets_a_delivery_for_what_was_before_it(root: worlds.User) -> None:
    there = len(rows(INBOX))
    db.session.execute(delete(Delivery).where(Delivery.inbox == INBOX))
    db.session.commit()
    assert count(wish()).to_send == there
    finish(asked(root))
    assert [one.state for one in rows(INBOX)] == ["delivered"] * there


def test_people_are_told_again_only_when_somebody_insists(root: worlds.User, world: worlds.World) -> None:
    add_comment(world.issue, said("Hello"), author=world.member, actor=world.member.actor)
    db.session.commit()
    deliver()
    db.session.execute(delete(Notification))
    skip_all("in_app_notifications")
    with pytest.raises(Invalid, match="reaches people") as refused:
        start(wish(inbox="in_app_notifications"), by=root, actor=root.actor)
    assert refused.value.field == "forced"
    db.session.rollback()
    finish(asked(root, inbox="in_app_notifications", forced=True))
    assert row("in_app_notifications", "commented").state == "delivered"
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 1


def test_it_goes_on_where_a_crash_left_it_and_can_be_cancelled(
    root: worlds.User, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = skip_all()
    monkeypatch.setattr(replaying, "LOOK", 1)
    replay = asked(root)
    first = db.session.get_one(Replay, replay.id)
    while not first.done:
        assert replaying.step(replay.id)
        db.session.refresh(first)
    assert 0 < first.done < there
    assert first.place_id is not None
    cancel(replay.id)
    db.session.commit()
    assert not replaying.step(replay.id)
    with pytest.raises(Conflict, match="ended already"):
        cancel(replay.id)
    with pytest.raises(NotFound):
        cancel(999)
    db.session.rollback()
    deliver()
    left = [one for one in rows(INBOX) if one.state == "skipped"]
    assert 0 < len(left) < there
    done = finish(asked(root))
    assert done.done == len(left)
    assert {one.state for one in rows(INBOX)} == {"delivered"}


def test_a_step_in_other_hands_changes_nothing(root: worlds.User) -> None:
    skip_all()
    replay = asked(root)
    db.session.execute(update(Replay).values(lease_until=clock.now() + timedelta(seconds=30)))
    db.session.commit()
    assert not replaying.step(replay.id)
    writes_again()
    assert {one.state for one in rows(INBOX)} == {"skipped"}


def test_it_waits_while_many_of_its_inbox_wait(root: worlds.User, monkeypatch: pytest.MonkeyPatch) -> None:
    there = skip_all()
    monkeypatch.setattr(replaying, "LOOK", 2)
    monkeypatch.setattr(replaying, "ROOM", 2)
    replay = asked(root)
    replaying.go_on()
    waiting = [one for one in rows(INBOX) if one.state == "pending"]
    assert 2 <= len(waiting) <= 3
    assert finish(replay).done == there


def test_imported_history_is_left_out_unless_it_is_asked_for(root: worlds.User) -> None:
    there = skip_all(reason="imported")
    counted = count(wish())
    assert (counted.imported, counted.to_send) == (there, 0)
    with pytest.raises(Conflict, match="Nothing is left"):
        start(wish(), by=root, actor=root.actor)
    db.session.rollback()
    assert finish(asked(root, imported=True)).done == there


def test_a_project_and_a_time_narrow_it(root: worlds.User, world: worlds.World) -> None:
    lead = worlds.person("Nina")
    other = worlds.project(lead, key="PEAR", name="Pear")
    worlds.issue(other, lead)
    db.session.commit()
    deliver()
    skip_all()
    of_other = finish(asked(root, project_id=other.id))
    query = (
        select(Event.project_id).join(Delivery).where(Delivery.inbox == INBOX, Delivery.state == "delivered")
    )
    assert set(db.session.scalars(query)) == {other.id}
    assert of_other.done == of_other.total
    assert count(wish(since=clock.now() - timedelta(seconds=0.001))).matching == 0


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"inbox": "nothing"}, "inbox", "no inbox nothing"),
        ({"until": clock.now() - timedelta(days=9)}, "until", "before To"),
        (
            {"since": clock.now() + timedelta(days=1), "until": clock.now() + timedelta(days=2)},
            "since",
            "future",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_field(
    root: worlds.User, changes: dict[str, object], field: str, words: str
) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        count(wish(**changes))
    assert refused.value.field == field


def test_more_events_than_may_be_replayed_are_refused_in_a_sentence(
    root: worlds.User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "MOST", 2)
    with pytest.raises(Invalid, match="More than 2 events lie in this time"):
        count(wish())
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Replay)) == 0


def test_an_inbox_that_is_off_or_busy_with_another_replay_refuses(root: worlds.User) -> None:
    skip_all()
    switch(INBOX, enabled=False, by=root, actor=root.actor, known={INBOX})
    db.session.commit()
    with pytest.raises(Conflict, match="is off"):
        asked(root)
    db.session.rollback()
    switch(INBOX, enabled=True, by=root, actor=root.actor, known={INBOX})
    db.session.commit()
    asked(root)
    with pytest.raises(Conflict, match="under way"):
        asked(root)
    db.session.rollback()


def test_it_is_recorded_on_the_administrator(root: worlds.User) -> None:
    skip_all()
    asked(root)
    [done] = db.session.scalars(select(Event).where(Event.action == "inbox_replayed"))
    assert done.user_id == root.id
    assert done.facts["inbox"] == INBOX
    assert done.facts["forced"] is False


def test_the_command_counts_first_and_refuses_what_reaches_people(app: Flask, root: worlds.User) -> None:
    run = app.test_cli_runner().invoke
    there = skip_all()
    dry = run(args=["events", "replay", INBOX, "--since", "2020-01-01", "--dry-run"])
    assert f"{there} will be sent. No person is notified." in dry.output
    writes_again()
    assert db.session.scalar(select(func.count()).select_from(Replay)) == 0
    refused = run(args=["events", "replay", "email_notifications", "--since", "2020-01-01"])
    assert refused.exit_code == 1
    assert "Email reaches people" in refused.output
    writes_again()
    assert run(args=["events", "replay", INBOX, "--since", "yesterday"]).exit_code == 2
    assert "no project GONE" in run(
        args=["events", "replay", INBOX, "--since", "2020-01-01", "--project", "gone"]
    ).output.replace("gone", "GONE")
    done = run(args=["events", "replay", INBOX, "--since", "2020-01-01", "--project", "orc"])
    assert done.exit_code == 0, done.output
    assert "is under way" in done.output
    writes_again()
    assert db.session.scalar(select(func.count()).select_from(Replay)) == 1
