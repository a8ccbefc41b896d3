"""What is told in one message with another: claimed and begun like that one, before anything is sent.

So nobody else tells it meanwhile, and when the worker dies each of them is known to be one that may have been told.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import case, insert, literal, select, update

from app import clock
from app.db import begin_write, db
from app.inboxes.base import LEASE, TWICE, UNDER_WAY, UNSURE
from app.inboxes.delivery import Delivery, DeliveryTarget
from app.inboxes.slack_turns import NAME, Told
from app.slack.channel import locked


def claim(told: Told, deliveries: Sequence[int]) -> list[int]:
    """Take these deliveries along; returns those that were still free."""
    moment = clock.now()
    by = select(Delivery.claimed_by).where(Delivery.event_id == told.event_id, Delivery.inbox == NAME)
    begin_write()
    locked(told.channel)  # whoever else changes many of them at once waits
    taken = db.session.scalars(
        update(Delivery)
        .where(Delivery.id.in_(deliveries), Delivery.state.in_(("pending", "failed")))
        .values(
            state="processing",
            attempts=Delivery.attempts + 1,
            started_at=moment,
            next_attempt_at=moment + LEASE,
            claimed_by=by.scalar_subquery(),
        )
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    _begin(taken, told.receiver)
    db.session.commit()
    told.folded, told.folded_at = sorted(taken), moment
    return told.folded


def mark_told(told: Told) -> None:
    """They were told with the message. In the transaction that marks its own target."""
    moment = clock.now()
    reason = f"told in one message with {len(told.folded)} others"
    done = _ours(told).values(
        state="delivered", reason=reason, last_error=None, next_attempt_at=None, finished_at=moment
    )
    ids = db.session.scalars(done.returning(Delivery.id)).all()
    _change(
        ids,
        told.receiver,
        state="delivered",
        reason=case(
            (DeliveryTarget.doubts > 0, literal(f"{reason}, {TWICE}")),
            else_=literal(reason),
        ),
        attempts=DeliveryTarget.attempts + 1,
        last_error=None,
        finished_at=moment,
    )


def let_go(told: Told, *, wait: timedelta, unsure: bool) -> None:
    """The message did not get through, or nobody knows: each waits for its own turn again, with no attempt spent."""
    until = clock.now() + wait
    back = _ours(told).values(state="pending", attempts=Delivery.attempts - 1, next_attempt_at=until)
    ids = db.session.scalars(back.returning(Delivery.id)).all()
    doubt = {"doubts": DeliveryTarget.doubts + 1, "reason": UNSURE} if unsure else {}
    _change(ids, told.receiver, state="pending", **doubt)


def _begin(deliveries: Sequence[int], receiver: str) -> None:
    """That an attempt begins. One that was under way was begun by a worker that is gone."""
    query = select(DeliveryTarget.delivery_id).where(
        DeliveryTarget.delivery_id.in_(deliveries), DeliveryTarget.target == receiver
    )
    known = set(db.session.scalars(query).all())
    _change(
        list(known),
        receiver,
        state=UNDER_WAY,
        doubts=DeliveryTarget.doubts + case((DeliveryTarget.state == UNDER_WAY, 1), else_=0),
    )
    rows = [
        {"delivery_id": one, "target": receiver, "state": UNDER_WAY, "attempts": 0}
        for one in deliveries
        if one not in known
    ]
    if rows:
        db.session.execute(insert(DeliveryTarget), rows)


def _ours(told: Told) -> Any:
    """Those that nobody has claimed since."""
    return (
        update(Delivery)
        .where(
            Delivery.id.in_(told.folded),
            Delivery.state == "processing",
            Delivery.started_at == told.folded_at,
        )
        .execution_options(synchronize_session=False)
    )


def _change(deliveries: Sequence[int], receiver: str, **values: Any) -> None:
    db.session.execute(
        update(DeliveryTarget)
        .where(DeliveryTarget.delivery_id.in_(deliveries), DeliveryTarget.target == receiver)
        .values(values)
        .execution_options(synchronize_session=False)
    )
