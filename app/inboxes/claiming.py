"""Taking deliveries that are due, for a while.

`attempts` and the moment of the claim are the fencing token: a mark counts only for the attempt that was claimed, so a
worker that was thought dead changes nothing. (The moment, because a delivery sent again by hand counts its attempts
from the start.)
"""

import random
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Executable, bindparam, select, text, update

from app import clock
from app.db import UtcDateTime, db, rows
from app.inboxes.base import LEASE
from app.inboxes.delivery import CLAIMED, Delivery

ABANDONED_FIRST = 1 / 8
_TABLE: Any = Delivery.__table__
_CLAIMED = text(f"deliveries.{CLAIMED}")
"""Written out, so that the index of just these is used."""


class Claim(NamedTuple):
    """A delivery in our hands until its lease runs out."""

    id: int
    event_id: int
    inbox: str
    attempt: int
    since: datetime


class LostLease(Exception):
    """Somebody else has claimed the delivery since: nothing of this attempt is kept."""


def claim_due(queue: str, inboxes: Sequence[str], *, limit: int, by: str) -> list[Claim]:
    """Take up to `limit` due rows of these inboxes of the queue.

    One whose lease ran out is taken alone: it may be what kills workers. Now and then that kind is looked for first, so
    that under constant load neither waits for the other.
    """
    kinds = [(False, limit), (True, 1)]
    if random.random() < ABANDONED_FIRST:  # noqa: S311 - a coin, not a secret
        kinds.reverse()
    for abandoned, most in kinds:
        if claims := _claim(queue, inboxes, abandoned=abandoned, limit=most, by=by):
            return claims
    return []


def renew(claim: Claim) -> None:
    """Hold the lease for another while; called before each step that takes long. Raises LostLease."""
    if not _apply(claim, {"next_attempt_at": clock.now() + LEASE}):
        raise LostLease(f"{claim.inbox} was claimed again by another worker")


def hand_back(claim: Claim) -> bool:
    """Give up the turn, not the attempt: it is due now, behind what has waited longer. False when it was not ours."""
    now = clock.now()
    return _apply(claim, {"state": "pending", "attempts": claim.attempt - 1, "next_attempt_at": now})


def _claim(queue: str, inboxes: Sequence[str], *, abandoned: bool, limit: int, by: str) -> list[Claim]:
    moment = clock.now()
    found = rows(
        _CLAIM_ABANDONED if abandoned else _CLAIM,
        its_queue=queue,
        inboxes=list(inboxes),
        moment=moment,
        most=limit,
        lease_end=moment + LEASE,
        worker=by,
    )
    claims = [Claim._make((*row, moment)) for row in found]
    return sorted(claims, key=attrgetter("event_id", "id"))


def _claiming(state: Any) -> Executable:
    due = (
        select(_TABLE.c.id)
        .where(
            _TABLE.c.queue == bindparam("its_queue"),
            _TABLE.c.next_attempt_at <= bindparam("moment", type_=UtcDateTime()),
            _TABLE.c.inbox.in_(bindparam("inboxes", expanding=True)),
            state,
        )
        .order_by(_TABLE.c.next_attempt_at, _TABLE.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )
    query: Executable = (
        update(_TABLE)
        .where(_TABLE.c.id.in_(due))
        .values(
            state="processing",
            attempts=_TABLE.c.attempts + 1,
            next_attempt_at=bindparam("lease_end"),
            claimed_by=bindparam("worker"),
            started_at=bindparam("moment", type_=UtcDateTime()),
        )
        .returning(_TABLE.c.id, _TABLE.c.event_id, _TABLE.c.inbox, _TABLE.c.attempts)
    )
    return query


_CLAIM = _claiming(_TABLE.c.state != "processing")
_CLAIM_ABANDONED = _claiming(_CLAIMED)


def _apply(claim: Claim, values: dict[str, Any]) -> bool:
    """Change the delivery if it is still ours; whether it was."""
    change = (
        update(Delivery)
        .where(
            Delivery.id == claim.id,
            Delivery.attempts == claim.attempt,
            Delivery.started_at == claim.since,
            Delivery.state == "processing",
        )
        .values(values)
        .execution_options(synchronize_session=False)
    )
    return bool(db.session.execute(change).rowcount == 1)  # type: ignore[attr-defined]
