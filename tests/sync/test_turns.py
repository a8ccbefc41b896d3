"""One exchange at a time over a connection, and nobody asks again and again whose turn it is."""

from datetime import datetime

import pytest
import time_machine
from sqlalchemy import select

from app import clock
from app.db import db
from app.issues.comment import add_comment
from app.sync.connection import SyncConnection
from app.sync.turns import NotNow, turn
from tests.support.deliveries import deliver, make_due, rows, writes_again
from tests.support.world import said
from tests.sync.conftest import Both


def test_a_connection_is_free_soon_after_the_death_of_who_exchanged_and_kept_by_who_goes_on(
    both: Both, connection: SyncConnection
) -> None:
    settings, number = both.app.extensions["settings"], connection.id
    now = clock.now()
    with time_machine.travel(now) as time, turn(number, settings) as (_, hub):
        time.shift(15)
        hub.issue(1)
        time.shift(15)
        with pytest.raises(NotNow), turn(number, settings):
            pass
        time.shift(10)  # as if this one had died: nothing more is heard of it
        with turn(number, settings):
            with pytest.raises(NotNow):
                hub.issue(1)
            assert busy_until(number) is not None
    writes_again()
    assert busy_until(number) is None


def test_what_waits_behind_a_busy_connection_is_not_asked_one_by_one(
    both: Both, connection: SyncConnection
) -> None:
    for number in range(5):
        add_comment(
            both.here(), said(f"number {number}"), author=both.world.member, actor=both.world.member.actor
        )
    db.session.commit()
    with turn(connection.id, both.app.extensions["settings"]):
        make_due("external_sync")
        deliver("sync")
        now = clock.now()
        waiting = rows("external_sync", "commented")
        assert {one.state for one in waiting} == {"pending"}
        assert all(one.next_attempt_at and one.next_attempt_at > now for one in waiting)
        assert len([one for one in waiting if one.started_at]) == 1
    writes_again()
    both.settle()
    assert {one.state for one in rows("external_sync", "commented")} == {"delivered"}


def busy_until(number: int) -> datetime | None:
    return db.session.scalar(select(SyncConnection.busy_until).where(SyncConnection.id == number))
