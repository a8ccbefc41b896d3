"""The pages of webhooks: made, watched, repaired; and what is refused."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import http
from app.db import db
from app.events.event import Event
from app.webhooks.endpoint import Endpoint, switch_off, switch_on
from tests.support import world as worlds
from tests.support.hooks import again, attempts, comment, failing_for, hook, ship, target, told
from tests.support.sink import Sink
from tests.support.web import Browser, browser_of, words

PATH = "/projects/ORC/settings/webhooks"


@pytest.fixture
def lead(app: Flask, place: worlds.World) -> Browser:
    return browser_of(app, place.lead)


def events() -> int:
    return db.session.scalar(select(func.count()).select_from(Event)) or 0


def endpoints() -> list[Endpoint]:
    query = select(Endpoint).where(Endpoint.deleted_at.is_(None)).order_by(Endpoint.id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def test_a_webhook_is_made_and_its_secret_shown_once(lead: Browser, there: Sink) -> None:
    made = lead.post(PATH, {"url": there.url(), "actions": "status"})
    assert made.status_code == 200
    secret = re.search(r'value="(whsec_[^"]+)"', made.text)
    assert secret is not None
    [endpoint] = endpoints()
    assert (endpoint.url, endpoint.actions, endpoint.enabled) == (there.url(), ["status"], True)
    for path in (PATH, f"{PATH}/{endpoint.id}", f"{PATH}/{endpoint.id}/edit"):
        page = lead.get(path)
        assert page.status_code == 200
        assert secret[1] not in page.text
    assert f"whsec_…{secret[1][-4:]}" in lead.get(f"{PATH}/{endpoint.id}").text


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://10.0.0.1/hook", "leads to a private network"),
        ("http://localhost.example@10.0.0.1/", "may not carry a name or a password"),
        ("http://[::ffff:127.0.0.1]/", "leads to an IPv4 address in disguise"),
        ("http://169.254.169.254/latest/meta-data", "leads to a link-local network"),
        ("http://2130706433/", "A number as the host must look like"),
        ("https://8.8.8.8:22/", "Only the ports 80 and 443 are open"),
        ("http://rebinding.example/", "leads to a private network"),
        ("javascript:alert(1)", "must begin with https:// or http://"),
        ("not an address", "Give an address like"),
        ("", "The address is missing"),
        ("https://example.com/" + "a" * 2_000, "2,000 is the most"),
    ],
)
def test_an_address_that_may_not_be_reached_is_refused_at_its_field(
    lead: Browser, monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    monkeypatch.setattr(http, "lookup", lambda *_host, **_kind: [(2, 1, 6, "", ("10.1.2.3", 80))])
    before = events()
    answer = lead.post(PATH, {"url": url, "actions": "*"})
    assert answer.status_code == 422
    assert said in words(answer)
    assert 'aria-invalid="true"' in answer.text
    assert (endpoints(), events()) == ([], before)


@pytest.mark.parametrize(
    ("actions", "said"), [("sorcery", "There is no action"), (None, "Choose what it is told about")]
)
def test_what_it_is_told_about_must_exist(lead: Browser, there: Sink, actions: str | None, said: str) -> None:
    answer = lead.post(PATH, {"url": there.url()} | ({"actions": actions} if actions else {}))
    assert answer.status_code == 422
    assert said in words(answer)
    assert endpoints() == []


def test_only_who_manages_the_project_knows_of_its_webhooks(
    app: Flask, place: worlds.World, there: Sink
) -> None:
    endpoint, _ = hook(place, there.url())
    for person, codes in ((place.member, (403, 404)), (place.stranger, (404, 404))):
        browser = browser_of(app, person)
        assert browser.get(PATH).status_code == codes[0]
        assert browser.get(f"{PATH}/{endpoint.id}").status_code == codes[1]
        assert browser.post(f"{PATH}/{endpoint.id}/secret").status_code == codes[1]
        assert browser.post(f"{PATH}/{endpoint.id}/delete").status_code == codes[1]
        assert browser.post(f"{PATH}/{endpoint.id}/redeliver").status_code == codes[1]
        assert browser.get("/admin/webhooks").status_code == 404
    assert len(endpoints()) == 1


def test_an_endpoint_is_not_found_below_another_project(
    app: Flask, lead: Browser, place: worlds.World, there: Sink
) -> None:
    endpoint, _ = hook(place, there.url())
    worlds.project(place.lead, key="TWO", name="Two")
    db.session.commit()
    assert lead.get(f"/projects/TWO/settings/webhooks/{endpoint.id}").status_code == 404
    assert lead.post(f"/projects/TWO/settings/webhooks/{endpoint.id}/delete").status_code == 404


def test_it_is_changed_switched_tested_and_removed(lead: Browser, place: worlds.World, there: Sink) -> None:
    endpoint, _ = hook(place, there.url(), "status")
    one = f"{PATH}/{endpoint.id}"
    assert lead.post(one, {"url": there.url("/other"), "actions": "commented"}).status_code == 303
    assert (again(endpoint).url, again(endpoint).actions) == (there.url("/other"), ["commented"])
    assert lead.post(f"{one}/test").status_code == 303
    ship()
    assert [arrival.path for arrival in there.arrivals] == ["/other"]
    assert lead.post(f"{one}/enabled").status_code == 303
    assert not again(endpoint).enabled
    assert "This webhook is off" in words(lead.get(one))
    assert lead.post(f"{one}/test").status_code == 409
    assert lead.post(f"{one}/enabled", {"enabled": "1"}).status_code == 303
    assert again(endpoint).enabled
    assert "whsec_" in lead.post(f"{one}/secret").text
    assert lead.post(f"{one}/delete").status_code == 303
    assert (endpoints(), lead.get(one).status_code) == ([], 404)
    names = db.session.scalars(
        select(Event.action).where(Event.action.like("webhook%")).order_by(Event.id)
    ).all()
    assert names == [
        "webhook_created",
        "webhook_changed",
        "webhook_test_sent",
        "webhook_disabled",
        "webhook_enabled",
        "webhook_secret_rotated",
        "webhook_deleted",
    ]


def test_what_was_held_is_sent_from_the_page(lead: Browser, place: worlds.World, there: Sink) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    switch_off(endpoint, place.project, actor=place.actor)
    db.session.commit()
    for number in range(3):
        comment(place, f"number {number}")
    ship()
    one = f"{PATH}/{endpoint.id}"
    assert "3 events held" in words(lead.get(one))
    assert lead.post(f"{one}/send-held").status_code == 409
    switch_on(again(endpoint), place.project, maker=place.lead, actor=place.actor)
    db.session.commit()
    assert "Send 3 held" in words(lead.get(one))
    assert lead.post(f"{one}/send-held").status_code == 303
    ship()
    assert len(there.arrivals) == 3
    assert told().state == "delivered"
    assert "held while" not in words(lead.get(one))


def test_the_log_shows_each_attempt_and_sends_again_under_the_same_id(
    lead: Browser, place: worlds.World, there: Sink
) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    there.mode["/hook"] = "500"
    comment(place, "<script>alert(1)</script>")
    ship()
    one = f"{PATH}/{endpoint.id}"
    page = lead.get(one)
    assert "It answered 500: it has a fault of its own" in words(page)
    assert "<script>alert" not in page.text
    uid = there.arrivals[0].headers["webhook-id"]
    assert uid in page.text

    there.mode["/hook"] = "200"
    assert lead.post(f"{one}/redeliver", {"event": uid}).status_code == 303
    ship()
    assert lead.post(f"{one}/redeliver", {"event": uid}).status_code == 303  # one that arrived, too
    ship()
    assert [arrival.headers["webhook-id"] for arrival in there.arrivals] == [uid] * 3
    assert lead.post(f"{one}/redeliver", {"event": "nothing"}).status_code == 404
    assert [attempt.ok for attempt in attempts(endpoint)] == [False, True, True]


def test_all_that_failed_since_a_time_is_sent_again(lead: Browser, place: worlds.World, there: Sink) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    there.mode["/hook"] = "404"
    for number in range(3):
        comment(place, f"number {number}")
    ship()
    there.mode["/hook"] = "200"
    there.arrivals.clear()
    one = f"{PATH}/{endpoint.id}"
    assert "3 events did not arrive" in words(lead.get(one))
    assert lead.post(f"{one}/redeliver-failed", {"hours": "24"}).status_code == 303
    ship()
    assert len(there.arrivals) == 3
    assert target(endpoint).state == "delivered"


def test_administrators_see_every_endpoint_and_what_is_wrong_with_it(
    app: Flask, place: worlds.World, there: Sink
) -> None:
    hook(place, there.url("/fine"), "commented")
    ill, _ = hook(place, there.url("/ill"), "commented")
    there.mode["/ill"] = "500"
    comment(place)
    ship()
    failing_for(ill, timedelta(days=6))
    ship(due=True)
    admin = worlds.person("Root", admin=True)
    db.session.commit()
    browser = browser_of(app, admin)
    page = words(browser.get("/admin/webhooks"))
    assert "every delivery failed for five days" in page
    assert "It answered 500" in page
    assert "100 % of 1" in page
    assert browser.post(f"/admin/webhooks/{ill.id}/send-held").status_code == 409
    assert browser.get(f"{PATH}/{ill.id}").status_code == 200
