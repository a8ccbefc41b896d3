"""What issues forget with a person: what they watched and how far they read."""

from app.accounts.erasing import Erased, erasers, forget_rows
from app.issues.subscription import Subscription
from app.issues.visit import Visit


def _forget(who: Erased) -> None:
    forget_rows(who, [Subscription.__table__, Visit.__table__])


erasers.append(_forget)
