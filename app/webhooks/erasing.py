"""What the log of webhooks forgets with a person: their name in answers and errors."""

from typing import Any

from app.accounts.erasing import Erased, erasers, replace_in
from app.webhooks.attempt import Attempt
from app.webhooks.endpoint import Endpoint


def _forget(who: Erased) -> None:
    attempts: Any = Attempt.__table__
    endpoints: Any = Endpoint.__table__
    replace_in(who, attempts, "answer", "error")
    replace_in(who, endpoints, "last_error")


erasers.append(_forget)
