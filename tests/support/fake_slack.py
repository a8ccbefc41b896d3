"""Slack as it answers incoming webhooks, on loopback: says "ok", or what it was told to say next."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Message:
    """What somebody said in a channel. `at` is monotonic."""

    path: str
    text: str
    at: float
    taken: bool


@dataclass
class Says:
    """One answer. `hangs`: none at all, for so many seconds."""

    status: int = 200
    body: str = "ok"
    retry_after: str | None = None
    hangs: float = 0.0


@dataclass
class FakeSlack:
    """The server. `next_answers` are used up one by one; after them everything is taken."""

    port: int
    calls: list[Message] = field(default_factory=list)
    next_answers: list[Says] = field(default_factory=list)
    thinks: float = 0.0
    """Seconds from taking a message to saying so."""
    most_at_once: int = 0
    _open: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    ending: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/services/T0/B0/secretword") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def texts(self) -> list[str]:
        """What stands in the channels."""
        return [one.text for one in self.calls if one.taken]

    def call(self, path: str, body: bytes) -> Says:
        try:
            text = json.loads(body)["text"]
        except (ValueError, KeyError):
            return Says(400, "invalid_payload")
        with self._lock:
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
            answer = self.next_answers.pop(0) if self.next_answers else Says()
            taken = answer.status == 200 and answer.body == "ok" and not answer.hangs
            self.calls.append(Message(path, text, time.monotonic(), taken))
        self.ending.wait(answer.hangs or self.thinks)
        with self._lock:
            self._open -= 1
        return answer


class _Handler(BaseHTTPRequestHandler):
    slack: FakeSlack

    def do_POST(self) -> None:  # noqa: N802 - the library's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.slack.call(self.path, body)
        if answer.hangs:
            self.close_connection = True
            return
        self.send_response(answer.status)
        if answer.retry_after is not None:
            self.send_header("Retry-After", answer.retry_after)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(answer.body.encode())

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


@contextmanager
def fake_slack() -> Iterator[FakeSlack]:
    """A Slack of one's own, ended afterwards."""
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        slack = handler.slack = FakeSlack(server.server_port)  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield slack
        finally:
            slack.ending.set()
            server.shutdown()
            thread.join(5)
