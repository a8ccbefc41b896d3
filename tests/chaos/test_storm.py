"""Eight clients at once, first in peace, then while everything is killed; afterwards the books must agree."""

import os
import threading

import pytest
import redis

from tests.chaos.clients import Act, Client, Log
from tests.chaos.conftest import Busy
from tests.chaos.reconcile import reconcile
from tests.support.browser import until
from tests.support.house import EVENTS_CHILD, MAIL_CHILD, VALKEY, WEB, WORKERS, House, open_issue

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chaos")]

CHANGES = int(os.environ.get("TIDINGS_CHAOS_CHANGES") or 200)
ROUNDS = int(os.environ.get("TIDINGS_CHAOS_ROUNDS") or 2)
"""Rounds of killing: in each, every kind of process dies once and Valkey forgets everything."""


def test_changes_of_eight_clients_are_all_there_once(busy: Busy) -> None:
    log = Log()
    _storm(_clients(busy, log))
    counted = reconcile(busy.house, log.acts)
    assert busy.house.flask("events", "verify")
    print(f"{len(log.acts)} acts, {log.refused} refused steps: {dict(counted)}")  # noqa: T201


def test_nothing_is_lost_or_doubled_while_everything_is_killed(busy: Busy) -> None:
    log = Log()
    clients = _clients(busy, log)
    killed: list[str] = []
    killer = threading.Thread(target=_kill_all, args=(busy.house, killed))
    killer.start()
    try:
        _storm(clients)
    finally:
        killer.join(300)
    assert not killer.is_alive()
    counted = reconcile(busy.house, log.acts, within=90)  # a lease of 30 s runs out first
    print(f"{len(log.acts)} acts, asked again {log.asked_again} times, killed {killed}: {dict(counted)}")  # noqa: T201
    assert len(killed) >= 4 * ROUNDS


def _clients(busy: Busy, log: Log) -> list[Client]:
    """Eight people who have signed in, with four issues they share; each opens one of their own besides."""
    shared = [open_issue(busy.house, busy.lead, f"Shared {number}") for number in range(4)]
    log.acts += [Act(key, "created") for key in shared]
    clients = [
        Client(busy.house, who, shared, log, changes=CHANGES // 8, seed=number)
        for number, who in enumerate(busy.people)
    ]
    for client in clients:
        client.sign_in()
    return clients


def _storm(clients: list[Client]) -> None:
    """All of them at once, until all are done."""
    for client in clients:
        client.start()
    for client in clients:
        client.join(600)
        assert not client.is_alive()
        if client.failed:
            raise client.failed


def _kill_all(house: House, killed: list[str]) -> None:
    """At moments of no plan: the killing goes on for its rounds, whether or not the clients are done before."""
    for _ in range(ROUNDS):
        for kind in (WORKERS, WEB, EVENTS_CHILD, VALKEY, MAIL_CHILD):
            threading.Event().wait(0.7)
            if kind == VALKEY:
                redis.Redis.from_url(house.redis_url).flushall()
            pids = house.kill(kind)
            until(lambda p=pids, k=kind: set(house.pids_of(k)) - set(p), seconds=60, what=f"another {kind}")
            killed.append(kind)
