"""What issues forget with a person: what they watched and how far they read."""

from collections.abc import Iterator
from typing import Any

from app.accounts.erased import Erased, Part, eraser, forget_rows
from app.issues.subscription import Subscription
from app.issues.visit import Visit

WATCHED: Any = Subscription.__table__
VISITS: Any = Visit.__table__


@eraser("what they watched")
def _forget_watching(who: Erased, place: int) -> Iterator[Part]:
    yield from forget_rows(who, WATCHED, WATCHED.c.issue_id, place)


@eraser("what they read")
def _forget_visits(who: Erased, place: int) -> Iterator[Part]:
    yield from forget_rows(who, VISITS, VISITS.c.issue_id, place)
