"""A web process with the sample app, and streams to read from it."""

import json
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from flask import Flask

from app.config import from_environment
from app.live import topics
from tests.patience import until
from tests.runtime.processtools import Program
from tests.small_app import build_small_app

SECRET = "only for these tests"


class Stream:
    """One open event stream, or the answer that there is none."""

    def __init__(self, port: int, path: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers: dict[str, str] = {}
        while line := self.file.readline().decode().strip():
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value
        self.block = b""

    def event(self, seconds: float = 10.0) -> tuple[str, object] | None:
        """The next event and its data; None when the stream has ended."""
        self.socket.settimeout(seconds)
        name, data = "", None
        while True:
            line = self._line()
            if line is None:
                return None
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data:"):
                data = json.loads(line[5:]) if line[5:].strip() else None
            elif not line and name:
                return name, data

    def _line(self) -> str | None:
        while b"\n" not in self.block:
            try:
                size = int(self.file.readline().strip() or b"0", 16)
            except ConnectionError:
                return None
            if size == 0:
                return None
            self.block += self.file.read(size)
            self.file.readline()
        line, _, self.block = self.block.partition(b"\n")
        return line.decode()

    def close(self) -> None:
        self.file.close()
        self.socket.close()


class Site:
    """The web process under test and the numbers its topics are at."""

    def __init__(self, program: Program, port: int, app: Flask, heads: Path) -> None:
        self.program = program
        self.port = port
        self.app = app
        self.heads = heads
        self.streams: list[Stream] = []

    def set_head(self, issue: int, n: int) -> None:
        database = sqlite3.connect(self.heads)
        with database:
            database.execute("INSERT OR REPLACE INTO heads VALUES (?, ?)", (issue, n))
        database.close()

    def token(self, user: int | None, *names: str, epoch: int = 1) -> str:
        with self.app.app_context():
            return topics.sign(user, epoch, names)

    def open(self, token: str) -> Stream:
        self.streams.append(stream := Stream(self.port, f"/live?token={token}"))
        return stream

    def get(
        self, path: str, *, headers: str = "", body: bytes = b"", method: str = "GET"
    ) -> tuple[int, bytes]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as client:
            length = f"Content-Length: {len(body)}\r\n" if body else ""
            head = (
                f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{length}{headers}\r\n"
            )
            client.sendall(head.encode("latin-1") + body)
            answer = b""
            while part := client.recv(65536):
                answer += part
        return int(answer.split()[1]), answer.partition(b"\r\n\r\n")[2]


def serve_sample(folder: Path, redis_url: str, port: int, options: Sequence[str] = ()) -> Iterator[Site]:
    heads = folder / "heads.db"
    database = sqlite3.connect(heads)
    with database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE heads (id INTEGER PRIMARY KEY, n INTEGER)")
    database.close()
    env = {
        "TIDINGS_INSTANCE": str(folder / "instance"),
        "REDIS_URL": redis_url,
        "SECRET_KEY": SECRET,
        "SAMPLE_NOTES": str(folder / "notes"),
        "SAMPLE_HEADS": str(heads),
    }
    command = ("-m", "app.serve", "--port", str(port), "--app", "tests.runtime.sample:app", *options)
    with Program(*command, env=env) as program:
        app = build_small_app(from_environment(env))
        site = Site(program, port, app, heads)
        until(lambda: _answers(site), 60)
        yield site
        for stream in site.streams:
            stream.close()
        program.signal(signal.SIGKILL)


def _answers(site: Site) -> bool:
    assert site.program.process.poll() is None, site.program.said()
    try:
        return site.get("/healthz") == (200, b"ok\n")
    except OSError:
        return False


def seconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
