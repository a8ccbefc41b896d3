"""A web process with the sample app."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.webprocess import Site, serve_sample


@pytest.fixture
def site(tmp_path: Path, valkey: str, free_port: int) -> Iterator[Site]:
    yield from serve_sample(tmp_path, valkey, free_port)


@pytest.fixture
def make_site(tmp_path: Path, valkey: str, free_port: int) -> Iterator[Callable[..., Site]]:
    running = []

    def make(*options: str, redis_url: str = valkey) -> Site:
        running.append(serve_sample(tmp_path, redis_url, free_port, options))
        return next(running[-1])

    yield make
    for one in running:
        next(one, None)
