"""The ledger, which is the outbox: one row per event and inbox, written with the event.

One predicate, `next_attempt_at <= now`, finds new, failed and abandoned work. `attempts` and the moment of the
claim are the fencing token: a mark counts only for the attempt that was claimed, so a worker that was thought dead
changes nothing. (The moment, because a delivery sent again by hand counts its attempts from the start.)
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Subquery,
    UniqueConstraint,
    bindparam,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.db import Base, BigId, BigPk, db, run
from app.inboxes.base import LEASE

State = Literal["pending", "processing", "delivered", "skipped", "failed", "dead", "held", "discarded"]
DUE: tuple[State, ...] = ("pending", "processing", "failed")
"""The states in which `next_attempt_at` is set."""
_OPEN = "next_attempt_at IS NOT NULL"
_WAITING = "state IN ('pending', 'failed', 'held')"
_MISSED = "state = 'skipped' AND reason = 'off'"

SENT_AGAIN = 0
"""In place of a replay's id: it was made due again later, by hand or because its receiver is back."""


class Delivery(Base):
    """What one inbox decided about one event, and how it went."""

    __tablename__ = "deliveries"

    id: Mapped[BigPk]
    event_id: Mapped[int] = mapped_column(BigId, ForeignKey("events.id"))
    inbox: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(String(300))
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    next_attempt_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(500))
    claimed_by: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    replay_id: Mapped[int | None] = mapped_column(BigId)
    """The replay that offered the event again, the last one of several; SENT_AGAIN when it was no replay."""

    __table_args__ = (
        UniqueConstraint("event_id", "inbox"),
        CheckConstraint(
            "(state IN ('pending', 'processing', 'failed')) = (next_attempt_at IS NOT NULL)", name="due"
        ),
        Index(
            "ix_deliveries_due",
            "next_attempt_at",
            "id",
            sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
        Index(
            "ix_deliveries_missed",
            "inbox",
            "state",
            "reason",
            "id",
            sqlite_where=text(_MISSED),
            postgresql_where=text(_MISSED),
        ),
        Index("ix_deliveries_state", "inbox", "state", "id"),
        Index("ix_deliveries_day", "created_at", "inbox", "state"),
    )


class DeliveryTarget(Base):
    """One receiver of a delivery that reaches many, so that a retry repeats only what failed."""

    __tablename__ = "delivery_targets"

    id: Mapped[BigPk]
    delivery_id: Mapped[int] = mapped_column(BigId, ForeignKey("deliveries.id"))
    target: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(12), default="pending")
    reason: Mapped[str | None] = mapped_column(String(300))
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    doubts: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    """Attempts of which nobody knows whether they arrived: the worker died during one, or no answer came."""
    next_attempt_at: Mapped[datetime | None]
    """Not tried before then: of an inbox with several threads each receiver has its own times."""
    last_error: Mapped[str | None] = mapped_column(String(500))
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("delivery_id", "target"),
        Index(
            "ix_delivery_targets_waiting",
            "target",
            "state",
            sqlite_where=text(_WAITING),
            postgresql_where=text(_WAITING),
        ),
    )


class DeliveryFailure(Base):
    """An attempt that failed: the row of the delivery keeps the last error only."""

    __tablename__ = "delivery_failures"

    id: Mapped[BigPk]
    delivery_id: Mapped[int] = mapped_column(BigId, ForeignKey("deliveries.id"))
    attempt: Mapped[int] = mapped_column(SmallInteger)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    error: Mapped[str] = mapped_column(String(500))

    __table_args__ = (Index("ix_delivery_failures_delivery_id", "delivery_id", "id"),)


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery in our hands until its lease runs out."""

    id: int
    event_id: int
    inbox: str
    attempt: int
    since: datetime


class LostLease(Exception):
    """Somebody else has claimed the delivery since: nothing of this attempt is kept."""


@dataclass(frozen=True, slots=True)
class Mark:
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


def claim_due(inboxes: Sequence[str], *, limit: int, by: str) -> list[Claim]:
    """Take up to `limit` due rows. One whose lease ran out is taken alone: it may be what kills workers.

    A coin decides which kind is looked for first, so that under constant load neither waits for the other.
    """
    kinds = [(False, limit), (True, 1)]
    random.shuffle(kinds)
    for abandoned, most in kinds:
        if claims := _claim(inboxes, abandoned=abandoned, limit=most, by=by):
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


def mark(marks: Sequence[Mark]) -> bool:
    """Write down how attempts ended. False when one of them was no longer ours: the caller rolls back."""
    rows = [
        {
            "claim_id": one.claim.id,
            "claim_attempt": one.claim.attempt,
            "claim_since": one.claim.since,
            "new_state": one.state,
            "new_attempts": _attempts(one),
            "new_reason": (one.reason or "")[:300] or None,
            "new_error": (one.error or "")[:500] or None,
            "new_next": one.next_attempt_at,
            "new_finished": clock.now() if one.next_attempt_at is None else None,
        }
        for one in marks
    ]
    ours = not rows or bool(run(_MARK, rows).rowcount == len(rows))
    failures = [_failure(one) for one in marks if one.error and one.state in ("failed", "dead")]
    if ours and failures:
        run(_ADD_FAILURE, failures)
    return ours


def _attempts(one: Mark) -> int:
    """How many attempts count as made from now on."""
    if one.attempts is not None:
        return one.attempts
    return one.claim.attempt if one.spent else one.claim.attempt - 1


_TABLE = Delivery.__table__
_MARK = (
    update(_TABLE)  # type: ignore[arg-type]
    .where(
        _TABLE.c.id == bindparam("claim_id"),
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
"""Built once, run for a whole batch: building it costs more than running it."""


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


def something_due(inboxes: Sequence[str]) -> bool:
    """Whether a claim would find something now. Reads only."""
    query = select(Delivery.id).where(Delivery.next_attempt_at <= clock.now(), Delivery.inbox.in_(inboxes))
    return db.session.scalar(query.limit(1)) is not None


def after_waiting(claim: Claim, reason: str, wait: timedelta) -> Mark:
    """Come back when the receiver may be called; no attempt is spent."""
    return Mark(claim, "pending", reason=reason, next_attempt_at=clock.now() + wait, spent=False)


def queues_with_work(inboxes_of: dict[str, list[str]]) -> list[str]:
    """The queues, given with the names of their inboxes, that have something due now."""
    due = set(
        db.session.scalars(select(open_rows(Delivery.next_attempt_at <= clock.now()).c.inbox).distinct())
    )
    return [queue for queue, names in inboxes_of.items() if due.intersection(names)]


def open_rows(*where: ColumnElement[bool], most: int = 1_000_000_000) -> Subquery:
    """What is not finished, as (inbox, next_attempt_at), the longest due first.

    In that order and with a limit, so that SQLite reads the index of what is open: grouped by inbox it would rather
    walk through the whole ledger (0.7 s for a million deliveries, and the sweeper asks each second).
    """
    query = select(Delivery.inbox, Delivery.next_attempt_at).where(
        Delivery.next_attempt_at.is_not(None), *where
    )
    return query.order_by(Delivery.next_attempt_at).limit(most).subquery()


def _claim(inboxes: Sequence[str], *, abandoned: bool, limit: int, by: str) -> list[Claim]:
    moment = clock.now()
    state = Delivery.state == "processing" if abandoned else Delivery.state != "processing"
    due = (
        select(Delivery.id)
        .where(Delivery.next_attempt_at <= moment, Delivery.inbox.in_(inboxes), state)
        .order_by(Delivery.next_attempt_at, Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_(due))
        .values(
            state="processing",
            attempts=Delivery.attempts + 1,
            next_attempt_at=moment + LEASE,
            claimed_by=by,
            started_at=moment,
        )
        .returning(Delivery.id, Delivery.event_id, Delivery.inbox, Delivery.attempts)
        .execution_options(synchronize_session=False)
    )
    claims = [Claim(row.id, row.event_id, row.inbox, row.attempts, moment) for row in rows]
    return sorted(claims, key=lambda claim: (claim.event_id, claim.id))


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
