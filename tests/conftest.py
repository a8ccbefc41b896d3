"""Real parts for every test: both databases, a real Valkey."""

import dataclasses
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import event

from app import create_app
from app.config import Settings, from_environment
from app.db import db
from app.embedded import EmbeddedValkey
from tests.support import world as worlds
from tests.support.databases import MISSING, PG_BIN, PostgresServer, missing, postgres_copy, sqlite_copy


def settings_for(instance: Path, database_url: str, redis_url: str, **changes: object) -> Settings:
    """Settings of a test: everything below `instance`."""
    base = from_environment(
        {"TIDINGS_INSTANCE": str(instance), "SECRET_KEY": "tests", "REDIS_URL": redis_url}
    )
    return dataclasses.replace(base, database_url=database_url, testing=True, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite database."""
    folder = tmp_path_factory.mktemp("template")
    _migrate(settings_for(folder, f"sqlite:///{folder / 'template.db'}", "redis://127.0.0.1:1/0"))
    return folder / "template.db"


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A private PostgreSQL with a migrated, empty database named `template_tidings`."""
    if PG_BIN is None:
        missing(MISSING)
    instance = tmp_path_factory.mktemp("pg")
    with tempfile.TemporaryDirectory(
        prefix="tidings-pg-"
    ) as folder:  # pytest's own are closed to other users
        server = PostgresServer(Path(folder))
        try:
            server.create("template_tidings")
            _migrate(settings_for(instance, server.url("template_tidings"), "redis://127.0.0.1:1/0"))
            yield server
        finally:
            server.stop()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path) -> Iterator[str]:
    """A fresh, migrated database; each test that needs one runs on both."""
    if request.param == "sqlite":
        with sqlite_copy(sqlite_template, tmp_path) as url:
            yield url
    else:
        server = request.getfixturevalue("postgres_server")
        with postgres_copy(server, "template_tidings") as url:
            yield url


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Valkey of this test process's own."""
    server = EmbeddedValkey(Path(tmp_path_factory.mktemp("valkey")))
    server.start()
    yield server.url
    server.stop()
    server.socket.parent.rmdir()


@pytest.fixture
def app(database_url: str, tmp_path: Path, valkey: str) -> Iterator[Flask]:
    """The application on a fresh database and a flushed Valkey."""
    redis.Redis.from_url(valkey).flushall()
    made = create_app(settings_for(tmp_path / "instance", database_url, valkey))
    made.config["TESTING"] = True
    opened: list[Any] = []
    with made.app_context():
        event.listen(db.engine, "connect", lambda connection, _record: opened.append(connection))
    yield made
    with made.app_context():
        db.engine.dispose()
    for connection in opened:  # also those that a thread of the test still held
        connection.close()


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """The application with its context pushed, for tests of the domain."""
    with app.app_context():
        yield app


@pytest.fixture
def world(context: Flask) -> worlds.World:
    """One project with a lead, a member, a stranger and an issue."""
    return worlds.build()


def _migrate(settings: Settings) -> None:
    app = create_app(settings)
    with app.app_context():
        upgrade()
        db.engine.dispose()


@pytest.fixture
def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
