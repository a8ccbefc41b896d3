"""What every test may ask for."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.embedded import EmbeddedValkey


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Valkey of this test process's own."""
    server = EmbeddedValkey(Path(tmp_path_factory.mktemp("instance")))
    server.start()
    yield server.url
    server.stop()
    server.socket.parent.rmdir()


@pytest.fixture
def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
