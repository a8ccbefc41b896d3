"""Writing down how attempts ended, and when the next one is."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Executable, bindparam, func, insert, select, update

from app import clock
from app.db import db, run
from app.inboxes.claiming import Claim
from app.inboxes.delivery import Delivery, DeliveryFailure, State

_TABLE: Any = Delivery.__table__


class Mark(NamedTuple):
    """How an attempt ended."""

    claim: Claim
    state: State
    reason: str | None = None
    error: str | None = None
    next_attempt_at: datetime | None = None
    spent: bool = True
    """False: the attempt does not count, since the receiver was not asked."""
    attempts: int | None = None
    """The attempts that count, where a claim is not one: a receiver was not tried yet."""


def mark(marks: Sequence[Mark]) -> bool:
    """Write down how attempts ended. False when one of them was no longer ours: the caller rolls back.

    Those that ended alike are one statement: of a batch most do. The others are one that is run for each.
    """
    alike: dict[Any, list[Mark]] = {}
    for one in marks:
        alike.setdefault(
            (one.state, one.reason, one.error, one.next_attempt_at, _attempts(one), *_token(one)), []
        ).append(one)
    alone = [group[0] for group in alike.values() if len(group) == 1]
    ours = all(_mark_alike(group) for group in alike.values() if len(group) > 1) and _mark_each(alone)
    failures = [_failure(one) for one in marks if one.error and one.state in ("failed", "dead")]
    if ours and failures:
        run(_ADD_FAILURE, failures)
    return ours


def _token(one: Mark) -> tuple[int, datetime]:
    return one.claim.attempt, one.claim.since


def _mark_alike(marks: Sequence[Mark]) -> bool:
    values = _values(marks[0]) | {"claims": sorted(each.claim.id for each in marks)}
    return bool(run(_MARK_ALIKE, values).rowcount == len(marks))


def _mark_each(marks: Sequence[Mark]) -> bool:
    if not marks:
        return True
    return bool(
        run(_MARK_EACH, [_values(one) | {"its_claim": one.claim.id} for one in marks]).rowcount == len(marks)
    )


def _values(one: Mark) -> dict[str, Any]:
    return {
        "claim_attempt": one.claim.attempt,
        "claim_since": one.claim.since,
        "new_state": one.state,
        "new_attempts": _attempts(one),
        "new_reason": (one.reason or "")[:300] or None,
        "new_error": (one.error or "")[:500] or None,
        "new_next": one.next_attempt_at,
        "new_finished": clock.now() if one.next_attempt_at is None else None,
    }


def _attempts(one: Mark) -> int:
    """How many attempts count as made from now on."""
    if one.attempts is not None:
        return one.attempts
    return one.claim.attempt if one.spent else one.claim.attempt - 1


def _marking(which: ColumnElement[bool]) -> Executable:
    query: Executable = (
        update(_TABLE)
        .where(
            which,
            _TABLE.c.attempts == bindparam("claim_attempt"),
            _TABLE.c.started_at == bindparam("claim_since"),
            _TABLE.c.state == "processing",
        )
        .values(
            state=bindparam("new_state"),
            attempts=bindparam("new_attempts"),
            reason=bindparam("new_reason"),
            last_error=bindparam("new_error"),
            next_attempt_at=bindparam("new_next"),
            finished_at=bindparam("new_finished"),
        )
    )
    return query


_MARK_ALIKE = _marking(_TABLE.c.id.in_(bindparam("claims", expanding=True)))
_MARK_EACH = _marking(_TABLE.c.id == bindparam("its_claim"))


def _failure(one: Mark) -> dict[str, Any]:
    return {
        "delivery_id": one.claim.id,
        "attempt": one.claim.attempt,
        "started_at": one.claim.since,
        "ended_at": clock.now(),
        "error": (one.error or "")[:500],
    }


_ADD_FAILURE = insert(DeliveryFailure.__table__)  # type: ignore[arg-type]


def after_failure(
    claim: Claim, error: str, waits: Sequence[timedelta], *, at_least: timedelta = timedelta()
) -> Mark:
    """Try again after the next wait, spread by a fifth, and not before `at_least`; dead when there is no next.

    Only what failed makes waits longer: an attempt that ended with its worker counts for the limit and no more.
    """
    wait = next_wait(claim.attempt, waits) and next_wait(_failed_before(claim) + 1, waits)
    if wait is None:
        return Mark(claim, "dead", error=error)
    return Mark(claim, "failed", error=error, next_attempt_at=clock.now() + max(wait, at_least))


def _failed_before(claim: Claim) -> int:
    """How many of the attempts before this one failed. Those before somebody sent it again have the same numbers."""
    query = select(func.count(DeliveryFailure.attempt.distinct())).where(
        DeliveryFailure.delivery_id == claim.id, DeliveryFailure.attempt < claim.attempt
    )
    return db.session.scalar(query) or 0


def next_wait(attempts: int, waits: Sequence[timedelta]) -> timedelta | None:
    """How long to wait after this many attempts, spread by a fifth; None: they are used up."""
    if attempts > len(waits):
        return None
    return waits[attempts - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret


def after_waiting(claim: Claim, reason: str, wait: timedelta) -> Mark:
    """Come back when the receiver may be called; no attempt is spent."""
    return Mark(claim, "pending", reason=reason, next_attempt_at=clock.now() + wait, spent=False)
