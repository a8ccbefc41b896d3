"""The work of a replay: events are looked at in their order, some hundred at a time, and made due for the inbox.

Each step is one short transaction that moves the place on, so a crash repeats nothing and loses nothing: whichever
worker comes next goes on from there. At most ROOM of the inbox's deliveries wait at once: what happens meanwhile is
never behind more than those, and memory holds one page.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, func, insert, select, tuple_, update

from app import clock
from app.db import begin_write, db, read_first
from app.events.event import Event
from app.inboxes.delivery import Delivery, DeliveryTarget
from app.inboxes.due import open_rows
from app.inboxes.registry import BY_NAME
from app.inboxes.replay import UNDER_WAY, Replay, taken, was_imported, window
from app.inboxes.setting import switched_off
from app.inboxes.waking import wake
from app.periodic import periodic

log = logging.getLogger(__name__)

LOOK = 500
"""Events looked at in one step."""
ROOM = 2_000
"""So many deliveries of the inbox may be due before the replay waits for them."""
LEASE = timedelta(seconds=30)
TURN_SECONDS = 10.0
EVERY = timedelta(seconds=2)


@periodic("replays", every=EVERY)
def go_on() -> None:
    """Go on with every replay that is under way. Twice at once is harmless: a step is taken by one."""
    read_first()
    ids = db.session.scalars(select(Replay.id).where(Replay.state == "running").order_by(Replay.id)).all()
    end = clock.monotonic() + TURN_SECONDS
    for replay_id in ids:
        while clock.monotonic() < end and step(replay_id):
            pass


def step(replay_id: int) -> bool:
    """One step; False when there is nothing to be done now: ended, waiting for room, or in other hands."""
    inbox = db.session.scalar(select(Replay.inbox).where(Replay.id == replay_id))
    if inbox not in BY_NAME or inbox in switched_off() or _waiting(inbox) >= ROOM:
        db.session.rollback()
        return False
    begin_write()
    lease = _take(replay_id)
    db.session.commit()
    if lease is None:
        return False
    replay = db.session.get_one(Replay, replay_id, populate_existing=True)
    seen = _look(replay)
    offered = [row for row in seen if _is_meant(replay, row)]
    begin_write()
    if not _move_on(replay, lease, seen):
        db.session.rollback()
        return False
    made_due = _make_due(replay, offered)
    db.session.execute(
        update(Replay)
        .where(Replay.id == replay_id)
        .values(done=Replay.done + made_due)
        .execution_options(synchronize_session=False)
    )
    queue = BY_NAME[replay.inbox].queue
    db.session.commit()
    if made_due:
        wake(queue)
    return len(seen) == LOOK


def _take(replay_id: int) -> datetime | None:
    """Take the replay in hand for one step; None when another worker has it, or when it has ended."""
    now = clock.now()
    until = now + LEASE
    taken_now = db.session.execute(
        update(Replay)
        .where(Replay.id == replay_id, Replay.state == "running", Replay.lease_until <= now)
        .values(lease_until=until)
        .execution_options(synchronize_session=False)
    )
    return until if taken_now.rowcount == 1 else None  # type: ignore[attr-defined]


def _waiting(inbox: str) -> int:
    """How many deliveries of the inbox are open, up to ROOM."""
    due = open_rows(Delivery.queue == BY_NAME[inbox].queue, Delivery.inbox == inbox, most=ROOM)
    return db.session.scalar(select(func.count()).select_from(due)) or 0


def _look(replay: Replay) -> Sequence[Row[Any]]:
    """The next events in the window with what became of them. Not asked by action: a step stays short."""
    query: Select[*tuple[Any, ...]] = (
        select(
            Event.id,
            Event.created_at,
            Event.subject,
            Event.action,
            Delivery.id.label("delivery_id"),
            Delivery.state,
            was_imported().label("imported"),
        )
        .outerjoin(Delivery, and_(Delivery.event_id == Event.id, Delivery.inbox == replay.inbox))
        .where(*window(replay))
        .order_by(Event.created_at, Event.id)
        .limit(LOOK)
    )
    if replay.place_id is not None:
        query = query.where(tuple_(Event.created_at, Event.id) > (replay.place_at, replay.place_id))
    return db.session.execute(query).all()


def _is_meant(replay: Replay, row: Row[Any]) -> bool:
    if (row.subject, row.action) not in taken(BY_NAME[replay.inbox]):
        return False
    if row.state == "delivered" or row.state in UNDER_WAY:
        return False
    return replay.imported or not row.imported


def _move_on(replay: Replay, lease: datetime, seen: Sequence[Row[Any]]) -> bool:
    """Note the place, and the end when nothing is left; False when the replay is in other hands by now."""
    values: dict[str, Any] = {"lease_until": clock.now()}
    if seen:
        values |= {"place_at": seen[-1].created_at, "place_id": seen[-1].id}
    if len(seen) < LOOK:
        values |= {"state": "done", "finished_at": clock.now()}
    moved = db.session.execute(
        update(Replay)
        .where(Replay.id == replay.id, Replay.state == "running", Replay.lease_until == lease)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    return bool(moved.rowcount == 1)  # type: ignore[attr-defined]


def _make_due(replay: Replay, offered: Sequence[Row[Any]]) -> int:
    """Make these due; how many. What somebody else took up since the look is left alone."""
    now = clock.now()
    fresh = {
        "state": "pending",
        "reason": None,
        "attempts": 0,
        "next_attempt_at": now,
        "finished_at": None,
        "replay_id": replay.id,
    }
    known = [row.delivery_id for row in offered if row.delivery_id is not None]
    done = 0
    if known:
        again = db.session.execute(
            update(Delivery)
            .where(Delivery.id.in_(known), Delivery.state.not_in(("delivered", *UNDER_WAY)))
            .values(**fresh, last_error=None, claimed_by=None)
            .execution_options(synchronize_session=False)
        )
        done += again.rowcount  # type: ignore[attr-defined]
        db.session.execute(
            update(DeliveryTarget)
            .where(
                DeliveryTarget.delivery_id.in_(
                    select(Delivery.id).where(Delivery.id.in_(known), Delivery.replay_id == replay.id)
                ),
                DeliveryTarget.state.in_(("failed", "dead")),
            )
            .values(state="pending", finished_at=None)
            .execution_options(synchronize_session=False)
        )
    new = [row for row in offered if row.delivery_id is None]
    if new:
        db.session.execute(
            insert(Delivery),
            [
                {
                    "event_id": row.id,
                    "inbox": replay.inbox,
                    "queue": BY_NAME[replay.inbox].queue,
                    "created_at": row.created_at,
                    **fresh,
                }
                for row in new
            ],
        )
    return done + len(new)
