"""What the ledger forgets with a person: their name and address in reasons and errors."""

from collections.abc import Iterator
from typing import Any

from app.accounts.erased import Erased, Part, eraser, replace_in
from app.inboxes.delivery import Delivery, DeliveryFailure, DeliveryTarget

DELIVERIES: Any = Delivery.__table__
TARGETS: Any = DeliveryTarget.__table__
FAILURES: Any = DeliveryFailure.__table__


@eraser("deliveries")
def _forget_in_deliveries(who: Erased, place: int) -> Iterator[Part]:
    yield from replace_in(who, DELIVERIES, "reason", "last_error", place=place)


@eraser("receivers")
def _forget_in_targets(who: Erased, place: int) -> Iterator[Part]:
    yield from replace_in(who, TARGETS, "reason", "last_error", place=place)


@eraser("failures")
def _forget_in_failures(who: Erased, place: int) -> Iterator[Part]:
    yield from replace_in(who, FAILURES, "error", place=place)
