"""Who reads this page, as far as the web floor needs to know: name, zone, right. The domain says who."""

from collections.abc import Callable
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import g, has_request_context


class Reader(Protocol):
    """A person in front of a page, or a visitor (`signed_in` is false)."""

    @property
    def signed_in(self) -> bool: ...
    @property
    def name(self) -> str: ...
    @property
    def username(self) -> str: ...
    @property
    def is_admin(self) -> bool: ...
    @property
    def zone(self) -> str: ...


class Visitor:
    """Nobody in particular."""

    signed_in = False
    name = ""
    username = ""
    is_admin = False
    zone = "UTC"


_find: list[Callable[[], Reader]] = []


def register(find: Callable[[], Reader]) -> None:
    """Say how to find the reader of the request in hand. Called at import of the domain, once."""
    _find[:] = [find]


def reader() -> Reader:
    """The reader of this request; a visitor while nobody registered or outside of a request."""
    if not _find or not has_request_context():
        return Visitor()
    return _find[0]()


def zone() -> ZoneInfo:
    """The zone in which the reader reads times; UTC when it is unknown to this machine."""
    found: ZoneInfo | None = g.get("zone")
    if found is None:
        try:
            found = ZoneInfo(reader().zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            found = ZoneInfo("UTC")
        g.zone = found
    return found
