"""What is kept of an attempt, and that no secret stands anywhere."""

import dataclasses
from datetime import timedelta

from flask import current_app
from sqlalchemy import select

from app import clock
from app.db import db
from app.events.event import Event
from app.webhooks.attempt import Attempt, forget_old_attempts
from app.webhooks.endpoint import (
    rotate_secret,
    secrets_of,
)
from tests.support import world as worlds
from tests.support.hooks import (
    again,
    attempts,
    comment,
    hook,
    ship,
    told,
)
from tests.support.sink import Sink


def test_a_secret_does_not_stand_in_the_database(place: worlds.World, there: Sink) -> None:
    endpoint, secret = hook(place, there.url())
    kept = again(endpoint).secret
    assert secret not in kept
    assert secret[6:20] not in kept
    assert secrets_of(again(endpoint)) == [secret]


def test_a_secret_that_cannot_be_read_holds_what_is_to_be_sent(place: worlds.World, there: Sink) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    settings = current_app.extensions["settings"]
    current_app.extensions["settings"] = dataclasses.replace(settings, secret_key="another")
    comment(place)
    ship()
    assert (told().state, there.arrivals) == ("held", [])
    assert "make a new one" in (told().reason or "")


def test_an_attempt_is_kept_with_its_answer_and_without_secrets(place: worlds.World, there: Sink) -> None:
    endpoint, secret = hook(place, there.url(), "commented")
    there.mode["/hook"] = "huge"
    comment(place)
    ship()
    [attempt] = attempts(endpoint)
    assert (attempt.status, attempt.ok, len(attempt.answer or ""), attempt.answer_size) == (
        200,
        True,
        4096,
        65_536,
    )
    assert attempt.body_size == len(there.arrivals[0].body)
    assert attempt.request_headers["webhook-id"] == there.arrivals[0].headers["webhook-id"]
    everything = str(attempt.request_headers)
    assert secret not in everything
    assert there.arrivals[0].headers["webhook-signature"][3:] not in everything


def test_the_log_is_forgotten_after_30_days(place: worlds.World, there: Sink) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    for _ in range(2):
        comment(place)
    ship()
    first = attempts(endpoint)[0]
    first.created_at = clock.now() - timedelta(days=30, seconds=1)
    db.session.commit()
    forget_old_attempts()
    assert db.session.scalars(select(Attempt.id)).all() == [attempts(endpoint)[-1].id]
    assert len(attempts(endpoint)) == 1


def test_no_event_carries_a_secret_or_more_of_the_address_than_its_host(
    place: worlds.World, there: Sink
) -> None:
    endpoint, secret = hook(place, there.url("/hook?token=hush"), "commented")
    rotate_secret(endpoint, place.project, actor=place.actor)
    db.session.commit()
    facts = str([event.facts for event in db.session.scalars(select(Event))])
    assert "hush" not in facts
    assert secret not in facts
    assert "127.0.0.1" not in facts  # the host is a text, which the row only commits to
