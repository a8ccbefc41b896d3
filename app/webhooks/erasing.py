"""What the log of webhooks forgets with a person: their name in answers and errors."""

from collections.abc import Iterator
from typing import Any

from app.accounts.erased import Erased, Part, eraser, replace_in
from app.webhooks.attempt import Attempt
from app.webhooks.endpoint import Endpoint

ATTEMPTS: Any = Attempt.__table__
ENDPOINTS: Any = Endpoint.__table__


@eraser("answers to webhooks")
def _forget_in_attempts(who: Erased, place: int) -> Iterator[Part]:
    yield from replace_in(who, ATTEMPTS, "answer", "error", place=place)


@eraser("endpoints")
def _forget_in_endpoints(who: Erased, place: int) -> Iterator[Part]:
    yield from replace_in(who, ENDPOINTS, "last_error", place=place)
