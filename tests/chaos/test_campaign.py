"""The kill campaign of `make chaos`, in small: twelve deaths, a flush and a frozen Valkey on each database."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.chaos.campaign import Plan, run
from tests.support.databases import PostgresServer, postgres_copy
from tests.support.house import House, house_in
from tests.support.smtp import Mailbox, mail_server

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
class Mailed:
    """A house whose mails go to a server here."""

    house: House
    mailbox: Mailbox


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def mailed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, supervisor: str
) -> Iterator[Mailed]:
    folder = tmp_path_factory.mktemp("campaign") / "instance"
    with mail_server() as mailbox:
        environment = {"SMTP_URL": mailbox.url}
        if request.param == "sqlite":
            with house_in(folder, environment, supervisor=supervisor) as house:
                yield Mailed(house, mailbox)
        else:
            server: PostgresServer = request.getfixturevalue("postgres_server")
            with (
                postgres_copy(server, "template_tidings") as url,
                house_in(folder, {**environment, "DATABASE_URL": url}, supervisor=supervisor) as house,
            ):
                yield Mailed(house, mailbox)


@pytest.mark.parametrize("supervisor", ["app.supervisor", "tests.chaos.silent"], ids=["awake", "no wake-ups"])
def test_twelve_deaths_lose_nothing_and_double_nothing_that_is_not_marked(mailed: Mailed) -> None:
    result = run(mailed.house, mailed.mailbox, SMALL)
    print(result.figures)  # noqa: T201
    assert sum(result.killed.values()) == 16
    assert result.acts > 20
    assert result.delay(0.99) < 60
