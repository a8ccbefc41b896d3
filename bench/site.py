"""The databases the benchmarks run on: made once, kept in the temporary folder, copied for each run."""

import dataclasses
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import text

from app import create_app
from app.config import ROOT, Settings, from_environment
from app.db import db
from bench import floor
from bench.seed import Size, seed


def settings_of(folder: Path, database_url: str, redis_url: str) -> Settings:
    """The product's own settings, on this database."""
    env = {"TIDINGS_INSTANCE": str(folder), "SECRET_KEY": "benchmark", "REDIS_URL": redis_url}
    settings = from_environment({**env, "DATABASE_URL": database_url})
    return dataclasses.replace(settings, redis_is_embedded=True)


def cached_sqlite(size: Size) -> Path:
    """A folder with `tidings.db` and `floor.db` of this size, made at the first call."""
    folder = (
        Path(tempfile.gettempdir())
        / f"tidings-bench-{os.getuid()}"
        / f"{_version()}-{size.issues}-{size.events}"
    )
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        fill(f"sqlite:///{folder / 'tidings.db'}", folder, size)
        (folder / "done").touch()
    return folder


@contextmanager
def site(size: Size) -> Iterator[str]:
    """The address of a site of this size that a run may write on: SQLite, BENCH_DB=postgresql, or DATABASE_URL."""
    if url := os.environ.get("DATABASE_URL"):
        with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
            fill(url, Path(folder), size)
        yield url
    elif os.environ.get("BENCH_DB", "sqlite").startswith("postgres"):
        with _postgres_site(size) as url:
            yield url
    else:
        with sqlite_site(size) as url:
            yield url


@contextmanager
def sqlite_site(size: Size) -> Iterator[str]:
    """A copy of the one that is kept."""
    made = cached_sqlite(size)
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        for name in ("tidings.db", "floor.db"):
            shutil.copyfile(made / name, Path(folder) / name)
        yield f"sqlite:///{Path(folder) / 'tidings.db'}"


@contextmanager
def _postgres_site(size: Size) -> Iterator[str]:
    """A server of our own, filled anew, that waits for its disk as one in use does."""
    from tests.support.databases import PostgresServer

    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        server = PostgresServer(Path(folder), fsync="on")
        try:
            server.create("bench")
            with tempfile.TemporaryDirectory(prefix="tidings-bench-") as instance:
                fill(server.url("bench"), Path(instance), size)
            yield server.url("bench")
        finally:
            server.stop()


def fill(database_url: str, folder: Path, size: Size) -> None:
    """Migrate and fill a database, and the floor's beside it. One that is filled already stays as it is."""
    app = create_app(settings_of(folder, database_url, "redis://127.0.0.1:1/0"))
    beside = floor.database_beside(database_url)
    with app.app_context():
        upgrade()
        if not db.session.scalar(text("SELECT count(*) FROM issues")):
            db.session.rollback()
            seed(size)
        _settle(app)
        db.engine.dispose()
    if not floor.is_filled(beside):
        floor.fill(beside)


def _settle(_app: Flask) -> None:
    """Let the database know its own sizes, and SQLite keep nothing in its log, so that a copy is whole."""
    db.session.rollback()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")


def _version() -> str:
    """Changes with the tables and with what is put into them."""
    digest = hashlib.sha256()
    for path in [
        *sorted((ROOT / "migrations" / "versions").glob("*.py")),
        *sorted((ROOT / "bench").glob("*.py")),
    ]:
        if path.name.startswith(("0", "seed", "floor")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:10]
