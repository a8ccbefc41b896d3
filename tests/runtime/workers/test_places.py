"""One parent that serves several places, each with queues of its own."""

import os
import signal
from collections.abc import Callable, Mapping

import pytest

from tests.patience import until
from tests.runtime.processtools import Program, children_of, is_alive
from tests.runtime.workers.conftest import COMMAND, Notes

pytestmark = pytest.mark.usefixtures("running")
TWO = (*COMMAND, "events", "/", "mail", "sync")
Enqueue = Callable[..., None]


def pids(notes: Notes, start: str) -> list[int]:
    return [int(line.split()[1]) for line in notes.lines(start)]


def test_each_place_has_a_child_of_its_own(env: Mapping[str, str], enqueue: Enqueue, notes: Notes) -> None:
    for queue in ("events", "mail", "sync", "webhooks"):
        enqueue("write", queue, queue=queue)
    with Program(*TWO, "--burst", env=env) as worker:
        assert worker.end(60) == 0, worker.said()
    assert len(notes.lines("child")) == 2
    assert pids(notes, "mail") == pids(notes, "sync") != pids(notes, "events")
    assert not notes.lines("webhooks")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_who_ends_in_one_place_is_replaced_in_the_same_name_and_the_others_go_on(
    env: Mapping[str, str], enqueue: Enqueue, notes: Notes, number: signal.Signals
) -> None:
    with Program(*TWO, env=env):
        until(lambda: len(notes.lines("child")) == 2, 60)
        for queue in ("events", "mail"):
            enqueue("write_name", queue, queue=queue)
        until(lambda: len(notes.lines("name")) == 2)
        [victim] = pids(notes, "name-mail")
        os.kill(victim, number)
        until(lambda: len(notes.lines("child")) == 3, 15)
        for queue in ("events", "mail"):
            enqueue("write_name", queue, queue=queue)
        until(lambda: len(notes.lines("name")) == 4, 15)
        assert len(set(pids(notes, "name-events"))) == 1
        assert len(set(pids(notes, "name-mail"))) == 2
        names = {line.split()[0]: line.split()[2] for line in notes.lines("name")}
        assert {line.split()[2] for line in notes.lines("name")} == set(names.values())
        assert len(set(names.values())) == 2
        assert not is_alive(victim)


def test_a_stop_ends_the_children_in_all_places(env: Mapping[str, str], notes: Notes) -> None:
    with Program(*TWO, env=env) as worker:
        until(lambda: len(notes.lines("child")) == 2, 60)
        children = until(lambda: len(found := children_of(worker.pid)) == 2 and found)
        worker.signal(signal.SIGTERM)
        worker.end(3)
        assert not any(is_alive(pid) for pid in children)


def test_a_queue_nobody_knows_is_refused_before_anything_starts(env: Mapping[str, str], notes: Notes) -> None:
    with Program(*COMMAND, "events", "/", "mial", env=env) as worker:
        assert worker.end(60) == 1
        assert "No queue is called mial. There are: events, mail, webhooks, sync" in worker.said()
    with Program(*TWO, "--name", "otto", env=env) as worker:
        assert worker.end(60) == 1
        assert "leave --name away" in worker.said()
    assert not notes.lines("child")
