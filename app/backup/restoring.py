"""Bringing a backup back: everything is checked before anything is touched, and it happens as a whole or not at all."""

import secrets
from collections.abc import Callable
from pathlib import Path

from alembic.script import ScriptDirectory
from alembic.util import CommandError
from flask_migrate import upgrade
from sqlalchemy import make_url

from app import clock, restores
from app.backup.file import Reader, writing
from app.backup.manifest import Manifest, Refused
from app.backup.postgresql import Postgresql
from app.backup.sqlite import Sqlite
from app.config import ROOT
from app.db import Base, db
from app.guards import create_guards

Say = Callable[[str], None]
Database = Sqlite | Postgresql
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def this_database() -> Database:
    """The database of the app in hand."""
    url = make_url(db.engine.url)
    if url.get_backend_name() == "sqlite":
        return Sqlite(Path(url.database or ""))
    return Postgresql(db.engine)


def back_up(place: Path, *, force: bool, say: Say) -> tuple[Manifest, int]:
    """Write a backup; returns what it holds and its size. Raises Refused."""
    if place.exists() and not force:
        raise Refused("There is something of that name already: choose another, or say --force")
    if not place.parent.is_dir():
        raise Refused(f"There is no folder {place.parent}")
    database = this_database()
    say(f"Copying the {NAMES[database.name]} database")
    try:
        with writing(place) as writer:
            manifest = database.copy(writer)
            size = writer.finish(manifest)
    except OSError as error:
        raise Refused(f"It could not be written: {error.strerror or error}") from None
    return manifest, size


def bring_back(place: Path, *, force: bool, say: Say) -> Manifest:
    """Restore a backup. Raises Refused, and then nothing was changed."""
    reader = Reader(place)
    try:
        say("Reading it through and comparing its checksums")
        _fits(reader.manifest)
        reader.check()
        database = this_database()
        _may_be_replaced(database, reader.manifest, force=force)
        say(f"Putting {reader.manifest.counts['events']:,} events and all that belongs to them in place")
        _load(database, reader)
    finally:
        reader.close()
    return reader.manifest


def _fits(manifest: Manifest) -> None:
    """Can this release, with this kind of database, take it?"""
    here = db.engine.dialect.name
    if manifest.database != here:
        theirs = NAMES.get(manifest.database, manifest.database)
        raise Refused(
            f"It is of {theirs}, and DATABASE_URL names {NAMES[here]}: restore it into the same kind"
        )
    try:
        ScriptDirectory(str(ROOT / "migrations")).get_revision(manifest.revision)
    except CommandError:
        raise Refused(
            f"It was made by a newer release (revision {manifest.revision}, release {manifest.release}): "
            "restore it with that one"
        ) from None


def _may_be_replaced(database: Database, manifest: Manifest, *, force: bool) -> None:
    """Is nobody at work here, and nothing here that would be lost?"""
    db.session.remove()
    db.engine.dispose()
    if who := database.in_use():
        raise Refused(f"Tidings is running: {who}. Stop every process, then restore")
    tables = set(database.tables())
    if {"users", "events"} <= tables and not force:
        [[count]] = database.ask("SELECT count(*) FROM events")
        if count:
            raise Refused(f"This database is not empty, it has {count:,} events: say --force to replace it")
    if database.name == "postgresql":
        _same_tables(database, tables, manifest, force=force)


def _same_tables(database: Database, tables: set[str], manifest: Manifest, *, force: bool) -> None:
    """PostgreSQL takes rows, not tables: those of the backup's revision have to be there."""
    now = database.ask("SELECT version_num FROM alembic_version") if "alembic_version" in tables else []
    if [row[0] for row in now] == [manifest.revision]:
        return
    if now and force:
        raise Refused(
            f"It is of revision {manifest.revision} and this database of {now[0][0]}: restore it into an empty one"
        )
    with db.engine.begin() as connection:
        Base.metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
    upgrade(revision=manifest.revision)
    db.engine.dispose()


def _load(database: Database, reader: Reader) -> None:
    manifest = reader.manifest
    restores.forget()
    knows_restores = "restores" in manifest.counts
    database.load(reader, _changes(manifest) if knows_restores else ())
    upgrade()
    with db.engine.begin() as connection:
        create_guards(connection)
        if not knows_restores:
            for change in _changes(manifest):
                connection.exec_driver_sql(change)
    db.engine.dispose()


def _changes(manifest: Manifest) -> tuple[str, ...]:
    """What is not as it was when the copy was made. In plain words of both databases.

    Nobody is signed in, and no live page goes on: who was locked out since must not be let in again. Deliveries that
    were under way are due at once, and their targets count as interrupted, as after a crash; what waited to be sent
    may have been sent after the copy was made.
    """
    now, made_at = (_spelt(moment) for moment in (clock.now().isoformat(), manifest.made_at))
    epoch = secrets.token_hex(8)
    return (
        f"UPDATE sessions SET ended_at = {now} WHERE ended_at IS NULL",  # noqa: S608 - our own words
        "UPDATE users SET live_epoch = live_epoch + 1",
        f"UPDATE deliveries SET next_attempt_at = {now} WHERE state = 'processing'",  # noqa: S608
        "UPDATE delivery_targets SET doubts = doubts + 1 WHERE state IN ('pending', 'failed')",
        f"INSERT INTO restores (at, made_at, last_event_id, epoch) "  # noqa: S608
        f"VALUES ({now}, {made_at}, {int(manifest.last_event_id)}, '{epoch}')",
    )


def _spelt(moment: str) -> str:
    """A moment as both databases take it: UTC, as SQLAlchemy writes it into SQLite."""
    date, time = moment[:10], moment[11:26]
    zone = "+00" if db.engine.dialect.name == "postgresql" else ""
    return f"'{date} {time if '.' in time else time[:8] + '.000000'}{zone}'"
