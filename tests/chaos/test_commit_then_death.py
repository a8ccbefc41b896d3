"""The web process is killed right after the commit, before it could tell anybody: every event still gets everywhere."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.chaos.clients import Act
from tests.chaos.conftest import Busy
from tests.chaos.dying_web import HEADER
from tests.chaos.reconcile import DELIVERED_WITHIN, reconcile
from tests.runtime.processtools import Program, children_of
from tests.support.browser import until
from tests.support.house import House, Person, open_issue
from tests.support.smtp import free_port

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chaos")]

TIMES = int(os.environ.get("TIDINGS_CHAOS_KILLS") or 8)


@pytest.fixture
def dying(busy: Busy) -> Iterator[tuple[Program, int]]:
    """A second web process of the same house, which dies on demand."""
    port = free_port()
    with Program("-m", "tests.chaos.dying_web", str(port), env=busy.house.environment) as program:
        until(lambda: _answers(port), seconds=60, what="the second web process")
        yield program, port


def test_every_event_reaches_every_inbox_though_the_web_process_died(
    busy: Busy, dying: tuple[Program, int]
) -> None:
    program, port = dying
    house = busy.house
    issue = open_issue(house, busy.lead, "Last words")
    acts = [Act(issue, "created")]
    waits: list[float] = []
    for number in range(TIMES):
        before = set(children_of(program.pid))
        mark = f"last words {number}"
        _say_and_die(port, busy.people[number % 8], issue, mark)
        died = time.monotonic()
        acts.append(Act(issue, "commented", mark))
        until(lambda m=mark: _all_delivered(house, m), seconds=DELIVERED_WITHIN, what=f"the news of {mark}")
        waits.append(time.monotonic() - died)
        until(lambda b=before: set(children_of(program.pid)) - b, seconds=20, what="another web process")
    counted = reconcile(house, acts)
    waits.sort()
    print(  # noqa: T201
        f"{TIMES} deaths: all delivered after {waits[len(waits) // 2]:.2f} s (median), {waits[-1]:.2f} s (longest);"
        f" {dict(counted)}"
    )
    assert waits[-1] < DELIVERED_WITHIN


def _say_and_die(port: int, who: Person, issue: str, text: str) -> None:
    headers = {"Authorization": f"Bearer {who.token}", "Content-Type": "application/json", HEADER: "1"}
    url = f"http://127.0.0.1:{port}/api/v1/issues/{issue}/comments"
    request = urllib.request.Request(url, json.dumps({"body": text}).encode(), headers)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises((OSError, urllib.error.URLError)) as broken:
        direct.open(request, timeout=30)
    assert not isinstance(broken.value, urllib.error.HTTPError | TimeoutError), broken.value


def _all_delivered(house: House, text: str) -> bool:
    """Whether the comment is there and its event has a finished row for each of the three inboxes."""
    rows = house.rows(
        "SELECT d.state FROM deliveries d JOIN events e ON e.id = d.event_id "
        "JOIN comments c ON c.issue_id = e.issue_id AND c.event_seq = e.seq "
        f"WHERE c.body = '{text}' AND e.action = 'commented'"
    )
    return len(rows) >= 3 and all(state in ("delivered", "skipped") for (state,) in rows)


def _answers(port: int) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"http://127.0.0.1:{port}/healthz", timeout=5
        ) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
