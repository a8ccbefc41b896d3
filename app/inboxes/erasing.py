"""What the ledger forgets with a person: their name and address in reasons and errors."""

from typing import Any

from app.accounts.erasing import Erased, erasers, replace_in
from app.inboxes.delivery import Delivery, DeliveryFailure, DeliveryTarget


def _forget(who: Erased) -> None:
    ledgers: tuple[Any, ...] = (Delivery.__table__, DeliveryTarget.__table__)
    for table in ledgers:
        replace_in(who, table, "reason", "last_error")
    failures: Any = DeliveryFailure.__table__
    replace_in(who, failures, "error")


erasers.append(_forget)
