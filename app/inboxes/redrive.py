"""Sending again what was not delivered."""

from functools import partial

from sqlalchemy import select, update

from app import clock
from app.accounts.user import User
from app.db import after_commit, db
from app.errors import Conflict, NotFound
from app.events.event import Actor
from app.events.people_actions import DeliveriesRetried
from app.events.recording import record_event
from app.inboxes.delivery import Delivery, DeliveryTarget, State
from app.inboxes.dispatch import wake
from app.inboxes.registry import BY_NAME
from app.inboxes.setting import switched_off

AGAIN: tuple[State, ...] = ("failed", "dead", "held", "discarded", "skipped")
"""The states from which a delivery can be sent again."""


def retry(delivery_id: int, *, by: User, actor: Actor) -> Delivery:
    """Make the delivery due now, with all its attempts before it. Who was reached is not reached twice.

    Raises NotFound, and Conflict when it is under way or done, was imported, or its inbox is off.
    """
    query = select(Delivery).where(Delivery.id == delivery_id).with_for_update()
    delivery = db.session.scalar(query.execution_options(populate_existing=True))
    if delivery is None or delivery.inbox not in BY_NAME:
        raise NotFound
    _check(delivery)
    delivery.state, delivery.attempts, delivery.next_attempt_at = "pending", 0, clock.now()
    delivery.reason = delivery.last_error = delivery.claimed_by = delivery.finished_at = None
    missed = (DeliveryTarget.delivery_id == delivery.id, DeliveryTarget.state.in_(("failed", "dead")))
    db.session.execute(update(DeliveryTarget).where(*missed).values(state="pending", finished_at=None))
    db.session.flush()
    record_event(by, DeliveriesRetried(inbox=delivery.inbox, deliveries=1), actor=actor)
    queue = BY_NAME[delivery.inbox].queue
    after_commit(f"wake:{queue}", partial(wake, queue))  # type: ignore[arg-type] # what it returns is not asked
    return delivery


def _check(delivery: Delivery) -> None:
    if delivery.state not in AGAIN:
        raise Conflict(f"This delivery is {delivery.state}; only one that did not arrive can be sent again")
    if delivery.reason == "imported":
        raise Conflict("What was imported is not sent to anybody")
    if delivery.inbox in switched_off():
        raise Conflict(f"The inbox {delivery.inbox} is off; switch it on first")
