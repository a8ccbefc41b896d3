"""The database: base class, types, SQLite's pragmas and a real BEGIN, and the session whose commit wakes the workers.

Who may write: commands and jobs open write transactions; a web request reads until its view calls `begin_write()`.
On SQLite that is the difference between BEGIN DEFERRED and BEGIN IMMEDIATE (a read that turns into a write while
another process writes fails at once, whatever the busy timeout); on both databases a write outside it is refused.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Annotated, Any

from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import (
    JSON,
    BigInteger,
    CursorResult,
    DateTime,
    Dialect,
    Executable,
    Integer,
    MetaData,
    Row,
    Text,
    TypeDecorator,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import DeclarativeBase, mapped_column, registry

log = logging.getLogger(__name__)

BUSY_TIMEOUT_MS = 5_000
"""How long a writer waits for another (for a row of his on PostgreSQL) before the answer is 503."""

_writing: ContextVar[bool] = ContextVar("writing", default=True)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC with microseconds, on SQLite too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A moment without a time zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigId = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(JSONB, "postgresql")
BigPk = Annotated[int, mapped_column(BigId, primary_key=True)]

NAMES = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every table's base. The type map sits in a registry: Flask-SQLAlchemy refuses it as an attribute."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMES),
        type_annotation_map={datetime: UtcDateTime, dict[str, Any]: Json, str: Text},
    )


class Session(FlaskSession):
    """The session of the app. What `after_commit` was given runs once `commit()` has returned, and never raises."""

    def commit(self) -> None:
        super().commit()
        self.info.pop("transaction", None)
        _writing.set(not self.info.get("reads_first", False))
        for call in self.info.pop("after_commit", {}).values():
            try:
                call()
            except Exception:  # the fact is saved; what follows is repaired by the sweeper
                log.exception("A call after the commit failed")

    def rollback(self) -> None:
        super().rollback()
        self.info.pop("after_commit", None)
        self.info.pop("transaction", None)
        _writing.set(not self.info.get("reads_first", False))


db = SQLAlchemy(model_class=Base, session_options={"class_": Session, "expire_on_commit": False})


def rows(statement: Executable, **values: Any) -> Sequence[Row[Any]]:
    """The rows of a statement that is built once and kept, with the values of its `bindparam`s: for pages.

    Plain rows on the session's own connection, not entities. Building a statement costs more than running it (0.1
    to 1.5 ms against 0.03), and half of what is left is the ORM's. Like a query of the session it flushes first.
    """
    session = db.session()
    if session.autoflush:
        session.flush()
    return session.connection().execute(statement, values).all()


def run(statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> CursorResult[Any]:
    """The same for a statement that writes rows no entity stands for: with values, or once for each of many."""
    session = db.session()
    if session.autoflush:
        session.flush()
    return session.connection().execute(statement, values)


def after_commit(key: str, call: Callable[[], None]) -> None:
    """Run `call` once the transaction in hand is durable; a second call with the same key replaces the first.

    It must not use SQL. An exception in it is logged and swallowed.
    """
    db.session.info.setdefault("after_commit", {})[key] = call


def read_first() -> None:
    """From here on this session only reads, until `begin_write()`. Called once at the start of a web request."""
    db.session.info["reads_first"] = True
    _writing.set(False)


def begin_write() -> None:
    """End the reading transaction; the next statement opens one that may write, and everything from then on is one.

    Call it after all slow work (hashes, Markdown) and before the first row is loaded for change.
    """
    db.session.commit()
    _writing.set(True)


@contextmanager
def reading_first() -> Iterator[None]:
    """Inside, as in a web request, the session reads until `begin_write()`; afterwards it is as it was."""
    read_first()
    try:
        yield
    finally:
        db.session.rollback()
        db.session.info.pop("reads_first", None)
        _writing.set(True)


def end_request() -> None:
    """Give the thread back as it was: nothing of this request's mode stays."""
    _writing.set(True)


def take_turn(name: str, *, shared: bool = False) -> None:
    """Until the transaction ends nobody else has this turn; with `shared`, only others who share it.

    On SQLite the write transaction is the turn already.
    """
    if db.session.get_bind().dialect.name == "postgresql":
        kind = "_shared" if shared else ""
        db.session.execute(text(f"SELECT pg_advisory_xact_lock{kind}(hashtext(:name))"), {"name": name})


def take_ids(table: str, count: int) -> list[int]:
    """Ids for `count` new rows, ascending: the next ones under SQLite's write lock, else from the sequence."""
    if db.session.get_bind().dialect.name == "sqlite":
        last = db.session.scalar(text(f"SELECT coalesce(max(id), 0) FROM {table}")) or 0  # noqa: S608 - our own name
        return list(range(last + 1, last + 1 + count))
    query = text("SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)")
    return sorted(db.session.scalars(query, {"table": table, "count": count}))


class WriteRefused(RuntimeError):
    """A statement that writes, in a transaction that was opened to read. A fault of ours, never of the user."""


@event.listens_for(Engine, "connect")
def _prepare_connection(dbapi_connection: Any, _record: object) -> None:
    if "sqlite" not in type(dbapi_connection).__module__:
        with dbapi_connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
        dbapi_connection.commit()
        return
    dbapi_connection.isolation_level = None  # we emit BEGIN ourselves, see below
    cursor = dbapi_connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA recursive_triggers=ON")
    cursor.execute("PRAGMA cache_size=-16000")
    cursor.close()


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writing.get() else "BEGIN DEFERRED")


@event.listens_for(Engine, "before_cursor_execute")
def _refuse_writes_while_reading(
    _connection: Connection,
    _cursor: object,
    statement: str,
    _parameters: object,
    _context: object,
    _many: bool,
) -> None:
    if not _writing.get() and statement.startswith(("INSERT", "UPDATE", "DELETE")):
        raise WriteRefused(f"begin_write() must come before: {statement[:80]}")
