"""What caused the change that is being made: set once at the edge (web, API, command, worker), read by recording."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Literal

Via = Literal["web", "api", "cli", "job"]


@dataclass(frozen=True)
class Cause:
    """Where a change comes from. `event_id`, `root_id` and `depth` name the event that led to it, if one did."""

    via: Via = "cli"
    request_id: str | None = None
    address: str | None = None
    agent: str | None = None
    event_id: int | None = None
    root_id: int | None = None
    depth: int = 0
    batch_id: str | None = None
    quiet: bool = False
    imported: bool = False
    """History that is brought in: every inbox leaves it alone, its deliveries are finished rows."""


_cause: ContextVar[Cause] = ContextVar("cause", default=Cause())  # noqa: B039 - a frozen dataclass


def cause() -> Cause:
    """The cause in force."""
    return _cause.get()


@contextmanager
def caused_by(**changes: object) -> Iterator[Cause]:
    """Everything recorded inside carries these facts on top of those already in force."""
    token = _cause.set(replace(_cause.get(), **changes))  # type: ignore[arg-type]
    try:
        yield _cause.get()
    finally:
        _cause.reset(token)
