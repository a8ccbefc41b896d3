"""The Flask pages behind the event loop: a WSGI app in a few threads that only ever wait for the app itself.

A request's body is read completely before a thread is taken, and an answer queues here while a slow reader
takes its time: neither a slow upload nor a slow download holds a thread.
"""

import asyncio
import io
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

from app.live.endpoint import Headers, Receive, Scope, Send, answer

log = logging.getLogger(__name__)

THREADS = 8
BODY_SECONDS = 10.0
QUEUED_BYTES = 4 * 1024 * 1024
SWALLOWED_BYTES = 16 * 1024 * 1024
"""What is read and thrown away beyond the limit: a browser that is cut off while sending shows no answer."""
MOST_WAITING = 256
"""Requests that wait for a thread; the next one is told to come back."""


class Refused(Exception):  # noqa: N818
    """A request that never reaches the app."""

    def __init__(self, status: int, text: str, headers: Headers) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers


class Pages:
    """A WSGI app as something an ASGI server can call. `limit` is the largest body it takes, in bytes."""

    def __init__(self, wsgi: WSGIApplication, *, limit: int, threads: int = THREADS) -> None:
        self.wsgi = wsgi
        self.limit = limit
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="pages")
        self._busy = 0
        self._most = threads + MOST_WAITING

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if self._busy >= self._most:
                raise Refused(503, "Too many requests at once, please try again.", [(b"retry-after", b"2")])
            body = await _read_body(scope, receive, self.limit)
        except Refused as refusal:
            await answer(send, refusal.status, refusal.text, refusal.headers)
            return
        if body is None:
            return
        outbox = Outbox(asyncio.get_running_loop())
        self._busy += 1
        work = asyncio.get_running_loop().run_in_executor(
            self._threads, _run, self.wsgi, _environ(scope, body), outbox
        )
        try:
            await outbox.deliver(send)
        finally:
            outbox.close()
            await work
            self._busy -= 1


class Outbox:
    """An answer on its way from its thread to the reader, at most 4 MiB of it waiting."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._state = threading.Condition()
        self._messages: list[dict[str, Any]] = []
        self._size = 0
        self._closed = False
        self._ready = asyncio.Event()

    def put(self, message: dict[str, Any], *, rouse: bool = True) -> None:
        """Called in the thread. Waits while too much waits already; raises ConnectionError once nobody
        reads."""
        size = len(message.get("body", b""))
        with self._state:
            while self._size > QUEUED_BYTES and not self._closed:
                self._state.wait()
            if self._closed:
                raise ConnectionError("The reader is gone")
            self._messages.append(message)
            self._size += size
        if rouse:
            self._loop.call_soon_threadsafe(self._ready.set)

    async def deliver(self, send: Send) -> None:
        """Send what comes until the answer is complete."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            with self._state:
                messages, self._messages = self._messages, []
            for message in messages:
                await send(message)
                with self._state:
                    self._size -= len(message.get("body", b""))
                    self._state.notify()
                if message["type"] == "http.response.body" and not message["more_body"]:
                    return

    def close(self) -> None:
        """Nobody reads any more: a thread that goes on writing is told so."""
        with self._state:
            self._closed = True
            self._state.notify_all()


def _run(wsgi: WSGIApplication, environ: WSGIEnvironment, outbox: Outbox) -> None:
    """In a thread: call the app and post its answer."""
    started = False

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        nonlocal started
        if started:
            if exc_info:
                raise exc_info[1].with_traceback(exc_info[2])
            raise AssertionError("start_response was called twice")
        started = True
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        start = {"type": "http.response.start", "status": int(status[:3]), "headers": encoded}
        outbox.put(start, rouse=False)  # leaves together with the first bytes of the body
        return lambda data: outbox.put(_part(data))

    try:
        _post(wsgi(environ, start_response), outbox)
    except ConnectionError:
        log.debug("The reader of %s is gone", environ["PATH_INFO"])
    except Exception:
        log.exception("The app failed outside of its own error pages")
        if not started:
            start_response(
                "500 Internal Server Error", [("Content-Type", "text/plain"), ("Content-Length", "0")]
            )
        outbox.put({"type": "http.response.body", "body": b"", "more_body": False})


def _post(chunks: Iterable[bytes], outbox: Outbox) -> None:
    try:
        for chunk in chunks:
            if chunk:
                outbox.put(_part(chunk))
        outbox.put({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def _part(data: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": True}


async def _read_body(scope: Scope, receive: Receive, limit: int) -> bytes | None:
    """The whole body, or None when the sender went away. Raises Refused when it is too large or too slow."""
    too_large = Refused(413, f"This is larger than the {limit // 1024} KiB that can be sent at once.", [])
    headers = dict(scope["headers"])
    if int(headers.get(b"content-length", b"0")) > limit and b"expect" in headers:
        raise too_large  # it asked before sending
    body = bytearray()
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in _parts(receive):
                size += len(part)
                if size > limit + SWALLOWED_BYTES:
                    break
                if size <= limit:
                    body += part
    except TimeoutError:
        raise Refused(408, "The request took too long to arrive.", [(b"connection", b"close")]) from None
    except ConnectionError:
        return None
    if size > limit:
        raise too_large
    return bytes(body)


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("The sender is gone")
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _environ(scope: Scope, body: bytes) -> WSGIEnvironment:
    """PEP 3333's description of the request. Header names with an underscore are dropped: written so, a
    visitor's `X_Forwarded_For` would pass for the proxy's own header."""
    server_name, server_port = scope.get("server") or ("localhost", None)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "REQUEST_URI": scope.get("raw_path", b"").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server_name if server_port else "localhost",
        "SERVER_PORT": str(server_port or 80),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if client := scope.get("client"):
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = client[0], str(client[1])
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if "_" in name or name in {"content-length", "transfer-encoding"}:
            continue
        key = "CONTENT_TYPE" if name == "content-type" else f"HTTP_{name.upper().replace('-', '_')}"
        joint = "; " if name == "cookie" else ","
        environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    return environ
