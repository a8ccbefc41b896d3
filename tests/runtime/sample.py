"""A small app with jobs and slow pages, for the tests of the processes that run apps."""

import ctypes
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from flask import Flask, Response, current_app, request

from app import processes
from app.config import from_environment
from app.live import topics
from app.worker import rq
from tests.small_app import build_small_app

app = build_small_app(from_environment())
_kept: list[bytes] = []
_note = Path(os.environ["SAMPLE_NOTES"])


def note(text: str) -> None:
    with _note.open("a") as file:
        file.write(text + "\n")


@rq.job(queue="events")
def write(text: str) -> None:
    assert current_app.extensions["settings"]
    note(f"{text} {os.getpid()}")


@rq.job(queue="events")
def write_name(text: str) -> None:
    note(f"name-{text} {os.getpid()} {processes.taking_name()}")


@rq.job(queue="events")
def crash() -> None:
    note("crash")
    ctypes.string_at(0)


@rq.job(queue="events")
def hang() -> None:
    """Waits in C code that takes no signal: neither the job's own time limit nor a stop gets through."""
    note(f"hang {os.getpid()}")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGTERM, signal.SIGINT})
    ctypes.PyDLL(None).pause()  # holds the interpreter's lock as well: no thread of this process goes on


@rq.job(queue="events")
def leak(megabytes: int) -> None:
    _kept.append(b"x" * (megabytes * 1024 * 1024))
    note(f"leak {os.getpid()}")


@rq.job(queue="events")
def wait_for(path: str) -> None:
    """Lasts until the file is there."""
    note(f"wait {os.getpid()}")
    while not Path(path).exists():
        time.sleep(0.01)
    note(f"waited {os.getpid()}")


@rq.on_child_start
def say_hello(started: Flask) -> None:
    note(f"child {os.getpid()}")
    assert started is app


@app.get("/")
def page() -> str:
    return "a page"


@app.get("/facts")
def facts() -> dict[str, str | None]:
    return {
        "address": request.remote_addr,
        "query": request.query_string.decode("latin-1"),
        "a": request.args.get("a"),
    }


@app.post("/echo")
def echo() -> dict[str, int]:
    return {"bytes": len(request.get_data())}


@app.get("/large")
def large() -> Response:
    def parts() -> Iterator[bytes]:
        for _ in range(32):
            yield b"x" * 65536

    return Response(parts())


@app.get("/slow")
def slow() -> str:
    time.sleep(0.3)
    return "slow"


def heads(ids: list[int]) -> dict[int, int]:
    with sqlite3.connect(os.environ["SAMPLE_HEADS"]) as database:
        rows = database.execute("SELECT id, n FROM heads").fetchall()
    database.close()
    return {i: n for i, n in rows if i in ids}


def epoch(user_id: int) -> int | None:
    return {1: 1, 2: 1, 3: 7}.get(user_id)


topics.register("issue", heads)
topics.register_epoch(epoch)
