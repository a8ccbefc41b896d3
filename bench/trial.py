"""One application in a process of its own, called through WSGI without a server, timed by its own CPU clock."""

import gc
import io
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol
from urllib.parse import urlencode

from sqlalchemy import event
from sqlalchemy.engine import Engine


@dataclass(frozen=True)
class Ask:
    """One request. `form` makes it a POST. Several paths are taken in turn."""

    paths: tuple[str, ...]
    form: tuple[tuple[str, str], ...] = ()
    expects: int = 200


@dataclass(frozen=True)
class Timing:
    """Seconds per request."""

    cpu: float
    wall: float


class Application(Protocol):
    """What a process runs."""

    cookie: str

    def ready(self) -> None:
        """Called before each write request, untimed: what workers would have done meanwhile."""

    def call(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]: ...

    def other(self, name: str, times: int) -> list[Timing]: ...

    def close(self) -> None: ...


@dataclass
class Runner:
    """The other end of a process that runs one application."""

    connection: Connection
    process: multiprocessing.process.BaseProcess

    def time(self, ask: Ask, times: int) -> Timing:
        return self._ask("time", ask, times)  # type: ignore[no-any-return]

    def answer(self, ask: Ask) -> tuple[int, bytes, list[str]]:
        """Status, body and the SQL statements of one request."""
        return self._ask("answer", ask)  # type: ignore[no-any-return]

    def other(self, name: str, times: int) -> list[Timing]:
        return self._ask("other", name, times)  # type: ignore[no-any-return]

    def _ask(self, *words: Any) -> Any:
        self.connection.send(words)
        worked, result = self.connection.recv()
        if not worked:
            raise RuntimeError(result)
        return result


@contextmanager
def running(make: Callable[..., Application], *arguments: Any) -> Iterator[Runner]:
    """Start `make(*arguments)` in a fresh interpreter; ended with the context."""
    fresh = multiprocessing.get_context("spawn")
    here, there = fresh.Pipe()
    process = fresh.Process(target=_serve, args=(there, make, arguments), daemon=True)
    process.start()
    runner = Runner(here, process)
    try:
        runner._ask("hello")
        yield runner
    finally:
        here.send(("end",))
        process.join(10)
        here.close()


def _serve(connection: Connection, make: Callable[..., Application], arguments: tuple[Any, ...]) -> None:
    application = make(*arguments)
    gc.collect()
    gc.freeze()  # both of them, as our server does when it begins
    does: dict[str, Callable[..., Any]] = {
        "hello": lambda: None,
        "time": lambda ask, times: _time(application, ask, times),
        "answer": lambda ask: _answer(application, ask),
        "other": application.other,
    }
    while True:
        word, *given = connection.recv()
        if word == "end":
            application.close()
            return
        try:
            connection.send((True, does[word](*given)))
        except Exception as error:  # noqa: BLE001 - told to the other side, which ends
            connection.send((False, f"{type(error).__name__}: {error}"))


def _time(application: Application, ask: Ask, times: int) -> Timing:
    cpu = wall = 0.0
    for number in range(times):
        environ = _environ(application, ask, number)
        if ask.form:
            application.ready()
        started, began = time.perf_counter(), time.process_time()
        status, _body = _call(application, environ)
        cpu += time.process_time() - began
        wall += time.perf_counter() - started
        if status != ask.expects:
            raise RuntimeError(f"{environ['PATH_INFO']} answered {status}, not {ask.expects}")
    return Timing(cpu / times, wall / times)


def _answer(application: Application, ask: Ask) -> tuple[int, bytes, list[str]]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        status, body = _call(application, _environ(application, ask, 0))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return status, body, statements


def _call(application: Application, environ: dict[str, Any]) -> tuple[int, bytes]:
    """As a server calls it: in a context of its own, the answer read to its end."""
    statuses: list[str] = []

    def start(status: str, _headers: object, _error: object = None) -> None:
        statuses.append(status)

    body = b"".join(Context().run(application.call, environ, start))
    return int(statuses[0][:3]), body


def _environ(application: Application, ask: Ask, number: int) -> dict[str, Any]:
    path, _, query = ask.paths[number % len(ask.paths)].partition("?")
    body = urlencode(ask.form).encode()
    return {
        "REQUEST_METHOD": "POST" if ask.form else "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "5000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1:5000",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
        "HTTP_ACCEPT_LANGUAGE": "en",
        "HTTP_COOKIE": application.cookie,
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/x-www-form-urlencoded" if ask.form else "",
        "CONTENT_LENGTH": str(len(body)) if ask.form else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def middle(timings: list[Timing]) -> Timing:
    """The median of each."""
    return Timing(
        statistics.median(one.cpu for one in timings), statistics.median(one.wall for one in timings)
    )
