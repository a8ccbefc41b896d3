"""One sick endpoint costs the others nothing, one request at a time for each, and a late worker changes nothing."""

import threading
import time
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from app import clock
from app.db import db
from app.inboxes import lanes
from app.inboxes.claiming import claim_due
from app.inboxes.delivery import Delivery, DeliveryTarget
from app.inboxes.dispatch import drain
from app.inboxes.webhook_delivery import WebhookDelivery
from tests.patience import until
from tests.support import world as worlds
from tests.support.deliveries import deliver, rows, writes_again
from tests.support.hooks import again, attempts, comment, hook, open_loopback, ship, target, told
from tests.support.sink import Sink

EVENTS = 100
HANGS = 4.0


def test_a_hanging_endpoint_delays_nobody_else_with_a_hundred_events_waiting(
    place: worlds.World, there: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.inboxes.webhook_delivery.SECONDS", HANGS)
    hook(place, there.url("/sick"), "commented")
    hook(place, there.url("/fine"), "commented")
    ship()
    there.mode["/sick"] = "hang"
    for number in range(EVENTS):
        comment(place, f"number {number}")
    began = time.monotonic()
    while len(there.at("/fine")) < EVENTS and time.monotonic() - began < 60:
        drain("webhooks", seconds=5)
    writes_again()

    fine = there.at("/fine")
    assert len(fine) == EVENTS
    gaps = [later.at - earlier.at for earlier, later in zip(fine, fine[1:], strict=False)]
    first, last = fine[0].at - began, fine[-1].at - began
    print(f"first {first:.2f} s, last {last:.2f} s, longest gap {max(gaps):.2f} s")  # noqa: T201
    # a machine with other work is slow by itself; a message that waits for the sick one waits four seconds
    assert max(first, *gaps) < HANGS / 2
    assert there.most_at_once == {"/sick": 1, "/fine": 1}
    assert {one.attempts for one in rows("webhook_delivery", "commented")} <= {0, 1}


def test_eight_are_reached_at_once_and_each_one_at_a_time(place: worlds.World, there: Sink) -> None:
    for number in range(8):
        hook(place, there.url(f"/{number}"), "commented")
    ship()
    for _ in range(3):
        comment(place)
    ship()
    assert [len(there.at(f"/{number}")) for number in range(8)] == [3] * 8
    assert set(there.most_at_once.values()) == {1}


def test_sick_endpoints_leave_half_of_the_threads_to_the_healthy(
    place: worlds.World, there: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.inboxes.webhook_delivery.SECONDS", 1.5)
    sick = [hook(place, there.url(f"/sick{number}"), "commented")[0] for number in range(8)]
    hook(place, there.url("/fine"), "commented")
    for endpoint in sick:
        again(endpoint).failures = 1
        there.mode[f"/sick{sick.index(endpoint)}"] = "hang"
    db.session.commit()
    ship()
    comment(place)
    began = time.monotonic()
    ship()
    assert there.at("/fine")[0].at - began < 1.5


def test_what_was_put_off_is_sent_when_the_endpoint_answers_again(
    place: worlds.World, there: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.inboxes.webhook_delivery.SECONDS", 1.5)
    monkeypatch.setattr(WebhookDelivery, "backoff", (timedelta(hours=1),) * 9)  # also on a busy machine
    endpoint, _ = hook(place, there.url(), "commented")
    there.mode["/hook"] = "hang"
    for number in range(5):
        comment(place, f"number {number}")
    ship()
    assert len(there.arrivals) == 1
    assert (target(endpoint).state, target(endpoint).attempts) == ("pending", 0)
    assert again(endpoint).rests_until is not None
    assert again(endpoint).rests_until - clock.now() > timedelta(seconds=5)  # type: ignore[operator]

    there.mode["/hook"] = "200"
    again(endpoint).rests_until = None
    first = select(Delivery.id).where(Delivery.state == "failed").scalar_subquery()
    db.session.execute(update(Delivery).where(Delivery.id == first).values(next_attempt_at=clock.now()))
    db.session.execute(
        update(DeliveryTarget).where(DeliveryTarget.delivery_id == first).values(next_attempt_at=None)
    )
    db.session.commit()
    ship()
    assert len(there.arrivals) == 6
    assert {one.state for one in rows("webhook_delivery", "commented")} == {"delivered"}
    assert again(endpoint).failures == 0


@pytest.mark.parametrize("mode", ["410", "429 60"])
def test_who_wants_nothing_more_is_sent_nothing_more_of_what_waits(
    place: worlds.World, there: Sink, mode: str
) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    there.mode["/hook"] = mode
    for number in range(5):
        comment(place, f"number {number}")
    ship()
    assert len(there.arrivals) == 1
    assert target(endpoint).state == ("held" if mode == "410" else "pending")


def test_a_worker_that_died_while_sending_leaves_it_to_another_under_the_same_id(
    place: worlds.World, there: Sink
) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    ship()
    comment(place)
    [claim] = claim_due("webhooks", ["webhook_delivery"], limit=1, by="a worker that dies")
    db.session.commit()
    ship()
    assert there.arrivals == []  # its lease still runs
    db.session.execute(
        update(Delivery)
        .where(Delivery.id == claim.id)
        .values(next_attempt_at=clock.now() - timedelta(seconds=1))
    )
    db.session.commit()
    ship()
    assert [one.headers["webhook-id"] for one in there.arrivals] == [
        attempts(endpoint)[0].request_headers["webhook-id"]
    ]
    assert told().state == "delivered"


def test_what_a_dead_worker_had_begun_is_marked_as_maybe_sent_twice(place: worlds.World, there: Sink) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    ship()
    there.mode["/hook"] = "500"
    comment(place)
    ship()
    db.session.execute(
        update(DeliveryTarget).values(state="processing")
    )  # as it stands while a request is under way
    db.session.commit()
    there.mode["/hook"] = "200"
    ship(due=True)
    assert (target(endpoint).state, target(endpoint).doubts) == ("delivered", 1)
    assert "may have been sent twice" in (target(endpoint).reason or "")


def test_a_late_worker_changes_nothing(app: Flask, place: worlds.World, there: Sink) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    ship()
    there.mode["/hook"] = "slow"
    comment(place)

    def work() -> None:
        with app.app_context():
            try:
                deliver("webhooks")
            finally:
                db.session.remove()

    late = threading.Thread(target=work)
    late.start()
    until(lambda: there.arrivals)
    db.session.execute(
        update(Delivery)
        .where(Delivery.id == told().id)
        .values(attempts=Delivery.attempts + 1, started_at=clock.now(), claimed_by="another")
    )
    db.session.commit()
    late.join(20)

    assert (told().state, told().claimed_by) == ("processing", "another")
    assert target(endpoint).state == "processing"  # begun by the late one: whoever has it now will say so
    assert attempts(endpoint) == []
    writes_again()


def test_leases_are_held_while_a_request_takes_long(
    place: worlds.World, there: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "RENEW_AFTER", 0.2)
    hook(place, there.url(), "commented")
    ship()
    there.mode["/hook"] = "slow"
    comment(place)
    before = clock.now()
    seen: list[object] = []
    hold_on = lanes.hold_on

    def noticing(work: object) -> None:
        seen.append(work)
        hold_on(work)  # type: ignore[arg-type]

    monkeypatch.setattr(lanes, "hold_on", noticing)
    ship()
    assert len(seen) >= 2
    assert told().state == "delivered"
    assert told().finished_at - before > timedelta(seconds=1)  # type: ignore[operator]


def test_loopback_is_closed_by_default(world: worlds.World, there: Sink) -> None:
    endpoint, _ = hook(world, there.url(), "commented")
    comment(world)
    ship()
    assert there.arrivals == []
    assert "leads to this machine" in (attempts(endpoint)[0].error or "")
    open_loopback()
    ship(due=True)
    assert len(there.arrivals) == 1
