"""What a worker's child had in its hands when it died is due at once, and not only when its lease runs out.

The children of a worker follow each other, one at a time, and claim in the worker's name: whatever was claimed in it
before this child began was left behind by one that is dead for certain. The lease remains for whole machines.
"""

from datetime import datetime

from sqlalchemy import text, update

from app import clock
from app.db import begin_write, db
from app.inboxes.delivery import CLAIMED, Delivery


def free(by: str, *, before: datetime) -> int:
    """Make what was claimed by this name before this moment due now; returns how much it was."""
    now = clock.now()
    begin_write()
    freed = db.session.execute(
        update(Delivery)
        .where(
            Delivery.next_attempt_at > now,
            text(f"deliveries.{CLAIMED}"),  # written out, so that the index of just these is used
            Delivery.claimed_by == by,
            Delivery.started_at < before,
        )
        .values(next_attempt_at=now)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    return int(freed.rowcount)  # type: ignore[attr-defined]
