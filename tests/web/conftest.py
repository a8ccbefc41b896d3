"""The web floor with a few pages of its own, over an empty SQLite database and without Redis."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser

from app import create_app, site
from app.web import reader, shell
from tests.conftest import settings_for
from tests.support.browser import chromium
from tests.web import gallery

assert (
    site.REGISTERED
)  # the domain has said who reads and what stands around pages, before a test says otherwise


def make_app(folder: Path, database_url: str | None = None, **changes: object) -> Flask:
    """The product with the gallery beside it."""
    settings = settings_for(folder, database_url or f"sqlite:///{folder / 'web.db'}", "redis://127.0.0.1:1/0")
    app = create_app(dataclasses.replace(settings, **changes))  # type: ignore[arg-type]
    gallery.install(app)
    return app


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The app; nobody is signed in."""
    monkeypatch.setattr(reader, "_find", [])
    monkeypatch.setattr(shell, "_provider", [gallery.provide])
    return make_app(tmp_path)


@pytest.fixture
def client(web: Flask) -> FlaskClient:
    return web.test_client()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one
