"""Somebody else's web server: answers as it is told, path by path, and keeps everything that arrived.

    with sink() as there:
        there.mode["/sick"] = "hang"
        ... send to there.url("/sick") ...
        assert there.arrivals[0].headers["webhook-id"] == ...

Modes: a number ("200", "410", "500", …) answers with it; "301" and "302" point to /elsewhere; "429" and "503" may ask
for patience ("429 30": Retry-After: 30); "hang" says nothing; "slow" answers 200 after 1.2 s; "drip" sends its body a
byte at a time; "slow headers" its headers; "endless headers" never ends them; "many headers" sends 500; "early hints"
says 103 first; "reset" breaks the connection; "early end" breaks it in the body; "huge" sends 100 MiB; "chunked" sends
pieces; "garbage" speaks no HTTP; "flaky" fails every second time; "stumbling" fails at every second message, the first
time it comes.
"""

import select
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HUGE = 100 * 1024 * 1024
SAID = b'{"ok": true}'
_REASONS = {
    200: "OK",
    204: "No Content",
    301: "Moved Permanently",
    302: "Found",
    410: "Gone",
    429: "Too Many",
}


@dataclass(frozen=True)
class Arrival:
    """One request as it came in. Header names in lower case; `at` is monotonic."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Sink:
    """A listening server."""

    port: int
    scheme: str = "http"
    host: str = "127.0.0.1"
    mode: dict[str, str] = field(default_factory=dict)
    """Path -> how it answers; what is not named answers 200."""
    arrivals: list[Arrival] = field(default_factory=list)
    taken: list[Arrival] = field(default_factory=list)
    """Those that were answered with 2xx, or would have been if who asked had waited."""
    thinks: float = 0.0
    """Seconds from an arrival to an answer that is a number."""
    sent: int = 0
    """Bytes of bodies that went out in the mode "huge"."""
    most_at_once: dict[str, int] = field(default_factory=dict)
    """Path -> the highest number of requests it was answering at one moment."""
    _open: dict[str, int] = field(default_factory=dict)
    _met: dict[str, set[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    ending: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/hook") -> str:
        return f"{self.scheme}://{self.host}:{self.port}{path}"

    def at(self, path: str) -> list[Arrival]:
        """What arrived at this path, oldest first."""
        with self._lock:
            return [one for one in self.arrivals if one.path == path]

    def begin(self, arrival: Arrival) -> None:
        with self._lock:
            self.arrivals.append(arrival)
            now = self._open[arrival.path] = self._open.get(arrival.path, 0) + 1
            self.most_at_once[arrival.path] = max(now, self.most_at_once.get(arrival.path, 0))

    def end(self, arrival: Arrival) -> None:
        with self._lock:
            self._open[arrival.path] -= 1

    def stumbles(self, arrival: Arrival) -> bool:
        """Whether this message is new at its path and every second one."""
        with self._lock:
            met, name = self._met.setdefault(arrival.path, set()), arrival.headers.get("webhook-id", "")
            if name in met:
                return False
            met.add(name)
            return len(met) % 2 == 1

    def take(self, arrival: Arrival) -> None:
        with self._lock:
            self.taken.append(arrival)


class _Handler(socketserver.StreamRequestHandler):
    """One connection, one request."""

    server: "_Server"

    def handle(self) -> None:
        with suppress(OSError, ValueError):
            arrival = self._read()
            if arrival is None:
                return
            sink = self.server.sink
            sink.begin(arrival)
            try:
                self._answer(sink.mode.get(arrival.path, "200"), arrival)
            finally:
                sink.end(arrival)

    def _read(self) -> Arrival | None:
        line = self.rfile.readline().decode("latin-1").split()
        if len(line) != 3:
            return None
        headers: dict[str, str] = {}
        while header := self.rfile.readline().decode("latin-1").strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length") or 0))
        return Arrival(line[0], line[1], headers, body, time.monotonic())

    def _answer(self, mode: str, arrival: Arrival) -> None:
        if mode == "flaky":
            mode = "500" if len(self.server.sink.at(arrival.path)) % 2 else "200"
        elif mode == "stumbling":
            mode = "500" if self.server.sink.stumbles(arrival) else "200"
        kind, _, argument = mode.partition(" ")
        if kind.isdigit():
            if kind.startswith("2"):
                self.server.sink.take(arrival)
            self.server.sink.ending.wait(self.server.sink.thinks)
            self._status(int(kind), argument)
        else:
            getattr(self, "_" + mode.replace(" ", "_"))()

    def _status(self, status: int, patience: str) -> None:
        more = f"Retry-After: {patience}\r\n" if patience else ""
        if 300 <= status < 400:
            more += f"Location: {self.server.sink.url('/elsewhere')}\r\n"
        said = b"" if status == 204 else SAID
        self._say(
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}\r\nContent-Type: application/json\r\n"
            f"{more}Content-Length: {len(said)}\r\n\r\n".encode(),
            said,
        )

    def _say(self, *pieces: bytes) -> None:
        self.request.sendall(b"".join(pieces))

    def _hang(self) -> None:
        while not self.server.sink.ending.wait(0.05):
            if select.select([self.request], [], [], 0)[0] and not self.request.recv(1, socket.MSG_PEEK):
                return  # who asked has gone

    def _slow(self) -> None:
        self.server.sink.ending.wait(1.2)
        self._status(200, "")

    def _drip(self) -> None:
        self._say(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        while not self.server.sink.ending.wait(0.1):
            self._say(b".")

    def _slow_headers(self) -> None:
        self._say(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.server.sink.ending.wait(0.1):
            self._say(b".")

    def _endless_headers(self) -> None:
        self._say(b"HTTP/1.1 200 OK\r\n")
        while not self.server.sink.ending.is_set():
            self._say(b"X-More: " + b"m" * 4_000 + b"\r\n")

    def _many_headers(self) -> None:
        self._say(b"HTTP/1.1 200 OK\r\n", *[b"X-%d: 1\r\n" % number for number in range(500)], b"\r\n")

    def _early_hints(self) -> None:
        self._say(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        )

    def _reset(self) -> None:
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.request.close()

    def _early_end(self) -> None:
        self._say(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhalf")

    def _huge(self) -> None:
        self._say(f"HTTP/1.1 200 OK\r\nContent-Length: {HUGE}\r\n\r\n".encode())
        piece = b"x" * 65_536
        for _ in range(HUGE // len(piece)):
            self._say(piece)
            self.server.sink.sent += len(piece)

    def _chunked(self) -> None:
        self._say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")

    def _garbage(self) -> None:
        self._say(b"\x00\xff\x13SSH-2.0-nothing of the web\r\n\r\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128
    sink: Sink
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with suppress(OSError), self.tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)


@contextmanager
def sink(*, tls: Path | None = None, host: str = "127.0.0.1") -> Iterator[Sink]:
    """A server on a free port of loopback; `tls` is a folder with key.pem and cert.pem."""
    with _Server((host, 0), _Handler) as server:
        server.sink = Sink(server.server_address[1], "https" if tls else "http")
        if tls:
            server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.tls.load_cert_chain(tls / "cert.pem", tls / "key.pem")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.sink
        finally:
            server.sink.ending.set()
            server.shutdown()
            thread.join(5)
