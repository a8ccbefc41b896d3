"""Replays through the API: counted first, done when it is said, with the bounds and refusals of the page."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.events.event import Event
from app.inboxes import replay as replays
from app.inboxes import replaying
from tests.api.conftest import Place
from tests.support.deliveries import deliver, writes_again

PATH = "/inboxes/live_updates/replays"
SINCE = (clock.now() - timedelta(days=1)).isoformat()


def off_for_a_comment(place: Place) -> None:
    """One comment is written while the inbox is off."""
    with place.app.app_context():
        deliver()
    for enabled in (False, True):
        assert place.admin.patch("/inboxes/live_updates", {"enabled": enabled}).status_code == 200
        if not enabled:
            place.lead.post("/issues/ORC-1/comments", {"body": "Hello"})
    with place.app.app_context():
        deliver()


def recorded(place: Place) -> int:
    with place.app.app_context():
        return db.session.scalar(select(func.count()).where(Event.action == "inbox_replayed")) or 0


def test_it_is_counted_first_and_done_when_it_is_said(place: Place) -> None:
    off_for_a_comment(place)
    counted = place.admin.post(PATH, {"since": SINCE, "project": "orc"})
    assert counted.status_code == 200, counted.json
    assert (counted.json["to_send"], counted.json["project"]) == (1, "ORC")
    assert counted.json["matching"] == counted.json["delivered"] + 1
    assert "1 will be sent. No person is notified." in counted.json["words"]
    assert (place.admin.get(PATH).json["items"], recorded(place)) == ([], 0)

    asked = place.admin.post(PATH, {"since": SINCE, "project": "ORC", "dry_run": False})
    assert asked.status_code == 201
    assert (asked.json["state"], asked.json["total"], asked.json["done"]) == ("running", 1, 0)
    assert asked.json["requested_by"] == place.usernames["admin"]
    one = f"{PATH}/{asked.json['id']}"
    assert place.admin.get(one).json == asked.json
    again = place.admin.post(PATH, {"since": SINCE, "dry_run": False})
    assert (again.status_code, again.json["error"]["field"]) == (409, "inbox")

    with place.app.app_context():
        replaying.go_on()
        deliver()
        writes_again()
    ended = place.admin.get(one).json
    assert (ended["state"], ended["done"]) == ("done", 1)
    assert place.admin.get(PATH).json["items"] == [ended]
    assert place.admin.get("/inboxes/analytics/replays").json["items"] == []
    assert place.admin.get(f"/inboxes/analytics/replays/{ended['id']}").status_code == 404
    assert place.admin.delete(one).status_code == 409
    assert recorded(place) == 1


def test_one_that_is_under_way_is_stopped(place: Place) -> None:
    off_for_a_comment(place)
    asked = place.admin.post(PATH, {"since": SINCE, "dry_run": False}).json
    assert place.admin.delete(f"{PATH}/{asked['id']}").status_code == 204
    assert place.admin.get(f"{PATH}/{asked['id']}").json["state"] == "cancelled"


def test_the_same_key_asks_once(place: Place) -> None:
    off_for_a_comment(place)
    body = {"since": SINCE, "dry_run": False}
    first, second = (place.admin.post(PATH, body, Idempotency_Key="one") for _ in range(2))
    assert (first.status_code, first.json) == (second.status_code, second.json)
    assert recorded(place) == 1


def test_from_the_beginning_of_time_is_written_as_a_moment(place: Place) -> None:
    counted = place.admin.post(PATH, {"since": "0331-01-11T03:05:38+03:00"})
    assert counted.json["since"] == "0331-01-11T00:05:38.000000Z"


@pytest.mark.parametrize(
    ("inbox", "body", "status", "field"),
    [
        ("live_updates", {}, 422, "since"),
        ("live_updates", {"since": "yesterday"}, 422, "since"),
        ("live_updates", {"since": "2026-01-01T00:00:00"}, 422, "since"),
        ("live_updates", {"since": "0001-01-01T00:00:00+14:00"}, 422, "since"),
        ("live_updates", {"since": "2999-01-01T00:00:00Z", "until": "2999-02-01T00:00:00Z"}, 422, "since"),
        ("live_updates", {"since": SINCE, "until": SINCE}, 422, "until"),
        ("live_updates", {"since": SINCE, "project": "NONE"}, 404, None),
        ("live_updates", {"since": SINCE, "everything": True}, 422, "everything"),
        ("email_notifications", {"since": SINCE, "dry_run": False}, 422, "forced"),
        ("live_updates", {"since": SINCE, "dry_run": False}, 409, "since"),
        ("nonsense", {"since": SINCE}, 404, None),
    ],
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(
    place: Place, inbox: str, body: dict[str, Any], status: int, field: str | None
) -> None:
    with place.app.app_context():
        deliver()
    answer = place.admin.post(f"/inboxes/{inbox}/replays", body)
    assert (answer.status_code, answer.json["error"].get("field")) == (status, field), answer.json
    assert (place.admin.get(PATH).json["items"], recorded(place)) == ([], 0)


def test_more_than_may_be_replayed_is_refused_in_a_sentence(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "MOST", 1)
    answer = place.admin.post(PATH, {"since": SINCE})
    assert (answer.status_code, answer.json["error"]["field"]) == (422, "since")
    assert "Choose a shorter one" in answer.json["error"]["message"]


def test_an_inbox_that_is_off_refuses(place: Place) -> None:
    off_for_a_comment(place)
    place.admin.patch("/inboxes/live_updates", {"enabled": False})
    answer = place.admin.post(PATH, {"since": SINCE, "dry_run": False})
    assert (answer.status_code, answer.json["error"]["field"]) == (409, "inbox")
