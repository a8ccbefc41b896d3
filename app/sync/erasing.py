"""What the exchange with other trackers forgets with a person: who they are there, and their name in what arrived.

What stands in the other tracker stays there.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select, update

from app.accounts.erased import Erased, Part, eraser, replace_in
from app.db import db
from app.sync.arrival import SyncArrival
from app.sync.connection import SyncConnection

ARRIVALS: Any = SyncArrival.__table__
CONNECTIONS: Any = SyncConnection.__table__


@eraser("what arrived from other trackers")
def _forget_in_arrivals(who: Erased, place: int) -> Iterator[Part]:
    yield from replace_in(who, ARRIVALS, "body", "outcome", place=place)


@eraser("connections")
def _forget_in_connections(who: Erased, place: int) -> Iterator[Part]:
    yield from replace_in(who, CONNECTIONS, "paused", "last_error", place=place)


@eraser("who they are in other trackers")
def _forget_logins(who: Erased, place: int) -> Iterator[Part]:
    query = select(CONNECTIONS.c.id, CONNECTIONS.c.names).where(CONNECTIONS.c.id > place)
    for number, names in db.session.execute(query.order_by(CONNECTIONS.c.id)).all():
        kept = {login: username for login, username in names.items() if username not in who.handles}
        if kept != names:
            yield Part(number, [update(CONNECTIONS).where(CONNECTIONS.c.id == number).values(names=kept)])
