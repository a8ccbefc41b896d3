"""Sending to an endpoint again: one event, all that failed since a time, or what was held while it was off.

Always under the same webhook-id. Recorded on whoever asked for it, as every sending again is.
"""

from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, update

from app import clock
from app.accounts.user import User
from app.db import after_commit, db
from app.errors import Conflict, NotFound
from app.events.event import Actor, Event
from app.events.people_actions import DeliveriesRetried
from app.events.recording import record_event
from app.inboxes.delivery import SENT_AGAIN, Delivery, DeliveryTarget
from app.inboxes.waking import wake
from app.inboxes.webhook_delivery import WebhookDelivery
from app.webhooks.endpoint import Endpoint

NAME = WebhookDelivery.name
MISSED = ("failed", "dead", "held")
"""The states of a target that did not get its message."""


def redeliver(endpoint: Endpoint, event_uid: str, *, by: User, actor: Actor) -> None:
    """Send one event again, also one that had arrived. Raises NotFound, and Conflict while it is off or under way."""
    _require_on(endpoint)
    state = db.session.scalar(
        _mine(endpoint, Delivery.state)
        .join(Event, Event.id == Delivery.event_id)
        .where(Event.uid == event_uid)
    )
    if state is None:
        raise NotFound
    if state == "processing":
        raise Conflict("This event is being sent at this moment")
    event_id = select(Event.id).where(Event.uid == event_uid).scalar_subquery()
    _send(endpoint, [Delivery.event_id == event_id], by=by, actor=actor)


def redeliver_failed(endpoint: Endpoint, *, since: datetime, by: User, actor: Actor) -> int:
    """Send again what failed or was given up since then; returns how many. Raises Conflict while it is off."""
    _require_on(endpoint)
    failed = DeliveryTarget.state.in_(("failed", "dead"))
    return _send(endpoint, [failed, Delivery.created_at >= since], by=by, actor=actor)


def send_held(endpoint: Endpoint, *, by: User, actor: Actor) -> int:
    """Send what was held while it was off; returns how many. Raises Conflict while it is off."""
    _require_on(endpoint)
    return _send(endpoint, [DeliveryTarget.state == "held"], by=by, actor=actor)


def missed_counts(endpoint_ids: list[int]) -> dict[int, dict[str, int]]:
    """Endpoint -> state -> how many of its messages are failed, dead or held. One query."""
    names = {f"endpoint:{one}": one for one in endpoint_ids}
    query = (
        select(DeliveryTarget.target, DeliveryTarget.state, func.count().label("number"))
        .where(DeliveryTarget.target.in_(names), DeliveryTarget.state.in_(MISSED))
        .group_by(DeliveryTarget.target, DeliveryTarget.state)
    )
    found: dict[int, dict[str, int]] = {one: {} for one in endpoint_ids}
    for row in db.session.execute(query) if names else ():
        found[names[row.target]][row.state] = row.number
    return found


def _mine(endpoint: Endpoint, column: Any) -> Select[Any]:
    return (
        select(column)
        .join(DeliveryTarget, DeliveryTarget.delivery_id == Delivery.id)
        .where(Delivery.inbox == NAME, DeliveryTarget.target == f"endpoint:{endpoint.id}")
    )


def _send(endpoint: Endpoint, where: list[ColumnElement[bool]], *, by: User, actor: Actor) -> int:
    chosen = _mine(endpoint, Delivery.id).where(Delivery.state != "processing", *where)
    ids = list(db.session.scalars(chosen.with_for_update(of=Delivery)))
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        db.session.execute(
            update(DeliveryTarget)
            .where(DeliveryTarget.delivery_id.in_(part), DeliveryTarget.target == f"endpoint:{endpoint.id}")
            .values(state="pending", attempts=0, next_attempt_at=None, reason=None, finished_at=None)
            .execution_options(synchronize_session=False)
        )
        db.session.execute(
            update(Delivery)
            .where(Delivery.id.in_(part))
            .values(
                state="pending",
                attempts=0,
                next_attempt_at=clock.now(),
                reason=None,
                finished_at=None,
                replay_id=SENT_AGAIN,
            )
            .execution_options(synchronize_session=False)
        )
    if ids:
        endpoint.rests_until = None
        record_event(by, DeliveriesRetried(inbox=NAME, deliveries=len(ids)), actor=actor)
        after_commit(f"wake:{WebhookDelivery.queue}", partial(wake, WebhookDelivery.queue))  # type: ignore[arg-type]
    return len(ids)


def _require_on(endpoint: Endpoint) -> None:
    if not endpoint.enabled:
        raise Conflict("This webhook is off; switch it on first")
