"""Where an event went, in a few words per inbox: for the side of an issue and for the event's own page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select

from app.accounts.viewer import Viewer
from app.db import rows
from app.events.event import Event
from app.feeds.lines import HIDDEN, is_none_of
from app.inboxes.delivery import Delivery
from app.inboxes.registry import BY_NAME
from app.issues.issue import Issue

TONES = {
    "delivered": "good",
    "failed": "warn",
    "held": "warn",
    "dead": "bad",
}
WORDS = {
    "pending": "Waiting",
    "processing": "Sending",
    "delivered": "Delivered",
    "skipped": "Skipped",
    "failed": "Trying again",
    "dead": "Failed",
    "held": "Held back",
    "discarded": "Given up",
}
"""A state in a word."""


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One inbox and how it went, as `ui.trace` draws it. `at` is when that was decided, None while open."""

    icon: str
    name: str
    target: str
    result: str
    tone: str
    at: datetime | None


def last_receipt(issue: Issue, _viewer: Viewer) -> list[ReceiptLine] | None:
    """Where the issue's last shown event went; None when no inbox takes it. One query.

    The issue comes from a query with the reader's rights. Errors are not part of it: administrators read those
    on the page of the event.
    """
    return receipt_lines(rows(_LAST, issue_id=issue.id)) or None


_LAST = (
    select(Delivery.inbox, Delivery.state, Delivery.reason, Delivery.created_at, Delivery.finished_at)
    .where(
        Delivery.event_id
        == select(Event.id)
        .where(Event.issue_id == bindparam("issue_id"), is_none_of(HIDDEN))
        .order_by(Event.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    .order_by(Delivery.id)
)


def receipt_lines(found: Sequence[Row[Any]]) -> list[ReceiptLine]:
    """The lines of these deliveries."""
    return [_line(row.inbox, row.state, row.reason, row.created_at, row.finished_at) for row in found]


def _line(
    inbox: str, state: str, reason: str | None, created_at: datetime, finished_at: datetime | None
) -> ReceiptLine:
    kind = BY_NAME.get(inbox)
    word = WORDS.get(state, state)
    if state == "delivered" and finished_at is not None:
        word = duration((finished_at - created_at).total_seconds())
    return ReceiptLine(
        icon=kind.icon if kind else "bolt",
        name=kind.title if kind else inbox,
        target=REASONS.get(reason or "", reason or ""),
        result=word,
        tone=TONES.get(state, ""),
        at=finished_at,
    )


REASONS = {"off": "switched off", "imported": "brought in by an import"}
"""Reasons that are kept as a word, said in more."""


def duration(seconds: float) -> str:
    """8 ms, 0.9 s, 12 s, 4 min, 3 h, 2 d."""
    if seconds < 0.1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} d"
