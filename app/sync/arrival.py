"""What GitHub called us with: kept at once, worked off by a worker, each call once."""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import ForeignKey, Index, SmallInteger, String, UniqueConstraint, delete, select, text
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.db import Base, BigId, BigPk, db

KINDS = ("issues", "issue_comment")
"""What concerns us of what GitHub tells."""
WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3_600))
KEPT = timedelta(days=14)
_OPEN = "next_attempt_at IS NOT NULL"


class SyncArrival(Base):
    """One call. GitHub's id tells it apart from its repetitions."""

    __tablename__ = "sync_arrivals"

    id: Mapped[BigPk]
    connection_id: Mapped[int] = mapped_column(BigId, ForeignKey("sync_connections.id"))
    delivery: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(40))
    body: Mapped[str]
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    """waiting, done, ignored, failed."""
    outcome: Mapped[str | None] = mapped_column(String(300))
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    next_attempt_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("connection_id", "delivery"),
        Index(
            "ix_sync_arrivals_open",
            "connection_id",
            "next_attempt_at",
            sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
    )


def signed_by(secret: str, body: bytes, signature: str) -> bool:
    """Whether the body was signed with the secret; takes as long for a wrong signature as for a right one."""
    wanted = "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "replace"))


def keep(connection_id: int, *, delivery: str, kind: str, body: str) -> bool:
    """Keep a call to be worked off; False when it came before. The caller holds the connection's row."""
    known = select(SyncArrival.id).where(
        SyncArrival.connection_id == connection_id, SyncArrival.delivery == delivery
    )
    if db.session.scalar(known) is not None:
        return False
    moment = clock.now()
    ours = kind in KINDS
    arrival = SyncArrival(
        connection_id=connection_id,
        delivery=delivery,
        kind=kind,
        body=body if ours else "",
        state="waiting" if ours else "ignored",
        outcome=None if ours else f"{kind} does not concern issues",
        arrived_at=moment,
        next_attempt_at=moment if ours else None,
        finished_at=None if ours else moment,
    )
    db.session.add(arrival)
    return True


def next_arrival(connection_id: int) -> SyncArrival | None:
    """The oldest call that is due. One that waits after a failure lets the later ones pass."""
    query = (
        select(SyncArrival)
        .where(SyncArrival.connection_id == connection_id, SyncArrival.next_attempt_at <= clock.now())
        .order_by(SyncArrival.id)
        .limit(1)
    )
    return db.session.scalar(query.execution_options(populate_existing=True))


def finish(arrival_id: int, outcome: str, *, state: str = "done") -> None:
    """It was worked off; its body is not needed any more."""
    arrival = db.session.get(SyncArrival, arrival_id, populate_existing=True)
    if arrival is not None:
        arrival.state, arrival.outcome = state, outcome[:300]
        arrival.next_attempt_at, arrival.finished_at = None, clock.now()
        arrival.attempts += 1
        if state in ("done", "ignored"):
            arrival.body = ""


def try_again(arrival_id: int, error: str) -> None:
    """It failed: later once more, or not at all any more."""
    arrival = db.session.get(SyncArrival, arrival_id, populate_existing=True)
    if arrival is None:
        return
    if arrival.attempts >= len(WAITS):
        finish(arrival_id, error, state="failed")
    else:
        arrival.next_attempt_at = clock.now() + WAITS[arrival.attempts]
        arrival.outcome = error[:300]
        arrival.attempts += 1


def forget_old() -> None:
    """What was worked off long ago is not kept."""
    old = clock.now() - KEPT
    db.session.execute(delete(SyncArrival).where(SyncArrival.finished_at < old))
