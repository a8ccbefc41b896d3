"""A Valkey, the sample app and its notes, for the tests of the worker."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from flask import Flask

from app.config import from_environment
from app.embedded import EmbeddedValkey
from app.worker import rq
from tests.small_app import build_small_app

COMMAND = ("-m", "flask", "--app", "tests.runtime.sample", "rq", "worker")


class Notes:
    """What the jobs of the sample app wrote down."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def lines(self, start: str = "") -> list[str]:
        return [line for line in self.path.read_text().splitlines() if line.startswith(start)]


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path / "notes")


@pytest.fixture
def server(tmp_path: Path) -> EmbeddedValkey:
    return EmbeddedValkey(tmp_path / "instance")


@pytest.fixture
def env(server: EmbeddedValkey, notes: Notes, tmp_path: Path) -> Mapping[str, str]:
    return {
        "TIDINGS_INSTANCE": str(tmp_path / "instance"),
        "REDIS_URL": server.url,
        "SAMPLE_NOTES": str(notes.path),
        "SAMPLE_HEADS": str(tmp_path / "heads.db"),
    }


@pytest.fixture
def app(env: Mapping[str, str]) -> Flask:
    return build_small_app(from_environment(env))


@pytest.fixture
def enqueue(app: Flask) -> Callable[..., None]:
    def put(name: str, *args: str, queue: str = "events") -> None:
        with app.app_context():
            rq.queues[queue].enqueue(f"tests.runtime.sample.{name}", *args)

    return put


@pytest.fixture
def running(server: EmbeddedValkey) -> object:
    server.start()
    yield
    server.stop()
