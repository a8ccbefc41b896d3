"""The waterfall of an event: each inbox a lane, how long it waited and ran, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.accounts.viewer import Viewer
from app.db import db
from app.feeds.receipts import REASONS, TONES, WORDS, duration
from app.inboxes.delivery import Delivery, DeliveryFailure
from app.inboxes.ledger import Posting, Receiver
from app.inboxes.registry import BY_NAME

LANE = 200.0
"""Width of the drawing of waiting and running, in its own units."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One inbox: how it went, and how long it waited and ran, drawn on a common scale."""

    icon: str
    title: str
    state: str
    tone: str
    reason: str
    error: str | None
    attempts: int
    waited: str
    ran: str
    wait_width: float
    run_width: float
    finished_at: datetime | None
    next_attempt_at: datetime | None
    receivers: Sequence[Receiver]
    delivery_id: int
    failures: Sequence[DeliveryFailure]
    """The attempts that failed, for those who may read errors."""


def lanes_of(postings: Sequence[Posting], viewer: Viewer, knows_all: bool) -> tuple[list[Lane], str]:
    longest = max((_age(one) for one in postings), default=0.0) or 0.001
    failures = _failures([one.delivery.id for one in postings])
    lanes = []
    for one in postings:
        row, kind = one.delivery, BY_NAME.get(one.delivery.inbox)
        started = row.started_at or row.finished_at
        waited = (started - row.created_at).total_seconds() if started else 0.0
        ran = (row.finished_at - started).total_seconds() if started and row.finished_at else 0.0
        known = [who for who in one.receivers if knows_all or who.user_id == viewer.user_id]
        lanes.append(
            Lane(
                icon=kind.icon if kind else "bolt",
                title=kind.title if kind else row.inbox,
                state=WORDS.get(row.state, row.state),
                tone=_tone(row),
                reason=REASONS.get(row.reason or "", row.reason or ""),
                error=row.last_error if knows_all else None,
                attempts=row.attempts,
                waited=duration(waited),
                ran=duration(ran),
                wait_width=round(waited / longest * LANE, 1),
                run_width=round(max(ran / longest * LANE, 2.0), 1),
                finished_at=row.finished_at,
                next_attempt_at=row.next_attempt_at,
                receivers=known,
                delivery_id=row.id,
                failures=failures.get(row.id, []) if knows_all else (),
            )
        )
    return lanes, duration(longest)


def _tone(row: Delivery) -> str:
    """Green for what arrived at once, amber for what had to be tried again."""
    return "warn" if row.state == "delivered" and row.attempts > 1 else TONES.get(row.state, "")


def _failures(delivery_ids: Sequence[int]) -> dict[int, list[DeliveryFailure]]:
    query = select(DeliveryFailure).where(DeliveryFailure.delivery_id.in_(delivery_ids))
    found: dict[int, list[DeliveryFailure]] = {}
    for one in db.session.scalars(query.order_by(DeliveryFailure.id)):
        found.setdefault(one.delivery_id, []).append(one)
    return found


def _age(one: Posting) -> float:
    end = one.delivery.finished_at or one.delivery.started_at
    return (end - one.delivery.created_at).total_seconds() if end else 0.0
