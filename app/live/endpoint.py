"""`GET /live?token=`: the stream of signals, spoken on the event loop.

The order is what makes it gap-free: listen first, then read the heads from the database, send them, and only
then pass on news. No connection to the database is held while a stream is open.
"""

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from flask import Flask

from app import clock
from app.live import news, topics
from app.live.hub import Hub, Listener, Owner

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

HEARTBEAT_SECONDS = 15.0
LIFE_SECONDS = 600.0
LIFE_SPREAD = 0.2
SEND_SECONDS = 10.0
RETRY_MS = 3000
STREAMS_PER_USER = 8
STREAMS_PER_ADDRESS = 50
STREAMS_PER_PROCESS = 10_000

STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]
HEARTBEAT = b"event: hb\ndata:\n\n"


class Live:
    """The streams of one process."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.hub = Hub()
        self.reader = news.Reader(app)
        self.draining = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to collect news. Call it once, on the loop."""
        loop = asyncio.get_running_loop()
        url = self.app.extensions["settings"].redis_url
        self._tasks = [
            loop.create_task(news.listen(self.hub, url)),
            loop.create_task(news.tail(self.hub, self.reader)),
        ]

    def drain(self) -> None:
        """End every stream and take no new one."""
        self.draining = True
        self.hub.drain()

    async def stop(self) -> None:
        """Stop collecting news."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = self._token(scope)
        if scope["method"] != "GET":
            await answer(send, 405, "Only GET", [(b"allow", b"GET")])
        elif token is None:
            await answer(send, 401, "Please reload the page.")
        elif not token.topics:
            await answer(send, 204)  # tells a browser's EventSource to stop asking
        elif self.draining or self.hub.count >= STREAMS_PER_PROCESS:
            await answer(send, 503, "Too many listeners, try again soon.", [(b"retry-after", b"5")])
        else:
            owner: Owner = ("address", _address(scope, self.app.extensions["settings"].trusted_proxies))
            if token.user_id is not None:
                owner = ("user", token.user_id)
            most = STREAMS_PER_ADDRESS if token.user_id is None else STREAMS_PER_USER
            listener = self.hub.add(owner, token.topics, most=most)
            try:
                await self._serve(listener, token, receive, send)
            finally:
                self.hub.remove(listener)

    def _token(self, scope: Scope) -> topics.Token | None:
        text = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        with self.app.app_context():
            try:
                return topics.read(text)
            except topics.BadToken:
                return None

    async def _serve(self, listener: Listener, token: topics.Token, receive: Receive, send: Send) -> None:
        try:
            facts = await self.reader.read(listener.topics, token.user_id)
        except Exception:
            log.exception("Cannot read the heads for a stream")
            await answer(send, 503, "Try again soon.", [(b"retry-after", b"5")])
            return
        if not topics.is_current(token, facts.epochs):
            await answer(send, 401, "Please reload the page.")
            return
        self.hub.learn(facts.heads)
        gone = asyncio.ensure_future(_wait_until_gone(receive))
        gone.add_done_callback(lambda _: listener.end())
        try:
            await self._stream(listener, send)
        except (OSError, TimeoutError):
            log.debug("A reader stalled or vanished")
        finally:
            gone.cancel()

    async def _stream(self, listener: Listener, send: Send) -> None:
        life = LIFE_SECONDS * random.uniform(1 - LIFE_SPREAD, 1 + LIFE_SPREAD)  # noqa: S311 - no secret
        ends_at = clock.monotonic() + life
        await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
        heads = json.dumps(self.hub.greeting(listener), separators=(",", ":"))
        await _say(send, f"retry: {RETRY_MS}\nevent: heads\ndata: {heads}\n\n".encode())
        while not listener.ended and clock.monotonic() < ends_at:
            await listener.news(HEARTBEAT_SECONDS)
            if not listener.ended:
                await _say(send, self.hub.frames(listener) or HEARTBEAT)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def answer(send: Send, status: int, text: str = "", headers: Headers | None = None) -> None:
    """A whole answer in plain text."""
    body = text.encode()
    plain = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": plain + (headers or [])})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _say(send: Send, text: bytes) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": text, "more_body": True})


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _address(scope: Scope, proxies: int) -> str:
    """The visitor's address; behind so many trusted proxies, what the outermost of them saw."""
    if proxies:
        seen = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode(
            "latin-1"
        )
        addresses = [part.strip() for part in seen.split(",") if part.strip()]
        if len(addresses) >= proxies:
            return addresses[-proxies]
    return str((scope.get("client") or ("unknown", 0))[0])
