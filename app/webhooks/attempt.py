"""Every attempt to reach an endpoint, with what was asked and what was answered. Kept for 30 days."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.db import Base, BigId, BigPk, begin_write, db
from app.periodic import periodic

KEPT_FOR = timedelta(days=30)
ANSWER_BYTES = 4_096
"""What is kept of the body of an answer."""
AT_ONCE = 1_000
"""Rows of one clean-up transaction."""


class Attempt(Base):
    """One request to an endpoint about one event."""

    __tablename__ = "webhook_attempts"

    id: Mapped[BigPk]
    endpoint_id: Mapped[int] = mapped_column(BigId, ForeignKey("webhook_endpoints.id"))
    event_id: Mapped[int] = mapped_column(BigId, ForeignKey("events.id"))
    request_headers: Mapped[dict[str, Any]]
    """As sent, but for the signatures, of which the number is kept."""
    body_size: Mapped[int]
    status: Mapped[int | None]
    """Of the answer; None when there was none."""
    answer: Mapped[str | None]
    answer_size: Mapped[int | None]
    """Bytes that were read; more may have been sent."""
    duration_ms: Mapped[int]
    ok: Mapped[bool]
    error: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_webhook_attempts_endpoint", "endpoint_id", "id"),
        Index("ix_webhook_attempts_event", "event_id", "id"),
        Index("ix_webhook_attempts_created", "created_at", "endpoint_id", "ok"),
    )


def readable(body: bytes) -> str:
    """The first 4 KiB of an answer as text that can be kept and shown, whatever was sent."""
    text = body[:ANSWER_BYTES].decode("utf-8", "replace")
    return "".join(one if one.isprintable() or one in "\n\t" else "\N{REPLACEMENT CHARACTER}" for one in text)


@periodic("webhook attempts", every=timedelta(hours=1))
def forget_old_attempts() -> None:
    """Delete what is older than 30 days, in small transactions."""
    before = clock.now() - KEPT_FOR
    while True:
        begin_write()
        old = select(Attempt.id).where(Attempt.created_at < before).limit(AT_ONCE)
        gone = db.session.execute(delete(Attempt).where(Attempt.id.in_(old)))
        db.session.commit()
        if gone.rowcount < AT_ONCE:  # type: ignore[attr-defined]
            return
