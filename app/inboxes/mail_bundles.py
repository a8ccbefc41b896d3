"""Mails that wait, and go together: what the person chose (app.accounts.pace), kept by the ledger alone.

A target that may not be mailed yet waits as pending. The one whose time has come first carries all others that wait for
the same person: they are given its delivery's id before anything is sent, so that every attempt says the same under
the same Message-ID, and each follows what becomes of its carrier when its own turn comes. Nothing is marked by anybody
but its own delivery.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, select, text, update

from app.db import begin_write, db, rows
from app.inboxes.base import NotYet, Undeliverable
from app.inboxes.delivery import WAITING, Delivery, DeliveryTarget
from app.inboxes.letter import Letter

NAME = "email_notifications"
MOST = 500
"""Events in one mail; what waits besides goes with the next."""
SOON = timedelta(seconds=15)
"""When one that is carried looks again what became of its carrier."""
TOGETHER = "in one mail with others"


@dataclass
class Timed:
    """A mail to one person who does not want each by itself. `draft` is the mail if it goes alone."""

    draft: Any
    event_id: int
    user_id: int
    bundle: Letter | None = None
    carried: bool = False

    @property
    def letter(self) -> Letter:
        """What is sent."""
        letter: Letter = self.bundle or self.draft.letter
        return letter


def settle(message: Timed) -> str | None:
    """What became of it with its carrier's mail, None: it is to be sent now. Raises NotYet and Undeliverable."""
    own = rows(_OWN, event=message.event_id, person=str(message.user_id))
    if own and own[0].carrier_id is not None:
        if words := _with_carrier(own[0]):
            message.carried = True
            return words
        _on_its_own(own[0].id)
    db.session.rollback()
    return None


def take_along(message: Timed) -> Sequence[int]:
    """The events that are told in the same mail, now and on every later attempt."""
    own = rows(_OWN, event=message.event_id, person=str(message.user_id))
    db.session.rollback()
    if not own:
        return []
    carrier, person = own[0].delivery_id, str(message.user_id)
    begin_write()
    known = _carried(carrier, person)
    if not known:
        waiting = rows(_WAITING_FOR, person=person, carrier=carrier, most=MOST)
        ids = [row.id for row in waiting]
        db.session.execute(
            update(DeliveryTarget)
            .where(
                DeliveryTarget.id.in_(ids),
                DeliveryTarget.state == "pending",
                DeliveryTarget.carrier_id.is_(None),
            )
            .values(carrier_id=carrier)
            .execution_options(synchronize_session=False)
        )
        known = _carried(carrier, person)
    db.session.commit()
    return known


def _with_carrier(own: Any) -> str | None:
    """What became of the carrier; None: nothing, so that this one goes by itself."""
    found = rows(_CARRIER, carrier=own.carrier_id, person=own.target)
    db.session.rollback()
    if found and found[0].state == "delivered":
        return f"{found[0].reason}, {TOGETHER}"
    if found and found[0].state == "dead":
        raise Undeliverable(found[0].last_error or "the mail it went with could not be delivered")
    if found and found[0].state in ("pending", "processing", "failed"):
        raise NotYet("goes with another mail to this person", after=SOON)
    return None


def _on_its_own(target_id: int) -> None:
    begin_write()
    db.session.execute(
        update(DeliveryTarget)
        .where(DeliveryTarget.id == target_id)
        .values(carrier_id=None)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def _carried(carrier: int, person: str) -> Sequence[int]:
    return [row.event_id for row in rows(_CARRIED, carrier=carrier, person=person)]


_OWN = (
    select(DeliveryTarget.id, DeliveryTarget.delivery_id, DeliveryTarget.target, DeliveryTarget.carrier_id)
    .join(Delivery, Delivery.id == DeliveryTarget.delivery_id)
    .where(
        Delivery.event_id == bindparam("event"),
        Delivery.inbox == NAME,
        DeliveryTarget.target == bindparam("person"),
    )
)
_CARRIER = select(DeliveryTarget.state, DeliveryTarget.reason, DeliveryTarget.last_error).where(
    DeliveryTarget.delivery_id == bindparam("carrier"), DeliveryTarget.target == bindparam("person")
)
_CARRIED = (
    select(Delivery.event_id)
    .join(DeliveryTarget, DeliveryTarget.delivery_id == Delivery.id)
    .where(DeliveryTarget.carrier_id == bindparam("carrier"), DeliveryTarget.target == bindparam("person"))
    .order_by(Delivery.event_id)
)
_WAITING_FOR = (
    select(DeliveryTarget.id)
    .join(Delivery, Delivery.id == DeliveryTarget.delivery_id)
    .where(
        text(f"delivery_targets.{WAITING}"),  # written out, so that the index of just these is used
        DeliveryTarget.target == bindparam("person"),
        DeliveryTarget.state == "pending",
        DeliveryTarget.carrier_id.is_(None),
        Delivery.inbox == NAME,
        Delivery.id != bindparam("carrier"),
        Delivery.state.in_(("pending", "failed", "processing")),
    )
    .order_by(Delivery.event_id)
    .limit(bindparam("most"))
)
