"""One web process: pages in threads, streams and /healthz on the event loop, one port.

python -m app.serve [--host HOST --port PORT | --uds PATH | --fd NUMBER]
                    [--live-only] [--app MODULE:NAME] [--prepare]
"""

import argparse
import contextlib
import importlib
import logging
import os
import socket
import sys
from asyncio import BaseTransport, Transport
from collections.abc import Sequence
from typing import cast

import click
import uvicorn
from flask import Flask
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app import processes
from app.cli import make_ready
from app.config import BadSetting, read_dotenv
from app.db import db
from app.live.endpoint import Live, Receive, Scope, Send, answer
from app.migrating import mismatch_if_known
from app.pages import THREADS, Pages
from app.programs import NOT_PREPARED

SILENT_READER_MS = 15_000
HEADERS_SECONDS = 10.0
GRACE_SECONDS = 3
KEEP_ALIVE_SECONDS = 75
BACKLOG = 4096
LARGEST_BODY = 1024 * 1024


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol; peers that stop reading or never finish their first request are let go."""

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast("Transport", transport))
        peer = transport.get_extra_info("socket")
        if peer.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_READER_MS)
        self.loop.call_later(HEADERS_SECONDS, self._end_if_silent)

    def _end_if_silent(self) -> None:
        if cast("object | None", self.cycle) is None and not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """uvicorn that ends its streams first when told to stop: a restart takes a moment, not the grace
    period."""

    def __init__(self, config: uvicorn.Config, site: "Site") -> None:
        super().__init__(config)
        self.site = site

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.site.live.start()
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.site.live.drain()
        await super().shutdown(sockets)
        await self.site.live.stop()


class Site:
    """The ASGI app: says by path who answers."""

    def __init__(self, app: Flask, *, live_only: bool = False, threads: int = THREADS) -> None:
        self.live = Live(app)
        limit = app.config.get("MAX_CONTENT_LENGTH") or LARGEST_BODY
        self.pages = None if live_only else Pages(app, limit=limit, threads=threads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/live":
            await self.live(scope, receive, send)
        elif scope["path"] == "/healthz":
            await answer(send, 200, "ok\n")
        elif self.pages is not None:
            await self.pages(scope, receive, send)
        else:
            await answer(send, 404, "Only /live is here.")


def serve(
    app: Flask,
    *,
    host: str = "127.0.0.1",
    port: int = 5000,
    uds: str | None = None,
    listening: socket.socket | None = None,
    live_only: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT, on an address, on a unix socket, or on a socket that listens already."""
    site = Site(app, live_only=live_only)
    config = uvicorn.Config(
        site,
        host=host,
        port=port,
        uds=uds,
        http=Protocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        backlog=BACKLOG,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # ProxyFix does it, and only for as many proxies as the settings name
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    processes.keep_what_is_loaded()
    with contextlib.suppress(KeyboardInterrupt):
        Server(config, site).run(sockets=[listening] if listening else None)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and serve."""
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for name in ("uvicorn.error", "asyncio", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    read_dotenv()
    module, _, name = options.app.partition(":")
    try:
        app = getattr(importlib.import_module(module), name or "app")
    except BadSetting as error:
        sys.exit(str(error))
    listening = socket.socket(fileno=options.fd) if options.fd is not None else None
    if options.prepare:
        _prepare(app, listening.getsockname()[0] if listening else options.host)
    _fits(app)
    serve(
        app,
        host=options.host,
        port=options.port,
        uds=options.uds,
        listening=listening,
        live_only=options.live_only,
    )


def _prepare(app: Flask, host: str) -> None:
    """Migrate and fill, in a fork: one load of the app serves both, and what it leaves in memory is gone."""

    def work() -> int:
        try:
            with app.app_context():
                make_ready(host)
        except click.ClickException as error:
            click.echo(error.message, err=True)
            return 1
        return 0

    _, status = os.waitpid(processes.fork(work), 0)
    if status:
        sys.exit(NOT_PREPARED)


def _fits(app: Flask) -> None:
    """End with a sentence when the tables are those of another release. One that does not answer may come back."""
    if "sqlalchemy" in app.extensions:
        with app.app_context():
            words = mismatch_if_known()
            db.engine.dispose()
        if words:
            click.echo(f"Tidings cannot start: {words}", err=True)
            sys.exit(NOT_PREPARED)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m app.serve", description="Serve pages and live streams.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--uds", help="listen on a unix socket at this path")
    parser.add_argument("--fd", type=int, help="serve on a socket that listens already")
    parser.add_argument("--live-only", action="store_true", help="no pages: only /live and /healthz")
    parser.add_argument("--prepare", action="store_true", help="migrate and fill an empty database first")
    parser.add_argument("--app", default="wsgi:app", help="where the Flask app is (default: wsgi:app)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
