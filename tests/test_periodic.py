"""Work that comes round again: claimed by one, missed by nobody, and never ended by what it raises."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from app import broker, clock, periodic
from app.db import db
from app.inboxes.dispatch import run_periodic, sweep
from app.notifications.notification import Notification
from app.periodic import Periodic, Schedule, due, run_turn
from app.worker import rq
from tests.support.deliveries import writes_again

HOURLY = timedelta(hours=1)


@pytest.fixture
def done(context: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the only periodic work there is has done."""
    happened: list[str] = []
    kind = Periodic("watering", HOURLY, lambda: happened.append("watered"))
    monkeypatch.setattr(periodic, "KINDS", {kind.name: kind})
    return happened


def schedule() -> Schedule:
    query = select(Schedule).where(Schedule.name == "watering").execution_options(populate_existing=True)
    return db.session.scalars(query).one()


def test_what_has_never_run_is_due_at_once_and_then_when_its_time_has_passed(done: list[str]) -> None:
    assert due() == ["watering"]
    assert run_turn("watering")
    assert due() == []
    with time_machine.travel(clock.now() + HOURLY + timedelta(seconds=1), tick=False):
        assert due() == ["watering"]
        assert run_turn("watering")
        assert due() == []
    assert done == ["watered", "watered"]


def test_a_turn_is_had_by_one_worker_only(done: list[str]) -> None:
    assert run_turn("watering")
    assert not run_turn("watering")
    assert done == ["watered"]


def test_what_fails_says_so_in_its_row_and_comes_round_again(
    done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        db.session.add(Notification(user_id=1, event_id=1, reason="lost"))
        raise RuntimeError("the well is dry")

    monkeypatch.setitem(periodic.KINDS, "watering", Periodic("watering", HOURLY, fail))
    assert run_turn("watering")
    assert schedule().last_error == "RuntimeError: the well is dry"
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 0
    assert schedule().next_run_at > clock.now()

    monkeypatch.setitem(
        periodic.KINDS, "watering", Periodic("watering", HOURLY, lambda: done.append("again"))
    )
    with time_machine.travel(clock.now() + HOURLY + timedelta(seconds=1), tick=False):
        assert run_turn("watering")
    assert (schedule().last_error, done) == (None, ["again"])


def test_two_sweeps_ask_the_workers_once(done: list[str]) -> None:
    sweep()
    sweep()
    assert (rq.get_queue("events").count, done) == (1, [])
    run_periodic.func("watering")
    writes_again()
    assert done == ["watered"]


def test_while_redis_is_away_the_sweeper_does_it_itself(
    done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker.broker(), "rests_until", clock.monotonic() + 60)
    sweep()
    writes_again()
    assert done == ["watered"]
