"""SQLite: the file is copied by SQLite itself (VACUUM INTO), which is one snapshot however long it takes.

The copy has no free pages, so what was erased is not in it. It comes back through SQLite's online backup in one
transaction: who looks meanwhile sees the database before or after, and a crash leaves the one before.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from app import clock
from app.backup.file import AT_ONCE, Reader, Writer
from app.backup.manifest import Ask, Manifest, Refused, describe

PART = "tidings.db"
WAIT_SECONDS = 10.0


class Sqlite:
    """The database in this file."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path

    def copy(self, writer: Writer) -> Manifest:
        """Put a copy into the backup. Writers go on meanwhile."""
        if not self.path.exists():
            raise Refused("There is no database yet: run flask db upgrade")
        with _beside(writer.beside.with_suffix(".db")) as copy:
            made_at = clock.now()
            try:
                with _open(self.path) as here:
                    here.execute("VACUUM INTO ?", (str(copy),))
            except sqlite3.Error as error:
                raise Refused(f"The database could not be copied: {error}") from None
            with _open(copy) as there:
                manifest = describe(self.name, made_at, _tables(there), _asking(there))
            writer.add(PART, _pieces(copy))
        return manifest

    def tables(self) -> list[str]:
        """What is there; nothing where there is no file."""
        if not self.path.exists():
            return []
        with _open(self.path) as here:
            return _tables(here)

    def ask(self, query: str) -> Sequence[Sequence[Any]]:
        with _open(self.path) as here:
            return here.execute(query).fetchall()

    def in_use(self) -> str | None:
        """Who else has it open, in words. To leave the journal that many may share takes having it alone."""
        if not self.path.exists():
            return None
        with _open(self.path, wait=0.5) as here:
            try:
                [mode] = here.execute("PRAGMA journal_mode=DELETE").fetchone()
            except sqlite3.OperationalError:
                mode = "wal"
        return None if mode == "delete" else "another process has the database open"

    def load(self, reader: Reader, changes: Sequence[str]) -> None:
        """Put the copy in the place of what is there, with these statements run on it first."""
        [part] = reader.manifest.parts
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _beside(self.path.with_name(f".{self.path.name}.{os.getpid()}.restore")) as copy:
            with copy.open("wb") as file:
                for piece in reader.pieces(part):
                    file.write(piece)
            try:
                with _open(copy) as made:
                    _sound(made)
                    made.execute("BEGIN")
                    for change in changes:
                        made.execute(change)
                    made.execute("COMMIT")
                    with _open(self.path) as here:
                        made.backup(here)
            except sqlite3.Error as error:
                raise Refused(f"The database could not be put in place: {error}") from None


def _sound(made: sqlite3.Connection) -> None:
    for check in ("integrity_check", "foreign_key_check"):
        found = made.execute(f"PRAGMA {check}").fetchone()
        if found and found[0] != "ok":
            raise Refused(f"It is damaged: {check.replace('_', ' ')} says {found}")


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    return [row[0] for row in connection.execute(query)]


def _asking(connection: sqlite3.Connection) -> Ask:
    return lambda query: connection.execute(query).fetchall()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(AT_ONCE):
            yield piece


@contextlib.contextmanager
def _open(path: Path, *, wait: float = WAIT_SECONDS) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, timeout=wait, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """An empty file that only we may read, gone afterwards with what SQLite put beside it."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield path
    finally:
        for end in ("", "-journal", "-wal", "-shm"):
            Path(f"{path}{end}").unlink(missing_ok=True)
