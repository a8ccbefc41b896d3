"""What a worker had in its hands when it died is due at once, and not only when its lease runs out.

The children of a worker follow each other, one at a time, and claim in the worker's name: whatever was claimed in it
before this child began was left behind by one that is dead for certain. So do the workers that a supervisor starts one
after the other in the same place. The same holds for the turns of Slack channels and of connections with GitHub. The
lease remains for whole machines, and for workers that somebody else starts.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import text, update

from app import clock
from app.db import begin_write, db
from app.inboxes.delivery import CLAIMED, Delivery
from app.slack.channel import HOLD as SLACK_HOLD
from app.slack.channel import SlackChannel
from app.sync.connection import HOLD as SYNC_HOLD
from app.sync.connection import SyncConnection


def free(by: str, *, before: datetime) -> int:
    """Make what was claimed by this name before this moment due now; returns how many deliveries it was."""
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
    _give_back(SyncConnection, by, before + SYNC_HOLD)
    _give_back(SlackChannel, by, before + SLACK_HOLD)
    db.session.commit()
    return int(freed.rowcount)  # type: ignore[attr-defined]


def _give_back(kind: Any, by: str, until: datetime) -> None:
    """End the turns that were taken so long ago that they would have ended before `until`."""
    db.session.execute(
        update(kind)
        .where(kind.busy_by == by, kind.busy_until < until)
        .values(busy_until=None)
        .execution_options(synchronize_session=False)
    )
