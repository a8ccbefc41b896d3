"""Webhooks by the API: the secret once, the log, and what is refused."""

import pytest
from sqlalchemy import select

from app.api.idempotency_key import IdempotencyKey
from app.db import db
from tests.api.conftest import Place
from tests.support.hooks import open_loopback, ship
from tests.support.sink import sink

URL = "https://8.8.8.8/hook"


def made(place: Place, **more: object) -> int:
    answer = place.lead.post("/projects/ORC/webhooks", {"url": URL, **more})
    assert answer.status_code == 201
    number: int = answer.json["id"]
    return number


def test_a_webhook_is_made_with_its_secret_and_read_without_it(place: Place) -> None:
    answer = place.lead.post("/projects/ORC/webhooks", {"url": URL, "actions": ["status", "commented"]})
    assert answer.status_code == 201
    assert answer.json["secret"].startswith("whsec_")
    assert answer.json["actions"] == ["commented", "status"]
    assert (answer.json["enabled"], answer.json["maker"]) == (True, place.usernames["lead"])
    for path in (f"/webhooks/{answer.json['id']}", "/projects/ORC/webhooks"):
        again = place.lead.get(path)
        assert again.status_code == 200
        assert answer.json["secret"] not in again.text
    assert len(place.lead.get("/projects/ORC/webhooks").json["items"]) == 1


def test_the_same_key_shows_the_secret_again_and_the_database_does_not_have_it(place: Place) -> None:
    first = place.lead.post("/projects/ORC/webhooks", {"url": URL}, Idempotency_Key="k1")
    second = place.lead.post("/projects/ORC/webhooks", {"url": URL}, Idempotency_Key="k1")
    assert first.json == second.json
    with place.app.app_context():
        kept = db.session.scalars(select(IdempotencyKey.answer)).all()
    assert first.json["secret"] not in str(kept)
    assert len(place.lead.get("/projects/ORC/webhooks").json["items"]) == 1


def test_a_webhook_is_changed_switched_and_removed(place: Place) -> None:
    path = f"/webhooks/{made(place)}"
    changed = place.lead.patch(path, {"url": "https://8.8.4.4/", "enabled": False})
    assert changed.status_code == 200
    assert (changed.json["url"], changed.json["enabled"], changed.json["why_off"]) == (
        "https://8.8.4.4/",
        False,
        "by_hand",
    )
    assert changed.json["actions"] == ["*"]
    assert place.lead.patch(path, {"enabled": True}).json["enabled"] is True
    assert place.lead.delete(path).status_code == 204
    assert place.lead.get(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "http://127.0.0.1/"}, "url"),
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"url": "gopher://example.com"}, "url"),
        ({"url": ""}, "url"),
        ({"url": URL, "actions": ["sorcery"]}, "actions"),
        ({"url": URL, "actions": []}, "actions"),
        ({"url": URL, "actions": "status"}, "actions"),
        ({"actions": ["*"]}, "url"),
        ({"url": URL, "secret": "mine"}, "secret"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(place: Place, body: object, field: str) -> None:
    answer = place.lead.post("/projects/ORC/webhooks", body)
    assert (answer.status_code, answer.json["error"]["field"]) == (422, field)
    assert place.lead.get("/projects/ORC/webhooks").json["items"] == []


def test_members_and_strangers_know_nothing_of_it(place: Place) -> None:
    path = f"/webhooks/{made(place)}"
    for who in (place.member, place.stranger, place.viewer):
        assert who.get(path).status_code == 404
        assert who.patch(path, {"enabled": False}).status_code == 404
        assert who.delete(path).status_code == 404
        assert who.get(f"{path}/attempts").status_code == 404
    assert place.member.get("/projects/ORC/webhooks").status_code == 403
    assert place.stranger.get("/projects/ORC/webhooks").status_code == 404


def test_the_log_of_attempts_is_read_page_by_page(place: Place) -> None:
    with sink() as there, place.app.app_context():
        open_loopback()
        path = f"/webhooks/{made(place, url=there.url(), actions=['commented'])}"
        for number in range(3):
            place.lead.post("/issues/ORC-1/comments", {"body": f"number {number}"})
        ship()
    first = place.lead.get(f"{path}/attempts?limit=2").json
    assert [one["ok"] for one in first["items"]] == [True, True]
    assert first["items"][0]["status"] == 200
    assert first["items"][0]["request_headers"]["webhook-id"] == first["items"][0]["event"]
    second = place.lead.get(f"{path}/attempts?limit=2&cursor={first['next_cursor']}").json
    assert (len(second["items"]), second["next_cursor"]) == (1, None)
