"""A house on each database, with eight people who work in it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.databases import PostgresServer, postgres_copy
from tests.support.house import House, Person, found_project, house_in


@dataclass
class Busy:
    """A house with a lead and eight members of ORC."""

    house: House
    lead: Person
    people: list[Person]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def busy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    folder = tmp_path_factory.mktemp("chaos") / "instance"
    if request.param == "sqlite":
        with house_in(folder) as house:
            yield _filled(house)
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        with (
            postgres_copy(server, "template_tidings") as url,
            house_in(folder, {"DATABASE_URL": url}) as house,
        ):
            yield _filled(house)


def _filled(house: House) -> Busy:
    lead = house.person("ada", admin=True)
    people = [house.person(f"person{number}") for number in range(1, 9)]
    found_project(house, lead, people)
    return Busy(house, lead, people)
