"""Processes that never outlive the one that started them, and waiting for signals without missing one.

On Linux the kernel tells a child that its parent is gone. Elsewhere the parent holds the writing end of a
pipe for as long as it lives: whoever reads the other end sees it close.

A parent is, for the kernel, the *thread* that started the child: call `start` and `fork` from the main thread
only.
"""

import contextlib
import ctypes
import gc
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO


def unique_name() -> str:
    """A name nobody else has, or ever had: at most 73 characters."""
    return f"{socket.gethostname()[:50]}:{os.getpid()}:{secrets.token_hex(4)}"


NAME_VARIABLE = "TIDINGS_WORKER"
_taking = {"name": os.environ.get(NAME_VARIABLE) or unique_name()}


def taking_name() -> str:
    """In whose name this process takes things for a while; at most 76 characters.

    The children that work in one place, one after the other, have the same. A supervisor gives it to the parents it
    starts one after the other too, each when the whole group of the one before is dead. Nobody else ever has it.
    """
    return _taking["name"]


def take_as(name: str) -> None:
    """Take things in this name from now on: that of the place a child was forked for."""
    _taking["name"] = name


def call_this_process(title: str) -> None:
    """What `ps` and `top` call it, as far as the system allows that; 15 characters are shown."""
    if HAS_PDEATHSIG:
        _libc.prctl(PR_SET_NAME, title.encode(), 0, 0, 0)


HAS_PDEATHSIG = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15

_libc = ctypes.CDLL(None)
_stop = {"asked": False}
_lifeline: tuple[int, int] | None = None
_watchers: dict[int, subprocess.Popen[bytes]] = {}


def start(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    output: IO[bytes] | int | None = None,
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own; it gets SIGTERM when this process ends, however it ends.

    `output` takes both of its streams; `keep` names the open files it inherits.
    """
    process = subprocess.Popen(  # noqa: S603 - the commands are our own
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=tuple(keep),
        start_new_session=True,
        preexec_fn=partial(_follow, os.getpid()) if HAS_PDEATHSIG else None,  # noqa: PLW1509 - main thread
    )
    if not HAS_PDEATHSIG:
        _watchers[process.pid] = _watch(process.pid)
    return process


def forget(process: subprocess.Popen[bytes]) -> None:
    """Say that a started program has ended, so that nothing watches over its number any more."""
    if watcher := _watchers.pop(process.pid, None):
        watcher.kill()
        watcher.wait()


def fork(work: Callable[[], int]) -> int:
    """Fork a child that runs `work` and leaves with its result; it gets SIGTERM when this process ends."""
    parent, lifeline = os.getpid(), _open_lifeline()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        if HAS_PDEATHSIG:
            _follow(parent)
        else:
            os.close(lifeline[1])
            threading.Thread(target=_end_with, args=(lifeline[0],), daemon=True).start()
        code = work()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:  # noqa: BLE001 - the child's last frame: it must not go on as if it were the parent
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def keep_what_is_loaded() -> None:
    """Call it when a process begins its work: what is there by now stays, and is no garbage.

    The collector then does not look through the app again and again (a seventh of the time of long work), and does not
    touch, and so copy, memory that is shared with children.
    """
    gc.collect()
    gc.freeze()


def kill_group(pid: int, number: signal.Signals) -> None:
    """Signal a started program and all it has forked; nothing happens if they are gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def ask_to_stop() -> None:
    """Let long work in this process end at its next resting place. Safe in a signal handler."""
    _stop["asked"] = True


def is_asked_to_stop() -> bool:
    """Whether this process is to end soon: work that can be handed back is, now."""
    return _stop["asked"]


class Signals:
    """The signals that arrived, as something a loop can wait for together with its files."""

    def __init__(self, *watched: signal.Signals) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        for number in watched:
            signal.signal(number, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def fileno(self) -> int:
        """What to wait for."""
        return self._read

    def arrived(self) -> set[int]:
        """The signals since the last question."""
        try:
            return set(os.read(self._read, 4096))
        except BlockingIOError:
            return set()

    def wait(self, seconds: float) -> set[int]:
        """The signals that arrive within so many seconds; returns at the first."""
        select.select([self._read], [], [], seconds)
        return self.arrived()

    def close(self) -> None:
        """Stop collecting. What each signal does is left as it is."""
        signal.set_wakeup_fd(-1)
        os.close(self._read)
        os.close(self._write)


def _follow(parent: int) -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended between the fork and the line above
        os._exit(1)


def _open_lifeline() -> tuple[int, int]:
    global _lifeline  # noqa: PLW0603 - one per process, as long as the process
    if _lifeline is None:
        _lifeline = os.pipe()
    return _lifeline


def _watch(pid: int) -> subprocess.Popen[bytes]:
    """A shell that sleeps on the lifeline and, when it closes, ends the process with this number."""
    reading, _writing = _open_lifeline()
    return subprocess.Popen(  # noqa: S603 - the command is our own
        ["/bin/sh", "-c", 'read -r _; kill -TERM "$0"', str(pid)],
        stdin=reading,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _end_with(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)
