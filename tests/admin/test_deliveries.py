"""Admin > Deliveries: sifted, counted, and acted upon exactly as shown; and a replay in two presses."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app import clock
from app.db import db
from app.events.event import Event
from app.inboxes import searching
from app.inboxes.delivery import Delivery, DeliveryFailure
from app.inboxes.replay import Replay
from app.inboxes.searching import Sieve, all_of, counts, find
from app.issues.comment import add_comment
from tests.support import world as worlds
from tests.support.deliveries import deliver, make_due, refused_by_database, row, rows, writes_again
from tests.support.web import Browser, browser_of, words
from tests.support.world import said


@pytest.fixture
def admin(app: Flask, world: worlds.World) -> Browser:
    root = worlds.person("Root", admin=True)
    db.session.commit()
    deliver()
    return browser_of(app, root)


@pytest.fixture
def broken(admin: Browser, world: worlds.World) -> worlds.World:
    """Three comments whose notification failed once."""
    with refused_by_database("notifications"):
        for number in range(3):
            add_comment(world.issue, said(f"Hello {number}"), author=world.member, actor=world.member.actor)
        db.session.commit()
        deliver()
    return world


def fail_for_good() -> None:
    with refused_by_database("notifications"):
        for _ in range(8):
            make_due()
            deliver()


def test_every_filter_narrows_the_list_and_the_counts(admin: Browser, broken: worlds.World) -> None:
    page = words(admin.get("/admin/deliveries?state=failed"))
    assert "Trying again 3" in page
    assert "Retry all 3" in page
    for query, found in (
        ("action=commented", True),
        ("action=created", False),
        ("project=orc", True),
        ("error=disk+is+SAD", True),
        ("error=elephant", False),
        ("since=2020-01-01T00:00", True),
        ("since=2999-01-01T00:00", False),
        ("inbox=in_app_notifications", True),
        ("inbox=live_updates", False),
    ):
        page = words(admin.get(f"/admin/deliveries?state=failed&{query}"))
        assert ("Otis commented on ORC-1" in page) is found, query
        assert ("Retry all 3" in page) is found, query


def test_a_mistake_in_a_filter_is_said_and_finds_nothing(admin: Browser, broken: worlds.World) -> None:
    for query, said_so in (
        ("project=GONE", "There is no project GONE"),
        ("since=soon", "Write a date and time"),
    ):
        answer = admin.get(f"/admin/deliveries?{query}")
        assert answer.status_code == 422
        assert said_so in words(answer)
        assert "Otis commented" not in words(answer)
        assert (
            admin.post("/admin/deliveries/retry", {"state": "failed", **dict([query.split("=")])}).status_code
            == 422
        )


def test_an_act_touches_exactly_what_was_shown(admin: Browser, broken: worlds.World) -> None:
    page = admin.get("/admin/deliveries?state=failed").text
    upto = re.search(r'name="upto" value="(\d+)"', page)
    assert upto is not None
    with refused_by_database("notifications"):
        add_comment(broken.issue, said("Later"), author=broken.member, actor=broken.member.actor)
        db.session.commit()
        deliver()
    admin.post("/admin/deliveries/hold", {"state": "failed", "upto": upto[1]})
    assert "3 deliveries held back" in words(admin.get("/admin/deliveries"))
    writes_again()
    states = [one.state for one in rows("in_app_notifications", "commented")]
    assert states == ["held", "held", "held", "failed"]
    recorded = db.session.scalars(select(Event.facts).where(Event.action == "delivery_held")).one()
    assert recorded["deliveries"] == 3


def test_what_is_held_waits_until_it_is_sent(admin: Browser, broken: worlds.World) -> None:
    one = row("in_app_notifications", "commented")
    assert admin.post(f"/admin/deliveries/{one.id}/hold").status_code == 303
    make_due()
    deliver()
    assert row("in_app_notifications", "commented").state == "held"
    assert row("in_app_notifications", "commented").reason == "held back by Root"
    assert admin.post(f"/admin/deliveries/{one.id}/hold").status_code == 409
    admin.post("/admin/deliveries/retry", {"state": "held"})
    deliver()
    assert {one.state for one in rows("in_app_notifications", "commented")} == {"delivered"}


def test_only_those_with_the_words_in_their_error_are_given_up(admin: Browser, broken: worlds.World) -> None:
    fail_for_good()
    odd = row("in_app_notifications", "commented").id
    db.session.execute(update(Delivery).where(Delivery.id == odd).values(last_error="a sick elephant"))
    db.session.commit()
    admin.post("/admin/deliveries/discard", {"state": "dead", "error": "elephant"})
    writes_again()
    assert [one.state for one in rows("in_app_notifications", "commented")] == ["dead", "dead", "discarded"]


def test_the_page_of_one_tells_every_attempt_that_failed(admin: Browser, broken: worlds.World) -> None:
    fail_for_good()
    one = row("in_app_notifications", "commented")
    page = words(admin.get(f"/admin/deliveries/{one.id}"))
    assert "In-app notifications: failed" in page
    assert "Attempts that failed 8" in page
    assert page.count("the disk is sad") == 9
    admin.post(f"/admin/deliveries/{one.id}/retry")
    deliver()
    page = words(admin.get(f"/admin/deliveries/{one.id}"))
    assert "In-app notifications: delivered" in page
    assert "Attempts that failed 8" in page
    writes_again()
    assert db.session.scalar(select(func.count()).where(DeliveryFailure.delivery_id == one.id)) == 8
    assert admin.get("/admin/deliveries/99999").status_code == 404


def test_a_search_that_looked_at_enough_says_so_and_goes_on(
    broken: worlds.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "SCAN", 2)
    sieve = Sieve(error="disk")
    seen: list[int] = []
    below = None
    for _ in range(200):
        found = find(sieve, below=below, limit=10, scan=2)
        seen += found.ids
        below = found.more
        if below is None:
            break
    assert len(seen) == 3
    assert sorted(seen, reverse=True) == seen
    assert all_of(Sieve(state="failed", error="disk")) == seen
    assert counts(Sieve())["failed"] == 3
    assert sum(counts(Sieve()).values()) == db.session.scalar(select(func.count()).select_from(Delivery))


def test_a_replay_is_counted_first_and_started_by_a_second_press(admin: Browser, world: worlds.World) -> None:
    db.session.execute(
        update(Delivery).where(Delivery.inbox == "live_updates").values(state="skipped", reason="off")
    )
    db.session.commit()
    number = len(rows("live_updates"))
    fields = {"inbox": "live_updates", "since": "2020-01-01T00:00", "project": "ORC"}
    page = admin.get("/admin/replays", query_string=fields)
    assert f"Replay {number}" in words(page)
    assert "No person is notified." in words(page)
    writes_again()
    assert db.session.scalar(select(func.count()).select_from(Replay)) == 0
    assert admin.post("/admin/replays", fields).status_code == 303
    assert "Running" in words(admin.get("/admin/inboxes"))
    writes_again()
    replay = db.session.scalars(select(Replay)).one()
    assert (replay.total, replay.inbox) == (number, "live_updates")
    again = admin.post("/admin/replays", fields)
    assert again.status_code == 422
    assert "is under way" in words(again)
    assert admin.post(f"/admin/replays/{replay.id}/cancellation").status_code == 303
    assert admin.post(f"/admin/replays/{replay.id}/cancellation").status_code == 409
    assert "Cancelled" in words(admin.get("/admin/inboxes"))


def test_a_replay_that_cannot_be_meant_is_refused_at_its_field(admin: Browser, world: worlds.World) -> None:
    later = (clock.now() + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M")
    for fields, said_so in (
        ({"inbox": "live_updates"}, "Say from when on"),
        ({"inbox": "x", "since": "2020-01-01"}, "Choose an inbox"),
        ({"inbox": "live_updates", "since": "yesterday"}, "Write a date and time"),
        ({"inbox": "live_updates", "since": later}, "From must lie before To"),
        ({"inbox": "live_updates", "since": "2020-01-01", "project": "GONE"}, "There is no project GONE"),
    ):
        for answer in (
            admin.get("/admin/replays", query_string=fields),
            admin.post("/admin/replays", fields),
        ):
            assert answer.status_code == 422
            assert said_so in words(answer)
    people = {"inbox": "email_notifications", "since": "2020-01-01"}
    assert "it has to be insisted on" in words(admin.get("/admin/replays", query_string=people))
    answer = admin.post("/admin/replays", people)
    assert "Email reaches people" in words(answer) or "Nothing is left" in words(answer)
    writes_again()
    assert db.session.scalar(select(func.count()).select_from(Replay)) == 0


def test_for_others_none_of_this_exists(app: Flask, world: worlds.World) -> None:
    browser = browser_of(app, world.lead)
    for path in ("/admin/replays", "/admin/deliveries/1"):
        assert browser.get(path).status_code == 404
    for path in (
        "/admin/replays",
        "/admin/replays/1/cancellation",
        "/admin/deliveries/hold",
        "/admin/deliveries/1/hold",
    ):
        assert browser.post(path, {"state": "failed"}).status_code == 404
