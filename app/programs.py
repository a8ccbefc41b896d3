"""What a supervisor runs: programs that run until told otherwise, and the console they all speak on."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from app import processes
from app.config import ROOT

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
HEALTHY_SECONDS = 5.0
"""Who lived so long is started again at once. What cannot begin ends sooner."""
NOT_PREPARED = 3
"""Exit status of the web process when the database could not be made ready."""
LONGEST_LINE = 64 * 1024
COLOURS = (36, 32, 33, 35, 34, 31)


class Console:
    """Where all lines go, each with the name of who said it."""

    def __init__(self) -> None:
        self._colourful = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._names: list[str] = []
        self.width = 0

    def add(self, name: str) -> None:
        """Make room for a name."""
        self._names.append(name)
        self.width = max(self.width, len(name))

    def line(self, name: str, text: str) -> None:
        """One line of `name`."""
        label = f"{name:<{self.width}} |"
        if self._colourful and name in self._names:
            label = f"\x1b[{COLOURS[self._names.index(name) % len(COLOURS)]}m{label}\x1b[0m"
        self.say(f"{label} {text}")

    def say(self, text: str) -> None:
        """One line of the supervisor itself. Nobody listening is no reason to stop working."""
        with contextlib.suppress(OSError):
            print(text, flush=True)


class Program:
    """One program that is to run until told otherwise."""

    def __init__(
        self, name: str, command: Sequence[str], env: dict[str, str], keep: Sequence[int] = ()
    ) -> None:
        self.name = name
        self.command = command
        self.env = env
        self.keep = keep
        self.process: subprocess.Popen[bytes] | None = None
        self.output: int | None = None
        self.rest = b""
        self.starts_at = 0.0
        self._started_at = 0.0
        self._pause = 0.0

    def start(self) -> None:
        """Run it; what it says can be read from `output`."""
        self.output, writing = os.pipe()
        os.set_blocking(self.output, False)
        with os.fdopen(writing, "wb") as stream:
            self.process = processes.start(
                self.command, cwd=ROOT, env=self.env, output=stream, keep=self.keep
            )
        self._started_at = time.monotonic()

    def has_ended(self) -> int | None:
        """Its exit status once it has ended, after which it may be started again at `starts_at`."""
        if self.process is None or self.process.poll() is None:
            return None
        status = self.process.returncode
        processes.kill_group(self.process.pid, signal.SIGKILL)  # what it forked does not outlive it
        processes.forget(self.process)
        self.process = None
        lived = time.monotonic() - self._started_at
        if lived > HEALTHY_SECONDS:
            self._pause = 0.0
        self._pause = min(LONGEST_PAUSE_SECONDS, max(FIRST_PAUSE_SECONDS, self._pause * 2))
        self.starts_at = time.monotonic() + self._pause
        return status

    def lines(self) -> list[str]:
        """What it has said since the last question, whole lines."""
        if self.output is None:
            return []
        try:
            data = os.read(self.output, LONGEST_LINE)
        except BlockingIOError:
            return []
        if not data:
            os.close(self.output)
            self.output = None
        *whole, self.rest = (self.rest + data).split(b"\n")
        if self.rest and (not data or len(self.rest) >= LONGEST_LINE):
            whole, self.rest = [*whole, self.rest], b""
        return [line.decode(errors="replace").rstrip("\r") for line in whole]
