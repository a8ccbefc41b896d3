"""Waiting in tests: for a condition, with a deadline, never for a while."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float = 30.0) -> T:
    """What the condition gives once it is true. Fails when it does not become so in time."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Still not so after {seconds} s: {condition}")
        time.sleep(0.01)
    return result
