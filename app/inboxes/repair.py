"""What an administrator does about deliveries that did not arrive: send them again, hold them back, or give them up.

All are recorded on the administrator, once for each inbox they concern. Who was reached is not reached twice.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
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
from app.events.people_actions import DeliveriesDiscarded, DeliveriesHeld, DeliveriesRetried
from app.events.recording import record_event
from app.inboxes.delivery import SENT_AGAIN, Delivery, DeliveryTarget, State
from app.inboxes.registry import BY_NAME
from app.inboxes.setting import switched_off
from app.inboxes.waking import wake

AGAIN: tuple[State, ...] = ("failed", "dead", "held", "discarded", "skipped")
"""The states from which a delivery can be sent again; of the skipped ones those whose inbox was off."""
ENDABLE: tuple[State, ...] = ("failed", "dead", "held")
"""The states in which a delivery can be given up."""
HOLDABLE: tuple[State, ...] = ("pending", "failed")
"""The states in which a delivery can be held back: waiting, not under way."""
AT_ONCE = 1_000
"""Deliveries changed by one statement."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Many deliveries: those in a state, of one inbox or of all, whose event is not older than `since`."""

    state: str
    inbox: str | None = None
    since: datetime | None = None
    ids: Sequence[int] | None = None
    """Of these only: what a page has shown and counted."""


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
    return _one_of(_RETRY, delivery, by=by, actor=actor)


def retry_all(choice: Choice, *, by: User, actor: Actor) -> int:
    """Make all of these due now but those whose inbox is off; returns how many. Raises Invalid."""
    return _each(_RETRY, choice, AGAIN, by=by, actor=actor, but=switched_off())


def discard(delivery_id: int, *, by: User, actor: Actor) -> Delivery:
    """Give the delivery up: it is never tried again by itself. Raises NotFound and Conflict."""
    delivery = _one(delivery_id)
    if delivery.state not in ENDABLE:
        raise Conflict(f"This delivery is {delivery.state}; only one that did not arrive can be given up")
    _refuse_locked(delivery)
    return _one_of(_DISCARD, delivery, by=by, actor=actor)


def discard_all(choice: Choice, *, by: User, actor: Actor) -> int:
    """Give all of these up but those of inboxes that are locked on; returns how many. Raises Invalid."""
    return _each(_DISCARD, choice, ENDABLE, by=by, actor=actor, but=_locked())


def hold(delivery_id: int, *, by: User, actor: Actor) -> Delivery:
    """Hold the delivery back until it is sent again or given up. Raises NotFound and Conflict."""
    delivery = _one(delivery_id)
    if delivery.state not in HOLDABLE:
        raise Conflict(f"This delivery is {delivery.state}; only one that waits can be held back")
    _refuse_locked(delivery)
    return _one_of(_HOLD, delivery, by=by, actor=actor)


def hold_all(choice: Choice, *, by: User, actor: Actor) -> int:
    """Hold all of these back but those of inboxes that are locked on; returns how many. Raises Invalid.

    What is under way at this moment is not touched.
    """
    return _each(_HOLD, choice, HOLDABLE, by=by, actor=actor, but=_locked())


def _locked() -> list[str]:
    return [name for name, inbox in BY_NAME.items() if inbox.locked]


def _refuse_locked(delivery: Delivery) -> None:
    kind = BY_NAME[delivery.inbox]
    if kind.locked:
        raise Conflict(f"Deliveries of {kind.title} cannot be held back or given up: {kind.locked}")


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


def _each(
    act: "Act", choice: Choice, allowed: Sequence[State], *, by: User, actor: Actor, but: Collection[str] = ()
) -> int:
    """Do it to what was chosen, some at a time, `but` those of these inboxes. Recorded once for each inbox."""
    where = _chosen(choice, allowed)
    if but:
        where.append(Delivery.inbox.not_in(but))
    if choice.ids is None:
        return _recorded(act, act.change(where, by), by=by, actor=actor)
    counts: Counter[str] = Counter()
    for start in range(0, len(choice.ids), AT_ONCE):
        counts += act.change([*where, Delivery.id.in_(choice.ids[start : start + AT_ONCE])], by)
    return _recorded(act, counts, by=by, actor=actor)


def _one_of(act: "Act", delivery: Delivery, *, by: User, actor: Actor) -> Delivery:
    _recorded(act, act.change([Delivery.id == delivery.id], by), by=by, actor=actor)
    return _one(delivery.id)


def _recorded(act: "Act", counts: Counter[str], *, by: User, actor: Actor) -> int:
    for inbox, number in sorted(counts.items()):
        record_event(by, act.action(inbox=inbox, deliveries=number), actor=actor)
        queue = BY_NAME[inbox].queue
        after_commit(f"wake:{queue}", partial(wake, queue))  # type: ignore[arg-type] # its answer is not asked
    return counts.total()


def _send_again(where: Sequence[ColumnElement[bool]], _by: User) -> Counter[str]:
    missed = or_(DeliveryTarget.state == "failed", DeliveryTarget.state == "dead")
    db.session.execute(
        update(DeliveryTarget)
        .where(DeliveryTarget.delivery_id.in_(select(Delivery.id).where(*where)), missed)
        .values(state="pending", attempts=0, next_attempt_at=None, finished_at=None)
        .execution_options(synchronize_session=False)
    )
    return _change(
        where,
        state="pending",
        attempts=0,
        next_attempt_at=clock.now(),
        replay_id=SENT_AGAIN,
        reason=None,
        last_error=None,
        claimed_by=None,
        finished_at=None,
    )


def _give_up(where: Sequence[ColumnElement[bool]], by: User) -> Counter[str]:
    return _change(
        where,
        state="discarded",
        next_attempt_at=None,
        reason=f"given up by {by.name}"[:300],
        finished_at=clock.now(),
    )


def _hold_back(where: Sequence[ColumnElement[bool]], by: User) -> Counter[str]:
    return _change(where, state="held", next_attempt_at=None, reason=f"held back by {by.name}"[:300])


def _change(where: Sequence[ColumnElement[bool]], **values: Any) -> Counter[str]:
    """Change these deliveries; inbox -> how many."""
    change = update(Delivery).where(*where).values(values).returning(Delivery.inbox)
    return Counter(db.session.scalars(change.execution_options(synchronize_session=False)))


@dataclass(frozen=True, slots=True)
class Act:
    """What is done to deliveries, and the fact it is recorded as."""

    change: Callable[[Sequence[ColumnElement[bool]], User], Counter[str]]
    action: type[DeliveriesRetried] | type[DeliveriesDiscarded] | type[DeliveriesHeld]


_RETRY = Act(_send_again, DeliveriesRetried)
_DISCARD = Act(_give_up, DeliveriesDiscarded)
_HOLD = Act(_hold_back, DeliveriesHeld)
