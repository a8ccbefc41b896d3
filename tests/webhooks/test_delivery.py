"""From an event to an endpoint: what arrives, what each answer leads to, and what is written down."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.events.event import Event
from app.inboxes.webhook_delivery import WebhookDelivery
from app.issues.deletion import delete_issue, restore_issue
from app.issues.workflow import change_status
from app.webhooks.endpoint import (
    delete_endpoint,
    rotate_secret,
    send_test,
)
from app.webhooks.signing import signature
from tests.support import world as worlds
from tests.support.deliveries import targets
from tests.support.hooks import (
    again,
    attempts,
    comment,
    hook,
    ship,
    target,
    told,
)
from tests.support.sink import Arrival, Sink


def verified(arrival: Arrival, secret: str) -> bool:
    """The published algorithm of Standard Webhooks, as a receiver has it."""
    headers = arrival.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{arrival.body.decode()}".encode()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [one.split(",", 1) for one in headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(wanted, one) for version, one in given)


def test_the_published_test_vector_is_signed_as_published() -> None:
    made = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_an_event_arrives_signed_and_says_what_happened(place: worlds.World, there: Sink) -> None:
    endpoint, secret = hook(place, there.url())
    ship()
    there.arrivals.clear()
    comment(place, "Grüße")
    ship()

    [arrival] = there.arrivals
    event = db.session.scalars(select(Event).where(Event.action == "commented")).one()
    assert verified(arrival, secret)
    assert arrival.headers["webhook-id"] == event.uid
    assert arrival.headers["content-type"] == "application/json"
    message = json.loads(arrival.body)
    assert message["type"] == "issue.commented"
    assert message["data"]["issue"] == "ORC-1"
    assert message["data"]["project"] == "ORC"
    assert message["data"]["actor"] == {"kind": "user", "username": place.member.username}
    assert message["data"]["metadata"]["excerpt"] == "Grüße"
    assert target(endpoint).state == told().state == "delivered"
    assert told().reason == "sent to 1 webhook"


def test_a_project_without_endpoints_sends_nothing(place: worlds.World, there: Sink) -> None:
    comment(place)
    ship()
    assert (told().state, told().reason) == ("skipped", "no webhook asked for it")


def test_an_endpoint_is_told_what_it_asked_for_and_nothing_else(place: worlds.World, there: Sink) -> None:
    hook(place, there.url("/status"), "status")
    hook(place, there.url("/comments"), "commented", "assigned")
    comment(place)
    change_status(place.issue, "start", actor=place.actor)
    db.session.commit()
    ship()
    assert [json.loads(one.body)["type"] for one in there.at("/status")] == ["issue.status_changed"]
    assert [json.loads(one.body)["type"] for one in there.at("/comments")] == ["issue.commented"]


def test_every_attempt_carries_the_same_id_and_bytes_and_a_signature_of_its_own_time(
    place: worlds.World, there: Sink
) -> None:
    endpoint, secret = hook(place, there.url(), "commented")
    there.mode["/hook"] = "500"
    comment(place)
    ship()
    ship(due=True)
    there.mode["/hook"] = "200"
    ship(due=True)

    first, second, third = there.arrivals
    assert first.body == second.body == third.body
    assert first.headers["webhook-id"] == third.headers["webhook-id"]
    assert verified(first, secret) and verified(third, secret)  # noqa: PT018
    assert (target(endpoint).state, target(endpoint).attempts) == ("delivered", 3)
    assert [one.ok for one in attempts(endpoint)] == [False, False, True]


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("500", "It answered 500: it has a fault of its own"),
        ("404", "It answered 404: there is nothing at this address"),
        ("401", "It answered 401"),
        ("301", "redirects are not followed"),
        ("reset", "closed the connection without an answer"),
        ("garbage", "did not answer as the web does"),
        ("early end", "ended before its length"),
    ],
)
def test_a_failure_is_said_in_words_and_tried_again_after_five_seconds(
    place: worlds.World, there: Sink, mode: str, words: str
) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    there.mode["/hook"] = mode
    comment(place)
    ship()

    [attempt] = attempts(endpoint)
    assert words in (attempt.error or "")
    assert words in (told().last_error or "")
    assert target(endpoint).state == told().state == "failed"
    assert told().next_attempt_at is not None
    assert 3.9 < (told().next_attempt_at - attempt.created_at).total_seconds() < 6.1  # type: ignore[operator]
    assert (again(endpoint).failures, again(endpoint).state) == (1, "failing")
    assert len(there.at("/elsewhere")) == 0


def test_nobody_listening_is_a_failure_that_is_tried_again(place: worlds.World, free_port: int) -> None:
    endpoint, _ = hook(place, f"http://127.0.0.1:{free_port}/", "commented")
    comment(place)
    ship()
    [attempt] = attempts(endpoint)
    assert (attempt.status, attempt.answer) == (None, None)
    assert "refused the connection" in (attempt.error or "")
    assert told().state == "failed"


def test_an_address_that_has_turned_inward_is_refused_at_every_attempt(
    place: worlds.World, there: Sink
) -> None:
    endpoint, _ = hook(place, f"http://10.0.0.1:{there.port}/", "commented")
    comment(place)
    ship()
    assert "leads to a private network" in (attempts(endpoint)[0].error or "")
    assert (told().state, there.arrivals) == ("failed", [])


def test_the_schedule_is_that_of_standard_webhooks_and_then_it_is_dead(
    place: worlds.World, there: Sink
) -> None:
    hours = [wait.total_seconds() / 3600 for wait in WebhookDelivery.backoff]
    assert [round(hour, 3) for hour in hours] == [0.001, 0.083, 0.5, 2, 5, 10, 14, 20, 24]
    endpoint, _ = hook(place, there.url(), "commented")
    there.mode["/hook"] = "500"
    comment(place)
    for number in range(1, 11):
        ship(due=True)
        assert target(endpoint).attempts == number
    assert (target(endpoint).state, told().state) == ("dead", "dead")
    ship(due=True)
    assert len(there.arrivals) == 10


@pytest.mark.parametrize(
    ("said", "least", "most"), [("30", 29, 31), ("7200", 7190, 7201), ("999999", 86_390, 86_401)]
)
def test_retry_after_is_honoured_up_to_a_day(
    place: worlds.World, there: Sink, said: str, least: int, most: int
) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    there.mode["/hook"] = f"429 {said}"
    comment(place)
    ship()
    [attempt] = attempts(endpoint)
    wait = (told().next_attempt_at - attempt.created_at).total_seconds()  # type: ignore[operator]
    assert least <= wait <= most
    assert "asked to wait" in (told().last_error or "")

    comment(place)  # what happens meanwhile waits as well, and that is no attempt
    ship()
    assert (target(endpoint).state, target(endpoint).attempts) == ("pending", 0)
    assert len(there.arrivals) == 1


def test_one_endpoint_that_asks_for_patience_does_not_make_another_wait(
    place: worlds.World, there: Sink
) -> None:
    tired, _ = hook(place, there.url("/tired"), "commented")
    ill, _ = hook(place, there.url("/ill"), "commented")
    there.mode |= {"/tired": "429 7200", "/ill": "500"}
    comment(place)
    ship()
    now = attempts(ill)[0].created_at
    assert (target(ill).next_attempt_at - now) < timedelta(seconds=7)  # type: ignore[operator]
    assert (target(tired).next_attempt_at - now) > timedelta(seconds=7_000)  # type: ignore[operator]
    assert told().next_attempt_at == target(ill).next_attempt_at


def test_a_test_event_goes_to_its_endpoint_alone(place: worlds.World, there: Sink) -> None:
    hook(place, there.url("/all"), "*")
    one, _ = hook(place, there.url("/one"), "closed")
    ship()
    there.arrivals.clear()
    send_test(one, place.project, actor=place.actor)
    db.session.commit()
    ship()
    assert [arrival.path for arrival in there.arrivals] == ["/one"]
    assert json.loads(there.arrivals[0].body)["type"] == "project.webhook_test_sent"


def test_a_removed_endpoint_is_told_nothing_more(place: worlds.World, there: Sink) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    there.mode["/hook"] = "500"
    comment(place)
    ship()
    delete_endpoint(again(endpoint), place.project, actor=place.actor)
    db.session.commit()
    ship(due=True)
    assert len(there.arrivals) == 1
    assert target(endpoint).state == "skipped"
    assert again(endpoint).secret == ""
    assert again(endpoint).url == f"https://127.0.0.1:{there.port}"


def test_a_rotation_under_load_fails_no_verification(place: worlds.World, there: Sink) -> None:
    endpoint, old = hook(place, there.url(), "commented")
    for number in range(30):
        comment(place, f"number {number}")
        if number == 15:
            new = rotate_secret(again(endpoint), place.project, actor=place.actor)
            db.session.commit()
        if number % 5 == 4:
            ship()
    assert len(there.arrivals) == 30
    assert all(verified(one, old) for one in there.arrivals)
    assert [verified(one, new) for one in there.arrivals] == [False] * 15 + [True] * 15
    assert "2 of them" in attempts(endpoint)[-1].request_headers["webhook-signature"]

    again(endpoint).old_secret_until = clock.now() - timedelta(seconds=1)
    db.session.commit()
    comment(place)
    ship()
    assert verified(there.arrivals[-1], new)
    assert not verified(there.arrivals[-1], old)


def test_two_endpoints_of_one_event_stand_each_for_itself(place: worlds.World, there: Sink) -> None:
    fine, _ = hook(place, there.url("/fine"), "commented")
    ill, _ = hook(place, there.url("/ill"), "commented")
    there.mode["/ill"] = "500"
    comment(place)
    ship()
    ship(due=True)
    assert (len(there.at("/fine")), len(there.at("/ill"))) == (1, 2)
    assert {name: one.state for name, one in targets(told()).items()} == {
        f"endpoint:{fine.id}": "delivered",
        f"endpoint:{ill.id}": "failed",
    }
    there.mode["/ill"] = "200"
    ship(due=True)
    assert told().state == "delivered"


def test_programs_are_told_that_an_issue_was_deleted_and_nothing_else_about_it(
    place: worlds.World, there: Sink
) -> None:
    hook(place, there.url())
    ship()
    there.arrivals.clear()
    comment(place, "Too late")
    delete_issue(place.issue, actor=place.actor)
    db.session.commit()
    ship()
    [arrival] = there.arrivals
    message = json.loads(arrival.body)
    assert (message["type"], message["data"]["metadata"]["key"]) == ("issue.deleted", "ORC-1")
    assert (told().state, told().reason) == ("skipped", "the issue was deleted")

    restore_issue(place.issue, actor=place.actor)
    db.session.commit()
    ship()
    assert json.loads(there.arrivals[-1].body)["type"] == "issue.restored"
