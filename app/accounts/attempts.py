"""How often somebody may try: counted per address and account, and per address alone.

What counts is what was typed, not whether such an account exists, so that the numbers tell nobody anything.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

import redis
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, RateLimiter

from app.extensions import limiter

log = logging.getLogger(__name__)

PER_ACCOUNT: RateLimitItem = parse("10 per 3 minutes")
PER_ADDRESS: RateLimitItem = parse("100 per hour")

T = TypeVar("T")
_own_memory = FixedWindowRateLimiter(MemoryStorage())


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many more tries there are; when none, in how many seconds the next is possible."""

    left: int
    wait: int = 0


def take(address: str, account: str) -> Allowance:
    """Count one try of this address at this account before it is made: many at once cannot slip through."""
    name = _hidden(account)
    if not _ask(lambda counter: counter.test(PER_ADDRESS, "sign-in", address)):
        return Allowance(0, _seconds(PER_ADDRESS, "sign-in", address))
    if not _ask(lambda counter: counter.hit(PER_ACCOUNT, "sign-in", address, name)):
        return Allowance(0, _seconds(PER_ACCOUNT, "sign-in", address, name))
    return Allowance(_left(PER_ACCOUNT, "sign-in", address, name))


def failed(address: str) -> None:
    """The try was in vain: it counts against the address as well."""
    _ask(lambda counter: counter.hit(PER_ADDRESS, "sign-in", address))


def succeeded(address: str, account: str) -> None:
    """The try was good: the ones before it are forgotten."""
    name = _hidden(account)
    _ask(lambda counter: counter.clear(PER_ACCOUNT, "sign-in", address, name))


def in_words(seconds: int) -> str:
    """A wait as people say it: "40 seconds", "3 minutes"."""
    if seconds < 60:
        return f"{seconds} seconds" if seconds != 1 else "1 second"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} minutes" if minutes != 1 else "1 minute"


def _left(item: RateLimitItem, *key: str) -> int:
    return max(0, _ask(lambda counter: counter.get_window_stats(item, *key)).remaining)


def _seconds(item: RateLimitItem, *key: str) -> int:
    ends_at = _ask(lambda counter: counter.get_window_stats(item, *key)).reset_time
    return max(1, math.ceil(ends_at - time.time()))


def _hidden(account: str) -> str:
    """Keys stand in Redis: an address that somebody typed need not."""
    return sha256(account.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _ask(question: Callable[[RateLimiter], T]) -> T:
    """Ask the counter of the installation, and this process's own memory while that one is away."""
    try:
        return question(limiter.limiter)
    except (redis.RedisError, StorageError, OSError) as error:
        log.warning("Counting tries in memory: %s", error)
        return question(_own_memory)
