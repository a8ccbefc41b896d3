"""What requests are made of: the parts of addresses, the parameters of lists, the base of bodies."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from app.api.errors import PATH_MODELS
from app.web.paging import decode_cursor, encode_cursor

MOST = 100
USUAL = 50
BIGGEST_ID = 2**63 - 1

T = TypeVar("T")


class Address(BaseModel):
    """The changing parts of an address. What does not fit leads nowhere: 404, never 422."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        PATH_MODELS.add(cls.__name__)


class ProjectAddress(Address):
    """A project."""

    key: str = Field(max_length=20, description="The key of the project, like TLS.")


class IssueAddress(Address):
    """An issue."""

    key: str = Field(max_length=40, description="The key of the issue, like TLS-42.")


class EventAddress(Address):
    """An event."""

    uid: str = Field(max_length=40, description="The uid of the event.")


class Listing(BaseModel):
    """Which page of a list."""

    limit: int = Field(default=USUAL, ge=1, le=MOST, description="How many at most.")
    cursor: str | None = Field(
        default=None, max_length=600, description="The next_cursor of the page before."
    )

    def place(self, *kinds: type) -> tuple[Any, ...] | None:
        """After which row the page goes on. Raises Invalid for a cursor we did not give."""
        return decode_cursor(self.cursor, *kinds) if self.cursor else None


class Body(BaseModel):
    """What is sent. Types are taken as they are, and unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


def cut(rows: Sequence[T], listing: Listing, *, by: Callable[[T], str]) -> tuple[list[T], str | None]:
    """A page of a short list that is read whole, in the order in which it is given; `by` names each row."""
    place = listing.place(str)
    start = 0
    if place is not None:
        names = [by(row) for row in rows]
        start = names.index(place[0]) + 1 if place[0] in names else len(rows)
    page = list(rows[start : start + listing.limit])
    more = len(rows) > start + listing.limit
    return page, encode_cursor(by(page[-1])) if more else None
