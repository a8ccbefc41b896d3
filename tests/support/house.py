"""The whole product as somebody runs it: the supervisor on a free port with a folder and a database of its own.

Everything goes through the outside: commands of `flask`, the API, pages. `rows` looks into the database and only reads.
"""

import http.client
import json
import os
import signal
import sqlite3
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from flask.testing import FlaskCliRunner

from app import create_app
from app.config import from_environment, socket_path
from tests.patience import until
from tests.runtime.processtools import Program, children_of, is_alive
from tests.support.smtp import free_port

PASSWORD = "correct horse battery"
WEB = "app.serve"
WORKERS = "rq worker"
"""The two parents with all their children."""
EVENTS_CHILD = "(rq:events)"
MAIL_CHILD = "(rq:mail)"
VALKEY = "valkey-server"


@dataclass(frozen=True)
class Person:
    """Somebody with an account, and a key for their programs."""

    username: str
    email: str
    name: str
    token: str


@dataclass(frozen=True)
class Answer:
    """What the API said; status 0 when the connection broke off."""

    status: int
    body: Any


class House:
    """One installation. `environment` is what an administrator would set."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "TIDINGS_INSTANCE": str(folder),
            "TIDINGS_DEMO": "0",
            "PORT": str(self.port),
            **(environment or {}),
        }
        self.program: Program | None = None
        self._commands: FlaskCliRunner | None = None
        self._direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def start(self, *, workers: int = 2, supervisor: str = "app.supervisor") -> None:
        """Return once pages answer and every worker has its child."""
        command = ("-m", supervisor, "--prepare", "--workers", str(workers))
        self.program = Program(*command, env=self.environment)
        self.program.wait_for("Tidings is ready", 90)
        others = 2 - int("REDIS_URL" in self.environment)
        until(lambda: len(self.programs()) == others + min(workers, 2) + workers, 90)

    def stop(self) -> None:
        """End it as Ctrl-C does, and whatever would be left."""
        if self.program is None:
            return
        if self.program.process.poll() is None:
            self.program.signal(signal.SIGINT)
            self.program.end(10)
        self.program.__exit__()
        self.program = None

    def programs(self) -> dict[int, str]:
        """What runs below the supervisor: process number -> command line, and in brackets what it calls itself."""
        assert self.program is not None
        found = {}
        for pid in children_of(self.program.pid):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                called = Path(f"/proc/{pid}/comm").read_text().strip()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if command and is_alive(pid):
                found[pid] = f"{command}({called})"
        return found

    def pids_of(self, text: str) -> list[int]:
        """The processes whose command line holds the text, the oldest first."""
        return sorted(pid for pid, command in self.programs().items() if text in command)

    def kill(self, text: str) -> list[int]:
        """`kill -9` of all the processes of this kind; returns their numbers."""
        pids = self.pids_of(text)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return pids

    def back(self, text: str, gone: Sequence[int], seconds: float = 30.0) -> None:
        """Return once the supervisor has started others in the place of those that were killed."""
        until(lambda: len(set(self.pids_of(text)) - set(gone)) >= len(gone), seconds)

    def flask(self, *arguments: str, said: str = "") -> str:
        """What a command of `flask` prints, with the settings of this installation."""
        if self._commands is None:
            self._commands = create_app(from_environment(self.environment)).test_cli_runner()
        done = self._commands.invoke(args=list(arguments), input=said)
        assert done.exit_code == 0, (arguments, done.output, done.exception)
        return str(done.output).strip()

    def person(self, username: str, *, admin: bool = False) -> Person:
        """Make somebody who can sign in, and a token of theirs, by command."""
        email, name = f"{username}@example.org", username.capitalize()
        options = ["--name", name, "--username", username, "--password-stdin", *["--admin"] * admin]
        self.flask("user", "create", email, *options, said=PASSWORD + "\n")
        scope = "admin" if admin else "write"
        return Person(
            username, email, name, self.flask("token", "create", email, "--name", "tests", "--scope", scope)
        )

    def api(
        self,
        who: Person,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str = "",
        seconds: float = 30.0,
    ) -> Answer:
        """One request to the API; a connection that breaks off is an answer with status 0."""
        headers = {"Authorization": f"Bearer {who.token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}", data=data, headers=headers, method=method
        )
        try:
            with self._direct.open(request, timeout=seconds) as answer:
                text = answer.read()
                return Answer(answer.status, json.loads(text) if text else None)
        except urllib.error.HTTPError as error:
            return Answer(error.code, json.loads(error.read() or b"null"))
        except (OSError, http.client.HTTPException, ValueError):
            return Answer(0, None)

    def ok(self, who: Person, method: str, path: str, body: object = None, *, key: str = "") -> Any:
        """What the API answers to something that must succeed."""
        answer = self.api(who, method, path, body, key=key)
        assert 200 <= answer.status < 300, (method, path, answer)
        return answer.body

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the database, read by a connection that cannot write."""
        url = self.environment.get("DATABASE_URL")
        if url is None:
            connection = sqlite3.connect(f"file:{self.folder / 'tidings.db'}?mode=ro", uri=True, timeout=10)
            try:
                return connection.execute(sql).fetchall()
            finally:
                connection.close()
        with psycopg.connect(url.replace("+psycopg", "")) as server:
            server.read_only = True
            return server.execute(sql).fetchall()  # type: ignore[arg-type]

    @property
    def redis_url(self) -> str:
        """Where its Valkey listens."""
        return self.environment.get("REDIS_URL") or f"unix://{socket_path(self.folder.resolve())}"


@contextmanager
def house_in(
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    workers: int = 2,
    supervisor: str = "app.supervisor",
) -> Iterator[House]:
    """A running installation, ended with the block; what it said is shown with a test that fails."""
    house = House(folder, environment)
    try:
        house.start(workers=workers, supervisor=supervisor)
        yield house
    finally:
        if house.program is not None:
            print("\n".join(house.program.said().splitlines()[-80:]))  # noqa: T201
        house.stop()


def found_project(house: House, lead: Person, members: Sequence[Person] = (), *, key: str = "ORC") -> None:
    """A members-only project, led by `lead`."""
    house.ok(lead, "POST", "/projects", {"key": key, "name": "Orchard"})
    for member in members:
        house.ok(lead, "POST", f"/projects/{key}/members", {"username": member.username})


def open_issue(house: House, who: Person, title: str = "Card payments fail", *, key: str = "ORC") -> str:
    """The key of a new issue."""
    return str(house.ok(who, "POST", f"/projects/{key}/issues", {"title": title})["key"])


def say(house: House, who: Person, issue: str, text: str) -> Answer:
    """A comment through the API, asked again under one key until it is known to be saved."""
    for _ in range(40):
        answer = house.api(
            who,
            "POST",
            f"/issues/{issue}/comments",
            {"body": text},
            key=f"say-{uuid.uuid5(uuid.NAMESPACE_OID, issue + text)}",
        )
        if answer.status in (200, 201):
            return answer
        assert answer.status in (0, 409, 500, 502, 503), answer
        threading.Event().wait(0.1)
    raise AssertionError(f"Never saved: {text}")
