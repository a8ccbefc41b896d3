"""The kill campaign of `make chaos`, in small: twelve deaths, a flush and a frozen Valkey on each database."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.chaos.campaign import run
from tests.chaos.killer import Plan
from tests.chaos.outside import Outside, outside
from tests.support.databases import PostgresServer, postgres_copy
from tests.support.house import House, house_in

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chaos")]

SMALL = Plan(
    kills=12,
    users=6,
    flushes=1,
    freezes=1,
    stops=2,
    frozen_seconds=2.0,
    pause=(0.2, 1.0),
    pace=(0.2, 1.0),
)


@dataclass
class Joined:
    """A house and everything outside that it sends to."""

    house: House
    beyond: Outside


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def joined(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, supervisor: str
) -> Iterator[Joined]:
    folder = tmp_path_factory.mktemp("campaign") / "instance"
    with outside() as beyond:
        environment = beyond.environment
        if request.param == "sqlite":
            with house_in(folder, environment, supervisor=supervisor) as house:
                yield Joined(house, beyond)
        else:
            server: PostgresServer = request.getfixturevalue("postgres_server")
            with (
                postgres_copy(server, "template_tidings") as url,
                house_in(folder, {**environment, "DATABASE_URL": url}, supervisor=supervisor) as house,
            ):
                yield Joined(house, beyond)


@pytest.mark.parametrize("supervisor", ["app.supervisor", "tests.chaos.silent"], ids=["awake", "no wake-ups"])
def test_twelve_deaths_lose_nothing_and_double_nothing_that_is_not_marked(joined: Joined) -> None:
    result = run(joined.house, joined.beyond, SMALL)
    print(result.figures)  # noqa: T201
    assert sum(result.killed.values()) == 16
    assert result.acts > 20
    assert result.delay(0.99) < 60
