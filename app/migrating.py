"""Whether the database has the tables this release knows, and the wait for one's turn to change them.

A migration is one transaction on both databases, guards included: it happens as a whole or not at all. It waits for
others who write, and for another migration; two at once migrate once.
"""

import time
from collections.abc import Callable

import click
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from app.config import ROOT
from app.db import db

WAIT_SECONDS = 60.0
PAUSE_SECONDS = 0.2
LOCK_MS = 200
"""Below the second after which PostgreSQL looks for deadlocks: it is always the migration that gives way."""
NO_TABLES = "the database has no tables of Tidings yet: run flask db upgrade"
_LOCKED = ("database is locked", "lock timeout", "deadlock detected")


def mismatch(connection: Connection | None = None) -> str | None:
    """Why this release cannot work with this database, in one sentence; None when it can."""
    if connection is None:
        with db.engine.connect() as own:
            return mismatch(own)
    scripts = ScriptDirectory(str(ROOT / "migrations"))
    here = set(MigrationContext.configure(connection).get_current_heads())
    heads = set(scripts.get_heads())
    if here == heads:
        return None
    if not here:
        return NO_TABLES
    known = all(_knows(scripts, one) for one in here)
    at, newest = ", ".join(sorted(here)), ", ".join(sorted(heads))
    if known:
        return f"the database is at {at} and this release needs {newest}: run flask db upgrade"
    return f"the database is at {at}, of a newer release than this one ({newest}): start that release"


def mismatch_if_known() -> str | None:
    """The same of a database that is another release's; None too when it has no tables yet, or does not answer."""
    try:
        words = mismatch()
    except SQLAlchemyError:
        return None
    return None if words == NO_TABLES else words


def in_turn(migrate: Callable[[], None], *, seconds: float = WAIT_SECONDS) -> None:
    """Do it when nobody else is writing. Says that it waits, and gives up with a sentence."""
    end, said = time.monotonic() + seconds, False
    while True:
        try:
            migrate()
        except OperationalError as error:
            if not any(words in str(error.orig).lower() for words in _LOCKED):
                raise
            if time.monotonic() > end:
                raise click.ClickException(
                    f"Another process has been writing in the database for {seconds:.0f} s. Nothing was changed: "
                    "stop Tidings, then run this again."
                ) from error
            if not said:
                click.echo("Waiting: another process is writing in the database", err=True)
            said = True
            time.sleep(PAUSE_SECONDS)
        else:
            return


def take_turn_to_migrate(connection: Connection) -> None:
    """Within the transaction: nobody else migrates or writes until it ends. Refuses a database of a newer release.

    On SQLite the transaction is the turn. On PostgreSQL every table is locked at the start: taken one by one amid the
    work they end in a deadlock, and the server may choose the writer as the one to fail. Who cannot have them all in
    a moment lets go and comes back (`in_turn`).
    """
    postgresql = connection.dialect.name == "postgresql"
    if postgresql:
        connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_MS}"))
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('tidings migrations'))"))
    words = mismatch(connection)
    if words and "newer release" in words:
        raise click.ClickException(f"Nothing was changed: {words}")
    if postgresql and words and (tables := inspect(connection).get_table_names()):
        connection.execute(text(f"LOCK TABLE {', '.join(sorted(tables))} IN ACCESS EXCLUSIVE MODE"))


def _knows(scripts: ScriptDirectory, revision: str) -> bool:
    try:
        return scripts.get_revision(revision) is not None
    except CommandError:
        return False
