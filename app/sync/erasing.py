"""What the exchange with other trackers forgets with a person: who they are there, and their name in what arrived.

What stands in the other tracker stays there.
"""

from typing import Any

from sqlalchemy import select, update

from app.accounts.erasing import Erased, erasers, replace_in
from app.db import db
from app.sync.arrival import SyncArrival
from app.sync.connection import SyncConnection

ARRIVALS: Any = SyncArrival.__table__
CONNECTIONS: Any = SyncConnection.__table__


def _forget(who: Erased) -> None:
    replace_in(who, ARRIVALS, "body", "outcome")
    replace_in(who, CONNECTIONS, "paused", "last_error")
    for number, names in db.session.execute(select(CONNECTIONS.c.id, CONNECTIONS.c.names)).all():
        kept = {login: username for login, username in names.items() if username not in who.handles}
        if kept != names:
            change = update(CONNECTIONS).where(CONNECTIONS.c.id == number)
            db.session.execute(change.values(names=kept))


erasers.append(_forget)
