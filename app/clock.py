"""The only reader of the clock."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """This moment, aware, in UTC, with microseconds."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds from an arbitrary start that never run backwards: for durations, not for dates."""
    return time.monotonic()
