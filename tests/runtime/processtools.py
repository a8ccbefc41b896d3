"""Looking at real processes."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.patience import until

ROOT = Path(__file__).resolve().parents[2]


def is_alive(pid: int) -> bool:
    """Whether a process with this number runs; a dead one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def has_pending(pid: int, number: signal.Signals) -> bool:
    """Whether a signal has arrived at the process and waits there to be let in."""
    facts = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool((int(facts["SigPnd"], 16) | int(facts["ShdPnd"], 16)) >> (number - 1) & 1)


def children_of(pid: int) -> list[int]:
    """All processes below this one, of any generation."""
    try:
        direct = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return direct + [grandchild for child in direct for grandchild in children_of(child)]


class Program:
    """A program under test; all it says is kept, and it is gone when the block ends."""

    def __init__(self, *command: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> None:
        with tempfile.NamedTemporaryFile(delete=False) as log:
            self._log = Path(log.name)
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=cwd,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), **(env or {})},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        family = [self.process.pid, *children_of(self.process.pid)]
        for pid in family:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self._log.unlink()

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self) -> str:
        """Everything so far, both streams."""
        return self._log.read_text(errors="replace")

    def wait_for(self, text: str, seconds: float = 60.0) -> str:
        """Return once it has said this."""

        def so() -> bool:
            assert self.process.poll() is None or text in self.said(), self.said()
            return text in self.said()

        until(so, seconds)
        return self.said()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, seconds: float = 5.0) -> int:
        """Its exit status, which comes within so many seconds."""
        return self.process.wait(seconds)
