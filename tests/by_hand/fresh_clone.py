"""What a stranger meets: a fresh clone in a folder with a space and an umlaut, started, stopped, killed, offline.

    python -m tests.by_hand.fresh_clone [--test] [--check]

Not part of the suite: it downloads all dependencies and takes minutes. Linux only. Prints a table; exit 1 when a
promise of the design is broken.
"""

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import until
from tests.runtime.processtools import ROOT, is_alive

FIRST_SECONDS, SECOND_SECONDS, STOP_SECONDS, IDLE_MB = 120.0, 5.0, 3.0, 500.0
IDLE_AFTER = 60.0
_results: list[tuple[str, str, bool]] = []


def note(what: str, value: str, good: bool) -> None:
    """One line of the table."""
    _results.append((what, value, good))
    print(f"{'ok ' if good else 'BAD'} {what}: {value}", flush=True)  # noqa: T201


def members(session: int) -> list[int]:
    """All processes that were started in this clone: their environment names the mark we gave to `make`."""
    mark = f"TIDINGS_FRESH_CLONE={session}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and is_alive(int(entry.name)):
            try:
                if mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


class Run:
    """`make run` in the clone, in a session and with a mark of its own."""

    def __init__(self, clone: Path, port: int, *, offline: bool = False, **environment: str) -> None:
        self.mark = time.monotonic_ns()
        self.port = port
        self.log = Path(tempfile.mkstemp(prefix="fresh-clone-")[1])
        command = ["make", "run", f"PORT={port}"]
        if offline:
            command = ["unshare", "-n", "sh", "-c", f"ip link set lo up && exec make run PORT={port}"]
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("VIRTUAL_ENV", "PYTHON"))
        }
        self.started = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=clone,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**env, "TIDINGS_FRESH_CLONE": str(self.mark), **environment},
            )

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def answers(self, limit: float) -> float:
        """Seconds from typing until / answers."""

        def so() -> bool:
            assert self.process.poll() is None, self.said[-3000:]
            return self.get("/") == 200

        until(so, limit)
        return time.monotonic() - self.started

    def get(self, path: str) -> int:
        """The status of a page, 0 when nobody answers."""
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return int(answer.status)
        except OSError:
            return 0

    def stop(self, how: Callable[["Run"], None], limit: float) -> float:
        """Seconds from the act until no process of the clone is left."""
        began = time.monotonic()
        how(self)
        until(lambda: not members(self.mark), limit)
        self.process.wait(10)
        return time.monotonic() - began


@contextmanager
def running(clone: Path, port: int, **options: object) -> Iterator[Run]:
    """A run, with nothing left behind even when a step fails."""
    run = Run(clone, port, **options)  # type: ignore[arg-type]
    try:
        yield run
    finally:
        for pid in members(run.mark):
            os.kill(pid, signal.SIGKILL)
        run.log.unlink()


def ctrl_c(run: Run) -> None:
    """As a terminal does: SIGINT to the group in the foreground."""
    os.killpg(run.process.pid, signal.SIGINT)


def kill_supervisor(run: Run) -> None:
    """`kill -9` of the one that watches over all others."""
    for pid in members(run.mark):
        with contextlib.suppress(OSError):  # it follows the supervisor already
            if b"app.supervisor" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)


def pss_mb(pids: list[int]) -> float:
    """Proportional set size of the processes together."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def main() -> int:
    """Run all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--test", action="store_true", help="run `make test` on the clone too")
    parser.add_argument("--check", action="store_true", help="run `make check` on the clone too")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tidings-"))
    try:
        clone = folder / "mein schöner Klon"
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(clone)], check=True)
        _starts(clone)
        for wanted in ("check", "test"):
            if getattr(options, wanted):
                _make(clone, wanted)
    finally:
        shutil.rmtree(folder)
    return 0 if all(good for *_, good in _results) else 1


def _starts(clone: Path) -> None:
    port = _free_port()
    with running(clone, port) as run:
        seconds = run.answers(600)
        note("first `make run` answers", f"{seconds:.1f} s", seconds < FIRST_SECONDS)
        note(
            "the demo sign-in is printed",
            "yes" if "Sign in with" in run.said else "no",
            "Sign in with" in run.said,
        )
        seconds = run.stop(ctrl_c, 30)
        note("Ctrl-C leaves no process", f"{seconds:.2f} s", seconds < STOP_SECONDS)
    with running(clone, port) as run:
        seconds = run.answers(120)
        note("second `make run` answers", f"{seconds:.1f} s", seconds < SECOND_SECONDS)
        _taken(clone, port)
        until(lambda: len(members(run.mark)) >= 6, 60)
        _rest(IDLE_AFTER)
        megabytes = pss_mb(members(run.mark))
        count = len(members(run.mark))
        note("idle PSS of everything", f"{megabytes:.0f} MB in {count} processes", megabytes < IDLE_MB)
        seconds = run.stop(kill_supervisor, 30)
        note("kill -9 of the supervisor leaves no process", f"{seconds:.2f} s", seconds < STOP_SECONDS)
    with running(clone, port, offline=True) as run:
        until(lambda: "Tidings is ready" in run.said or run.process.poll() is not None, 120)
        seconds = time.monotonic() - run.started
        note("start without a network is ready", f"{seconds:.1f} s", "Tidings is ready" in run.said)
        run.stop(ctrl_c, 30)


def _taken(clone: Path, port: int) -> None:
    done = subprocess.run(
        ["make", "run", f"PORT={port}"], cwd=clone, capture_output=True, text=True, timeout=120, check=False
    )
    lines = (done.stdout + done.stderr).strip().splitlines()
    note("a taken port is said in words", " / ".join(lines), any("is taken" in line for line in lines))


def _make(clone: Path, target: str) -> None:
    began = time.monotonic()
    done = subprocess.run(["make", target], cwd=clone, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).strip().splitlines()
    note(f"`make {target}`", f"{time.monotonic() - began:.0f} s: {said[-1]}", done.returncode == 0)
    if done.returncode:
        print("\n".join(said[-60:]), flush=True)  # noqa: T201


def _rest(seconds: float) -> None:
    """Nothing to wait for but time itself: this is how long "idle" is."""
    time.sleep(seconds)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
