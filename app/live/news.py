"""Where a live process gets its news: from Redis at once, and from the database every two seconds for
whatever Redis lost. No connection to the database is held in between."""

import asyncio
import json
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import redis.asyncio
from flask import Flask

from app.db import end_request, read_first
from app.live import topics
from app.live.hub import Hub
from app.live.publish import CHANNEL

log = logging.getLogger(__name__)

TAIL_SECONDS = 2.0
RETRY_SECONDS = 1.0
SILENCE_SECONDS = 15.0
"""After so long without a word from Redis it is asked whether it is there."""


@dataclass(frozen=True)
class Facts:
    """What one look into the database found."""

    heads: dict[str, int]
    epochs: dict[int, int | None]


class Reader:
    """Looks into the database in a thread of its own, for many askers in one go.

    Whoever asks while a look is under way is answered by the next one: what it sees is never older than the
    question. So a thousand browsers that come back at once cost a handful of looks.
    """

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="live-reader")
        self._waiting: list[tuple[tuple[str, ...], int | None, asyncio.Future[Facts]]] = []
        self._task: asyncio.Task[None] | None = None

    async def read(self, names: Iterable[str], user_id: int | None = None) -> Facts:
        """The heads of these topics (and of those others asked for), and the person's epoch."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Facts] = loop.create_future()
        self._waiting.append((tuple(names), user_id, answer))
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._answer_all())
        return await answer

    async def _answer_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            asked, self._waiting = self._waiting, []
            names = {name for wanted, _, _ in asked for name in wanted}
            user_ids = {user_id for _, user_id, _ in asked if user_id is not None}
            results = await asyncio.gather(
                loop.run_in_executor(self._thread, self._look, names, user_ids), return_exceptions=True
            )
            for _, _, answer in asked:
                if answer.done():
                    continue
                if isinstance(results[0], BaseException):
                    answer.set_exception(results[0])
                else:
                    answer.set_result(results[0])

    def _look(self, names: set[str], user_ids: set[int]) -> Facts:
        with self.app.app_context():
            read_first()
            try:
                return Facts(heads=topics.heads(names), epochs=topics.epochs(user_ids))
            finally:
                end_request()


async def listen(hub: Hub, url: str) -> None:
    """Pass on what is published, for ever. One subscription serves all listeners of the process."""
    while True:
        client = redis.asyncio.Redis.from_url(url, socket_connect_timeout=RETRY_SECONDS)
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as channel:
                await channel.subscribe(CHANNEL)
                await _pass_on(hub, channel)
        except (redis.RedisError, OSError) as error:
            log.debug("No news from Redis: %s", error)
        finally:
            await client.aclose()
        await asyncio.sleep(RETRY_SECONDS)


async def _pass_on(hub: Hub, channel: redis.asyncio.client.PubSub) -> None:
    asked = False
    while True:
        message = await channel.get_message(timeout=SILENCE_SECONDS)
        if message is not None:
            asked = False
            if message["type"] == "message":
                _take(hub, message["data"])
        elif asked:
            raise redis.ConnectionError("Redis has stopped answering")
        else:
            await channel.ping()
            asked = True


def _take(hub: Hub, data: bytes) -> None:
    try:
        message = json.loads(data)
        if "kick" in message:
            hub.kick(int(message["kick"]))
        else:
            hub.learn({str(message["t"]): int(message["n"])})
    except (ValueError, KeyError, TypeError):
        log.warning("Not a message of ours on the channel: %.100r", data)


async def tail(hub: Hub, reader: Reader) -> None:
    """Compare with the database, for ever: what was committed and never published is found here."""
    silent = False
    while True:
        await asyncio.sleep(TAIL_SECONDS)
        if not hub.topics:
            continue
        try:
            hub.learn((await reader.read(list(hub.topics))).heads)
            silent = False
        except Exception:
            if not silent:
                log.exception("Cannot compare with the database, going on trying")
            silent = True
