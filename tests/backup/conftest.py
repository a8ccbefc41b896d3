"""Another installation, empty, of the same kind of database and with the same secret."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from app import create_app, restores
from app.db import db
from tests.conftest import settings_for


@pytest.fixture
def elsewhere(
    app: Flask, database_url: str, tmp_path: Path, valkey: str, request: pytest.FixtureRequest
) -> Iterator[Flask]:
    if database_url.startswith("sqlite"):
        made = create_app(
            settings_for(tmp_path / "there", f"sqlite:///{tmp_path / 'there' / 'new.db'}", valkey)
        )
        yield made
        with made.app_context():
            db.engine.dispose()
    else:
        server, name = request.getfixturevalue("postgres_server"), f"t{uuid.uuid4().hex}"
        server.create(name)
        made = create_app(settings_for(tmp_path / "there", server.url(name), valkey))
        yield made
        with made.app_context():
            db.engine.dispose()
        server.drop(name)
    restores.forget()
