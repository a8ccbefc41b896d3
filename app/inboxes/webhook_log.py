"""What is written down about an endpoint after an attempt, within the transaction that marks it."""

from sqlalchemy import select, update

from app import clock
from app.db import db
from app.inboxes.delivery import Delivery, DeliveryTarget
from app.inboxes.webhook_message import Shipment
from app.webhooks.attempt import ANSWER_BYTES, Attempt, readable


def keep_attempt(shipment: Shipment, event_id: int, error: str | None) -> None:
    """Add the attempt to the log of the endpoint, without its signatures. `error`: why it counts as failed."""
    answer = shipment.answer
    headers = dict(shipment.headers or {})
    if signatures := headers.pop("webhook-signature", ""):
        headers["webhook-signature"] = f"v1, {len(signatures.split())} of them"
    db.session.add(
        Attempt(
            endpoint_id=shipment.endpoint_id,
            event_id=event_id,
            request_headers=headers,
            body_size=len(shipment.body),
            status=answer.status if answer else None,
            answer=readable(answer.body[:ANSWER_BYTES]) if answer else None,
            answer_size=len(answer.body) if answer else None,
            duration_ms=round(shipment.seconds * 1000),
            ok=error is None,
            error=error[:500] if error else None,
            created_at=clock.now(),
        )
    )


def wake_what_waits(name: str) -> None:
    """The endpoint answers again: what was put off meanwhile, and never tried, is due now."""
    now = clock.now()
    mine = (
        DeliveryTarget.target == name,
        DeliveryTarget.state == "pending",
        DeliveryTarget.next_attempt_at > now,
    )
    waiting = db.session.scalars(select(DeliveryTarget.delivery_id).where(*mine)).all()
    if not waiting:
        return
    db.session.execute(
        update(DeliveryTarget)
        .where(*mine)
        .values(next_attempt_at=None)
        .execution_options(synchronize_session=False)
    )
    db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_(waiting), Delivery.state.in_(("pending", "failed")))
        .values(next_attempt_at=now)
        .execution_options(synchronize_session=False)
    )
