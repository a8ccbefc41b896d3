"""What an administrator does about deliveries that did not arrive: send them again, or give them up.

Both are recorded on the administrator, once for each inbox they concern. Who was reached is not reached twice.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update

from app import clock
from app.accounts.user import User
from app.db import after_commit, db
from app.errors import Conflict, Invalid, NotFound
from app.events.event import Actor
from app.events.people_actions import DeliveriesDiscarded, DeliveriesRetried
from app.events.recording import record_event
from app.inboxes.delivery import Delivery, DeliveryTarget, State
from app.inboxes.dispatch import wake
from app.inboxes.registry import BY_NAME
from app.inboxes.setting import switched_off

AGAIN: tuple[State, ...] = ("failed", "dead", "held", "discarded", "skipped")
"""The states from which a delivery can be sent again; of the skipped ones those whose inbox was off."""
ENDABLE: tuple[State, ...] = ("failed", "dead", "held")
"""The states in which a delivery can be given up."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Many deliveries: those in a state, of one inbox or of all, whose event is not older than `since`."""

    state: str
    inbox: str | None = None
    since: datetime | None = None


def retry(delivery_id: int, *, by: User, actor: Actor) -> Delivery:
    """Make the delivery due now, with all its attempts before it.

    Raises NotFound, and Conflict when it is under way or done, was imported, or its inbox is off.
    """
    delivery = _one(delivery_id)
    if delivery.state not in AGAIN:
        raise Conflict(f"This delivery is {delivery.state}; only one that did not arrive can be sent again")
    if delivery.reason == "imported":
        raise Conflict("What was imported is not sent to anybody")
    if delivery.inbox in switched_off():
        raise Conflict(f"The inbox {delivery.inbox} is off; switch it on first")
    _send_again([Delivery.id == delivery.id], by=by, actor=actor)
    return _one(delivery_id)


def retry_all(choice: Choice, *, by: User, actor: Actor) -> int:
    """Make all of these due now but those whose inbox is off; returns how many. Raises Invalid."""
    where = _chosen(choice, AGAIN)
    off = switched_off()
    if off:
        where.append(Delivery.inbox.not_in(off))
    return _send_again(where, by=by, actor=actor)


def discard(delivery_id: int, *, by: User, actor: Actor) -> Delivery:
    """Give the delivery up: it is never tried again by itself. Raises NotFound and Conflict."""
    delivery = _one(delivery_id)
    if delivery.state not in ENDABLE:
        raise Conflict(f"This delivery is {delivery.state}; only one that did not arrive can be given up")
    if why := BY_NAME[delivery.inbox].locked:
        raise Conflict(f"Deliveries of {BY_NAME[delivery.inbox].title} cannot be given up: {why}")
    _give_up([Delivery.id == delivery.id], by=by, actor=actor)
    return _one(delivery_id)


def discard_all(choice: Choice, *, by: User, actor: Actor) -> int:
    """Give all of these up but those of inboxes that are locked on; returns how many. Raises Invalid."""
    where = _chosen(choice, ENDABLE)
    where.append(Delivery.inbox.not_in([name for name, inbox in BY_NAME.items() if inbox.locked]))
    return _give_up(where, by=by, actor=actor)


def _one(delivery_id: int) -> Delivery:
    query = select(Delivery).where(Delivery.id == delivery_id).with_for_update()
    delivery = db.session.scalar(query.execution_options(populate_existing=True))
    if delivery is None or delivery.inbox not in BY_NAME:
        raise NotFound
    return delivery


def _chosen(choice: Choice, allowed: Sequence[State]) -> list[ColumnElement[bool]]:
    if choice.state not in allowed:
        raise Invalid(f"Choose a state: {', '.join(allowed)}", field="state")
    if choice.inbox is not None and choice.inbox not in BY_NAME:
        raise Invalid(f"There is no inbox {choice.inbox[:40]}", field="inbox")
    where: list[ColumnElement[bool]] = [
        Delivery.state == choice.state,
        Delivery.inbox.in_([choice.inbox] if choice.inbox else list(BY_NAME)),
    ]
    if choice.state == "skipped":
        where.append(Delivery.reason == "off")
    if choice.since is not None:
        where.append(Delivery.created_at >= choice.since)
    return where


def _send_again(where: Sequence[ColumnElement[bool]], *, by: User, actor: Actor) -> int:
    missed = or_(DeliveryTarget.state == "failed", DeliveryTarget.state == "dead")
    db.session.execute(
        update(DeliveryTarget)
        .where(DeliveryTarget.delivery_id.in_(select(Delivery.id).where(*where)), missed)
        .values(state="pending", finished_at=None)
        .execution_options(synchronize_session=False)
    )
    counts = _change(
        where,
        state="pending",
        attempts=0,
        next_attempt_at=clock.now(),
        reason=None,
        last_error=None,
        claimed_by=None,
        finished_at=None,
    )
    for inbox, number in sorted(counts.items()):
        record_event(by, DeliveriesRetried(inbox=inbox, deliveries=number), actor=actor)
        queue = BY_NAME[inbox].queue
        after_commit(f"wake:{queue}", partial(wake, queue))  # type: ignore[arg-type] # its answer is not asked
    return counts.total()


def _give_up(where: Sequence[ColumnElement[bool]], *, by: User, actor: Actor) -> int:
    counts = _change(
        where,
        state="discarded",
        next_attempt_at=None,
        reason=f"given up by {by.name}"[:300],
        finished_at=clock.now(),
    )
    for inbox, number in sorted(counts.items()):
        record_event(by, DeliveriesDiscarded(inbox=inbox, deliveries=number), actor=actor)
    return counts.total()


def _change(where: Sequence[ColumnElement[bool]], **values: Any) -> Counter[str]:
    """Change these deliveries; inbox -> how many."""
    change = update(Delivery).where(*where).values(values).returning(Delivery.inbox)
    return Counter(db.session.scalars(change.execution_options(synchronize_session=False)))
