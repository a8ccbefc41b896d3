"""A worker that is killed, alone or with its parent: the next one in its place takes up what it held at once."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import until
from tests.support.house import MAIL_CHILD, WORKERS, House, found_project, house_in, open_issue, say

pytestmark = pytest.mark.slow
SOONER = 15.0
"""Half a lease."""
HELD = "SELECT started_at, claimed_by FROM deliveries WHERE inbox = 'email_notifications' AND state = 'processing'"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One whose mail server takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {"SMTP_URL": f"smtp://127.0.0.1:{silent.getsockname()[1]}"}
        with house_in(tmp_path / "instance", environment) as one:
            yield one


@pytest.mark.parametrize("kind", [MAIL_CHILD, WORKERS])
def test_what_a_killed_worker_held_is_taken_up_before_its_lease_is_over(house: House, kind: str) -> None:
    ada, otis = house.person("ada", admin=True), house.person("otis")
    found_project(house, ada, [otis])
    issue = open_issue(house, ada)
    say(house, otis, issue, "Hello")
    [(began, by)] = until(lambda: house.rows(HELD), seconds=20)
    gone = house.kill(kind)
    assert len(gone) == {MAIL_CHILD: 1, WORKERS: 4}[kind]
    house.back(kind, gone)
    until(lambda: any(at != began and who == by for at, who in house.rows(HELD)), seconds=SOONER)
