"""Databases for tests: a migrated template made once, and a copy of it for each test (events refuse to be deleted)."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

PG_BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None) or (
    Path(found).parent if (found := shutil.which("initdb")) else None
)
MISSING = "PostgreSQL is not installed: apt-get install postgresql, then run the tests again"


def missing(reason: str) -> None:
    """Skip with one plain line, or fail where everything is required."""
    if os.environ.get("TIDINGS_REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


class PostgresServer:
    """A private server on a unix socket, by default with fsync off; ended with the test session."""

    def __init__(self, folder: Path, *, fsync: str = "off") -> None:
        assert PG_BIN is not None
        self.folder = folder
        self.prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        self._run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "postgres", "--no-sync")
        self._options = f"-k {folder} -c listen_addresses='' -c fsync={fsync} -c max_connections=200"
        self.start()

    def start(self) -> None:
        data, log = str(self.folder / "data"), str(self.folder / "log")
        self._run("pg_ctl", "-D", data, "-o", self._options, "-l", log, "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def create(self, database: str, *, template: str | None = None) -> None:
        with self._admin() as admin:
            admin.execute(f'CREATE DATABASE "{database}"' + (f' TEMPLATE "{template}"' if template else ""))

    def drop(self, database: str) -> None:
        with self._admin() as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def _admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True)

    def _run(self, program: str, *arguments: str) -> None:
        assert PG_BIN is not None
        done = subprocess.run(
            [*self.prefix, str(PG_BIN / program), *arguments],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd="/",
        )
        if done.returncode:
            raise RuntimeError(done.stderr.decode())


@contextmanager
def sqlite_copy(template: Path, folder: Path) -> Iterator[str]:
    """The address of a fresh copy of the template database."""
    copy = folder / f"{uuid.uuid4().hex}.db"
    shutil.copyfile(template, copy)
    yield f"sqlite:///{copy}"


@contextmanager
def postgres_copy(server: PostgresServer, template: str) -> Iterator[str]:
    """The address of a fresh copy of the template database, dropped afterwards."""
    name = f"t{uuid.uuid4().hex}"
    server.create(name, template=template)
    try:
        yield server.url(name)
    finally:
        server.drop(name)
