"""The ledger, which is the outbox: one row per event and inbox, written with the event.

One predicate, `next_attempt_at <= now`, finds new, failed and abandoned work (see claiming.py); how an attempt ended is
written down in marking.py.
"""

from datetime import datetime
from typing import Literal

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, BigId, BigPk

State = Literal["pending", "processing", "delivered", "skipped", "failed", "dead", "held", "discarded"]
DUE: tuple[State, ...] = ("pending", "processing", "failed")
"""The states in which `next_attempt_at` is set."""
_OPEN = "next_attempt_at IS NOT NULL"
CLAIMED = "state = 'processing'"
WAITING = "state IN ('pending', 'failed', 'held')"
_MISSED = "state = 'skipped' AND reason = 'off'"

SENT_AGAIN = 0
"""In place of a replay's id: it was made due again later, by hand or because its receiver is back."""


class Delivery(Base):
    """What one inbox decided about one event, and how it went."""

    __tablename__ = "deliveries"

    id: Mapped[BigPk]
    event_id: Mapped[int] = mapped_column(BigId, ForeignKey("events.id"))
    inbox: Mapped[str] = mapped_column(String(40))
    queue: Mapped[str] = mapped_column(String(12))
    """The inbox's queue: workers look for what is due on theirs, however much waits on others."""
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
            "queue",
            "next_attempt_at",
            "id",
            sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
        Index(
            "ix_deliveries_claimed",
            "queue",
            "next_attempt_at",
            sqlite_where=text(CLAIMED),
            postgresql_where=text(CLAIMED),
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
    carrier_id: Mapped[int | None] = mapped_column(BigId)
    """The delivery in whose mail to the same person this one is told, see mail_bundles.py."""
    last_error: Mapped[str | None] = mapped_column(String(500))
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("delivery_id", "target"),
        Index(
            "ix_delivery_targets_carrier",
            "carrier_id",
            sqlite_where=text("carrier_id IS NOT NULL"),
            postgresql_where=text("carrier_id IS NOT NULL"),
        ),
        Index(
            "ix_delivery_targets_waiting",
            "target",
            "state",
            sqlite_where=text(WAITING),
            postgresql_where=text(WAITING),
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
