"""Everything under one roof: starts Valkey (when no REDIS_URL is set), the web process and the workers,
passes on what they say, starts again what dies, and takes all of it down with itself.

    python -m app.supervisor [--host HOST] [--port PORT] [--workers N] [--prepare]

It loads no app, so that it stays small. The port is opened here and handed down: connections wait in it while
the web process is started again.
"""

import argparse
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Sequence

from app import processes
from app.config import BadSetting, Settings, from_environment, read_dotenv
from app.embedded import EmbeddedValkey, EmbeddedValkeyError
from app.programs import NOT_PREPARED, Console, Program

STOP_SECONDS = 2.5
"""From the request to stop until what still runs is killed."""
TICK_SECONDS = 0.5
BACKLOG = 4096
LONGEST_HEAD_START_SECONDS = 10.0
"""How long the workers wait for the pages: a page is what somebody is looking at right now."""
STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


class Supervisor:
    """The programs, and what happens to them."""

    def __init__(
        self, programs: Sequence[Program], valkey: EmbeddedValkey | None, listening: socket.socket
    ) -> None:
        self.programs = programs
        self.valkey = valkey
        self.listening = listening
        self.console = Console()
        self.is_hopeless = False
        self.selector = selectors.DefaultSelector()
        for program in programs:
            self.console.add(program.name)

    def run(self, url: str) -> bool:
        """Work until a signal says stop, then leave nothing behind. False when it could not even begin."""
        signals = processes.Signals(*STOP_SIGNALS, signal.SIGCHLD)
        self.selector.register(signals, selectors.EVENT_READ, None)
        try:
            self._start(self.programs[0])
            knock: socket.socket | None = self._knock()
            while not self.is_hopeless and not signals.arrived() & STOP_SIGNALS:
                self._pass_on(TICK_SECONDS)
                knock = self._announce(knock, url)
                self._keep_running()
                self._keep_valkey()
        finally:
            self._stop()
        return not self.is_hopeless

    def _start(self, program: Program) -> None:
        program.start()
        assert program.output is not None  # noqa: S101 - it was opened in the line above
        self.selector.register(program.output, selectors.EVENT_READ, program)

    def _pass_on(self, seconds: float) -> None:
        """Wait at most so long for something to be said, or for a signal, and print what was said."""
        for key, _ in self.selector.select(seconds):
            if isinstance(key.data, Program):
                self._print(key.data)

    def _print(self, program: Program) -> bool:
        """Pass on what a program has said since the last time. False when that was nothing."""
        output = program.output
        lines = program.lines()
        for line in lines:
            self.console.line(program.name, line)
        if program.output is None and output is not None:
            self.selector.unregister(output)
        return bool(lines)

    def _knock(self) -> socket.socket:
        """Ask the page server for a sign of life. The question waits in the port until somebody answers."""
        host, port = self.listening.getsockname()[:2]
        knock = socket.socket(self.listening.family)
        knock.connect(({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port))  # noqa: S104
        knock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.selector.register(knock, selectors.EVENT_READ, None)
        return knock

    def _announce(self, knock: socket.socket | None, url: str) -> socket.socket | None:
        """Print the ready line once the page server has answered, and knock again if it died before."""
        if knock is None:
            return None
        knock.setblocking(False)
        try:
            answer = knock.recv(64)
        except BlockingIOError:
            return knock
        except OSError:
            answer = b""
        self.selector.unregister(knock)
        knock.close()
        if not answer.startswith(b"HTTP/1.1 200"):
            return self._knock()
        self.console.say(f"Tidings is ready: {url}")
        for program in self.programs:
            program.starts_at = 0.0
        return None

    def _keep_running(self) -> None:
        for program in self.programs:
            status = program.has_ended()
            if status is not None:
                while self._print(program):
                    pass
                self._forget_output(program)
                self.is_hopeless = self.is_hopeless or status == NOT_PREPARED
                self.console.line(program.name, f"ended ({_in_words(status)})")
            if not self.is_hopeless and program.process is None and time.monotonic() >= program.starts_at:
                self._start(program)

    def _forget_output(self, program: Program) -> None:
        if program.output is not None:
            self.selector.unregister(program.output)
            os.close(program.output)
            program.output = None
            program.rest = b""

    def _keep_valkey(self) -> None:
        """Start Valkey again when it ended, ours or the one of another supervisor that we had attached to."""
        if self.valkey is None:
            return
        ours = self.valkey.process
        if (ours is None and self.valkey.answers()) or (ours is not None and ours.poll() is None):
            return
        self.console.say("Valkey ended, starting it again")
        self.valkey.stop()
        try:
            self.valkey.start()
        except EmbeddedValkeyError as error:
            self.console.say(str(error))

    def _stop(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        self.listening.close()
        running = [program for program in self.programs if program.process is not None]
        for program in running:
            processes.kill_group(program.process.pid, signal.SIGTERM)  # type: ignore[union-attr]
        while any(program.process.poll() is None for program in running if program.process):
            if time.monotonic() > deadline:
                break
            self._pass_on(0.02)
        for program in running:
            if program.process is not None:
                processes.kill_group(program.process.pid, signal.SIGKILL)
                program.process.wait()
        if self.valkey is not None:
            self.valkey.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and the settings; refuse in one line what cannot work; then run."""
    read_dotenv()
    try:
        settings = from_environment()
        options = _options(arguments, settings)
        listening = _listen(options.host, options.port)
    except BadSetting as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(_why_not(options.host, options.port, error), file=sys.stderr)
        return 1
    valkey = EmbeddedValkey(settings.instance) if settings.redis_is_embedded else None
    try:
        if valkey is not None:
            valkey.start()
    except EmbeddedValkeyError as error:
        print(error, file=sys.stderr)
        return 1
    programs = _programs(options, listening)
    return 0 if Supervisor(programs, valkey, listening).run(_url(options.host, options.port)) else 1


def _programs(options: argparse.Namespace, listening: socket.socket) -> list[Program]:
    env = {"MALLOC_ARENA_MAX": "2", **os.environ, "PORT": str(options.port), "PYTHONUNBUFFERED": "1"}
    number = listening.fileno()
    web = [sys.executable, "-m", "app.serve", "--fd", str(number), *["--prepare"] * options.prepare]
    programs = [Program("web", web, env, keep=[number])]
    for index, queues in enumerate(_parents(options.workers), start=1):
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "rq", "worker", *queues]
        named = {**env, processes.NAME_VARIABLE: f"{processes.unique_name()}:{index}"}
        programs.append(Program(f"worker {index}", command, named))
        # Without --prepare the tables are there already, and the work need not wait for the pages for ever.
        head_start = float("inf") if options.prepare else LONGEST_HEAD_START_SECONDS
        programs[-1].starts_at = time.monotonic() + head_start
    return programs


def _parents(workers: int) -> list[list[str]]:
    """The queues of each parent, a stroke between those of its children: one for what people wait for, and one for all
    that reaches outside. What was loaded is in memory once for each; the death of one stops no child of the other."""
    first, *others = _shares(workers) if workers else [[]]
    outside = " / ".join(" ".join(queues) for queues in others).split()
    return [queues for queues in (first, outside) if queues]


def _shares(workers: int) -> list[list[str]]:
    """Which queues each worker watches: the first only what people wait for, the second all else too."""
    everything = ["events", "mail", "webhooks", "sync"]
    if workers == 1:
        return [everything]
    if workers == 2:
        return [["events"], ["mail", "webhooks", "sync", "events"]]
    outside = [["mail", "events"], ["webhooks", "sync", "events"]]
    return [["events"], *outside, *[everything] * (workers - 3)]


def _options(arguments: Sequence[str] | None, settings: Settings) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="flask up", description="Start everything: Valkey, web with live streams, workers."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=settings.port, help=f"port (default: {settings.port})")
    parser.add_argument("--workers", type=int, default=3, choices=range(17), metavar="N", help="default: 3")
    parser.add_argument("--prepare", action="store_true", help="migrate and fill an empty database first")
    return parser.parse_args(arguments)


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _why_not(host: str, port: int, error: OSError) -> str:
    try:
        with socket.create_connection((host, port), timeout=1):
            other = port + 80
            return f"Port {port} is taken. Stop what listens there, or choose another: make run PORT={other}"
    except OSError:
        return f"Cannot listen on {host}, port {port}: {error.strerror or error}"


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _in_words(status: int) -> str:
    return f"status {status}" if status >= 0 else signal.Signals(-status).name


if __name__ == "__main__":
    sys.exit(main())
