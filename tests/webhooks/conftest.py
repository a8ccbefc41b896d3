"""A web server to send to, and a door that lets requests reach it."""

from collections.abc import Iterator

import pytest

from tests.support import world as worlds
from tests.support.hooks import open_loopback
from tests.support.sink import Sink, sink


@pytest.fixture
def there() -> Iterator[Sink]:
    with sink() as one:
        yield one


@pytest.fixture
def place(world: worlds.World) -> worlds.World:
    """The usual world, with everything before delivered, and loopback allowed."""
    open_loopback()
    return world
