"""One installation for all journeys that do not need an empty one, and people who open its pages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.browser import chromium
from tests.support.house import House, Person, found_project, house_in, open_issue
from tests.support.visitor import Visitor

_numbers = count(1)
_cookies: dict[tuple[str, str], Any] = {}


@dataclass
class Orchard:
    """A house with an administrator, two members of ORC and somebody who belongs to no project."""

    house: House
    ada: Person
    otis: Person
    tansy: Person
    bram: Person

    def issue(self, title: str = "Card payments fail") -> str:
        """A fresh issue of ORC."""
        return open_issue(self.house, self.ada, f"{title} ({next(_numbers)})")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="session")
def orchard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchard]:
    """The installation, on SQLite."""
    with house_in(tmp_path_factory.mktemp("journeys") / "instance") as house:
        yield orchard_in(house)


def orchard_in(house: House) -> Orchard:
    """People and a project in an empty house."""
    ada = house.person("ada", admin=True)
    otis, tansy, bram = (house.person(name) for name in ("otis", "tansy", "bram"))
    found_project(house, ada, [otis, tansy])
    return Orchard(house, ada, otis, tansy, bram)


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """`visitor(house, person)`: a window of that person, closed after the test.

    They sign in once and keep their cookies from test to test; with `fresh` they sign in again.
    """
    opened: list[Visitor] = []

    def open_one(house: House, who: Person | None = None, *, fresh: bool = False, **options: Any) -> Visitor:
        key = (house.url, who.username if who else "")
        kept = None if fresh else _cookies.get(key)
        opened.append(one := Visitor(browser, house, storage_state=kept, **options))
        if who is not None and kept is None:
            one.sign_in(who)
            if not fresh:
                _cookies[key] = one.context.storage_state()
        return one

    yield open_one
    for one in opened:
        one.close()
