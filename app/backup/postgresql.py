"""PostgreSQL: every table by COPY within one REPEATABLE READ snapshot, and back within one transaction.

Not pg_dump: it has to be of the server's version or newer and is missing where only Python is installed, and what it
brings back carries the old server's transaction numbers, behind which the new one would hide events for ever
(`events.xid` gives the order of the log for programs). Tables, guards and numbers come from our migrations instead.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, Engine, inspect

from app import clock
from app.backup.file import Reader, Writer
from app.backup.manifest import Manifest, Part, Refused, describe
from app.guards import create_guards, drop_guards

OF_THE_SERVER = {("events", "xid")}
"""Columns that the server fills by itself, with numbers of its own."""
REVISIONS = "alembic_version"


class Postgresql:
    """The database behind this engine."""

    name = "postgresql"

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def copy(self, writer: Writer) -> Manifest:
        """Put a copy of every table into the backup. Writers go on meanwhile."""
        with self._connected("REPEATABLE READ") as connection:
            made_at = clock.now()
            order = _in_order(connection)
            manifest = describe(self.name, made_at, order, lambda query: _ask(connection, query))
            for table in order:
                columns = _columns(connection, table)
                query = f"COPY {_named(table, columns)} TO STDOUT"
                with _cursor(connection) as cursor, cursor.copy(query) as rows:
                    writer.add(f"{table}.copy", rows, table=table, columns=columns)
        return manifest

    def tables(self) -> list[str]:
        with self._connected() as connection:
            return inspect(connection).get_table_names()

    def ask(self, query: str) -> Sequence[Sequence[Any]]:
        with self._connected() as connection:
            return _ask(connection, query)

    def in_use(self) -> str | None:
        """Who else has it open, in words."""
        query = (
            "SELECT count(*), min(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        [[others, pid]] = self.ask(query)
        if not others:
            return None
        return f"{others} other {'connection is' if others == 1 else 'connections are'} open, one by the backend {pid}"

    def load(self, reader: Reader, changes: Sequence[str]) -> None:
        """Put the rows in the place of what is there, with these statements run on them, in one transaction."""
        parts = [part for part in reader.manifest.parts if part.table != REVISIONS]
        try:
            with self._connected() as connection:
                missing = {part.table for part in parts} - set(inspect(connection).get_table_names())
                if missing:
                    raise Refused(
                        f"This database has no table {', '.join(sorted(missing))}: run flask db upgrade"
                    )
                drop_guards(connection)
                everything = ", ".join(f'"{table}"' for table in _in_order(connection) if table != REVISIONS)
                connection.exec_driver_sql(f"TRUNCATE {everything}")
                for part in parts:
                    _fill(connection, part, reader)
                for change in changes:
                    connection.exec_driver_sql(change)
                create_guards(connection)
                connection.commit()
        except (psycopg.Error, OSError) as error:
            raise Refused(
                f"The database could not be filled: {next(iter(str(error).splitlines()), '')}"
            ) from None
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")

    @contextmanager
    def _connected(self, isolation: str | None = None) -> Iterator[Connection]:
        connection = self.engine.connect()
        try:
            if isolation:
                connection.execution_options(isolation_level=isolation)
            yield connection
        finally:
            connection.close()


def _fill(connection: Connection, part: Part, reader: Reader) -> None:
    with (
        _cursor(connection) as cursor,
        cursor.copy(f"COPY {_named(part.table, part.columns)} FROM STDIN") as rows,
    ):
        for piece in reader.pieces(part):
            rows.write(piece)
    owned = "SELECT pg_get_serial_sequence(%s, 'id')"
    if "id" not in part.columns or not (
        owned_by := _cursor(connection).execute(owned, (part.table,)).fetchone()
    ):
        return
    if owned_by[0]:
        last = f'(SELECT max(id) FROM "{part.table}")'  # noqa: S608 - a table of ours
        connection.exec_driver_sql(f"SELECT setval('{owned_by[0]}', coalesce({last}, 1), {last} IS NOT NULL)")


def _in_order(connection: Connection) -> list[str]:
    """The tables, each after those it refers to."""
    sorted_tables = inspect(connection).get_sorted_table_and_fkc_names()
    return [table for table, _ in sorted_tables if table is not None]


def _columns(connection: Connection, table: str) -> tuple[str, ...]:
    query = (
        "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() "  # noqa: S608
        f"AND table_name = '{table}' ORDER BY ordinal_position"
    )
    names = [row[0] for row in _ask(connection, query)]
    return tuple(name for name in names if (table, name) not in OF_THE_SERVER)


def _named(table: str, columns: Sequence[str]) -> str:
    quoted = ", ".join(f'"{name}"' for name in columns)
    return f'"{table}" ({quoted})'


def _ask(connection: Connection, query: str) -> Sequence[Sequence[Any]]:
    return [tuple(row) for row in connection.exec_driver_sql(query)]


def _cursor(connection: Connection) -> psycopg.Cursor[Any]:
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection).cursor()
