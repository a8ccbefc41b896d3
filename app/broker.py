"""The one client of Redis for everything that must not wait: tight timeouts, no retry, and a pause after a
failure.

Saving never depends on Redis. Refused, a call costs well under a millisecond; hung, it costs one timeout in
each pause. What is lost here is found again in the database by the sweeper and by the live tail.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import redis
from flask import current_app
from redis.backoff import NoBackoff
from redis.retry import Retry

from app import clock

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 0.2
PAUSE_SECONDS = 2.0

T = TypeVar("T")


def connect(url: str) -> redis.Redis:
    """A client that gives up after 0.2 s and never tries twice. It connects when first used."""
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )


@dataclass
class Broker:
    """A client, how often it failed, and until when it rests."""

    client: redis.Redis
    failures: int = 0
    skipped: int = 0
    last_error: str | None = None
    rests_until: float = 0.0

    def call(self, work: Callable[[redis.Redis], T], default: T) -> T:
        """The result of `work`, or the default when Redis fails or has failed within the last two seconds."""
        if clock.monotonic() < self.rests_until:
            self.skipped += 1
            return default
        try:
            return work(self.client)
        except (redis.RedisError, OSError) as error:
            self.failures += 1
            self.last_error = f"{type(error).__name__}: {error}"
            self.rests_until = clock.monotonic() + PAUSE_SECONDS
            log.warning("Redis failed, resting for %s s: %s", PAUSE_SECONDS, self.last_error)
            return default


_brokers: dict[str, Broker] = {}


def broker(url: str | None = None) -> Broker:
    """This process's broker for the address, by default that of the app in hand."""
    url = url or current_app.extensions["settings"].redis_url
    return _brokers.get(url) or _brokers.setdefault(url, Broker(connect(url)))


def call(work: Callable[[redis.Redis], T], default: T) -> T:
    """Let `work` use Redis; the default is the answer when it cannot. Never raises because of Redis."""
    return broker().call(work, default)


os.register_at_fork(after_in_child=_brokers.clear)
