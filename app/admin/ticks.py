"""The live topic of pages whose numbers change all the time: `tick:5` goes on every five seconds.

A ledger has no number that only grows and tells that a figure is another one; an open page looks again now and then.
"""

from collections.abc import Sequence

from app import clock
from app.live import topics

TICK = 5
"""Seconds between two looks of an open page."""


def tick(seconds: int = TICK) -> int:
    """The number the topic has reached."""
    return int(clock.now().timestamp()) // seconds


def _heads(ids: Sequence[int]) -> dict[int, int]:
    return {seconds: tick(seconds) for seconds in ids if seconds >= TICK}


topics.register("tick", _heads)
