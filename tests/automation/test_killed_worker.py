"""A worker that is killed in the middle of a rule: effect and mark are one transaction, so each act counts once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import until
from tests.support.databases import PostgresServer, postgres_copy
from tests.support.house import EVENTS_CHILD, WORKERS, House, found_project, house_in, open_issue, say

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("automation")]

ROUNDS, EACH = 6, 8
WRITTEN = ROUNDS * EACH
"""Fewer than a rule may run in a minute."""
ANSWER = {
    "name": "Answer",
    "when": {"actions": ["commented"]},
    "conditions": [{"field": "actor_kind", "op": "is_not", "value": "rule"}],
    "steps": [
        {"do": "comment", "text": "Heard on {key}"},
        {"do": "create", "title": "Follow {key}"},
    ],
}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    if request.param == "sqlite":
        with house_in(tmp_path / "instance") as one:
            yield one
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with (
        postgres_copy(server, "template_tidings") as url,
        house_in(tmp_path / "instance", {"DATABASE_URL": url}) as one,
    ):
        yield one


def test_a_rule_acts_exactly_once_however_often_its_worker_is_killed(house: House) -> None:
    ada, otis = house.person("ada", admin=True), house.person("otis")
    found_project(house, ada, [otis])
    rule = house.ok(ada, "POST", "/projects/ORC/rules", ANSWER)["id"]
    house.ok(ada, "PATCH", f"/rules/{rule}", {"enabled": True})
    issue = open_issue(house, ada)
    runs = f"SELECT count(*), count(DISTINCT event_id) FROM rule_runs WHERE rule_id = {rule}"
    killed = 0
    for number in range(ROUNDS):
        for one in range(EACH):
            say(house, otis, issue, f"comment {number}.{one}")
        if number % 2:  # once before it can have begun, once when it has done a part
            until(lambda least=number * EACH: house.rows(runs)[0][0] > least, seconds=60, what="a run")
        kind = (EVENTS_CHILD, WORKERS)[number // 2 % 2]
        gone = house.kill(kind)
        killed += len(gone)
        house.back(kind, gone)

    until(lambda: house.rows(runs) == [(WRITTEN, WRITTEN)], seconds=90, what="every comment's run")
    made = "SELECT count(*), count(DISTINCT cause_id) FROM events WHERE actor_kind = 'rule' AND action = '{}'"
    for action in ("commented", "created", "rule_applied"):
        assert house.rows(made.format(action)) == [(WRITTEN, WRITTEN)]
    assert house.rows("SELECT count(*) FROM issues WHERE reporter_id IS NULL") == [(WRITTEN,)]
    assert house.rows("SELECT DISTINCT outcome FROM rule_runs") == [("applied",)]
    assert killed >= ROUNDS
    print(f"{killed} workers killed, {WRITTEN} comments, each answered once")  # noqa: T201
