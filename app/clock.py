"""The only reader of the clock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_turned: ContextVar[datetime | None] = ContextVar("turned", default=None)


def now() -> datetime:
    """This moment, aware, in UTC, with microseconds."""
    return _turned.get() or datetime.now(UTC)


@contextmanager
def turned_to(moment: datetime) -> Iterator[None]:
    """What is done inside was done at that moment: for history that is told through the ordinary verbs."""
    token = _turned.set(moment)
    try:
        yield
    finally:
        _turned.reset(token)


def monotonic() -> float:
    """Seconds from an arbitrary start that never run backwards: for durations, not for dates."""
    return time.monotonic()
