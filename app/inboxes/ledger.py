"""Reading the ledger: deliveries with the event they belong to and those whom they reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from app.accounts.user import User
from app.db import db
from app.events.event import Event
from app.inboxes.delivery import Delivery, DeliveryTarget, State
from app.inboxes.in_app_notifications import InAppNotifications
from app.notifications.notification import Notification


@dataclass(frozen=True, slots=True)
class Receiver:
    """One that a delivery reached or tries to reach. `user_id` is None for what is no person."""

    name: str
    user_id: int | None
    state: str
    reason: str | None
    attempts: int
    finished_at: datetime | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """A delivery with the uid of its event and its receivers."""

    delivery: Delivery
    event_uid: str
    receivers: list[Receiver]


def postings_of(event_id: int) -> list[Posting]:
    """The deliveries of one event, in the order they were written. The caller has asked who may know."""
    return _read(_postings().where(Delivery.event_id == event_id).order_by(Delivery.id))


def postings_page(
    *, state: State | None = None, inbox: str | None = None, before: int | None = None, limit: int = 50
) -> list[Posting]:
    """Up to `limit` deliveries, the newest first, before the one with this id; for administrators."""
    query = _postings()
    if state is not None:
        query = query.where(Delivery.state == state)
    if inbox is not None:
        query = query.where(Delivery.inbox == inbox)
    if before is not None:
        query = query.where(Delivery.id < before)
    return _read(query.order_by(Delivery.id.desc()).limit(limit))


def posting(delivery_id: int) -> Posting | None:
    """One delivery."""
    found = _read(_postings().where(Delivery.id == delivery_id))
    return found[0] if found else None


def _postings() -> Select[*tuple[Any, ...]]:
    return (
        select(Delivery, Event.uid)
        .join(Event, Event.id == Delivery.event_id)
        .execution_options(populate_existing=True)
    )


def _read(query: Select[*tuple[Any, ...]]) -> list[Posting]:
    rows = [(row.Delivery, row.uid) for row in db.session.execute(query)]
    reached = _targets([delivery.id for delivery, _ in rows])
    told = _told([delivery for delivery, _ in rows if delivery.inbox == InAppNotifications.name])
    return [Posting(one, uid, reached.get(one.id, []) + told.get(one.id, [])) for one, uid in rows]


def _targets(delivery_ids: Sequence[int]) -> dict[int, list[Receiver]]:
    if not delivery_ids:
        return {}
    query = select(DeliveryTarget).where(DeliveryTarget.delivery_id.in_(delivery_ids))
    targets = db.session.scalars(query.order_by(DeliveryTarget.id)).all()
    people = _usernames({int(one.target) for one in targets if one.target.isdigit()})
    found: dict[int, list[Receiver]] = {}
    for one in targets:
        user_id = int(one.target) if one.target.isdigit() else None
        name = people.get(user_id, one.target) if user_id is not None else one.target
        receiver = Receiver(
            name, user_id, one.state, one.reason, one.attempts, one.finished_at, one.last_error
        )
        found.setdefault(one.delivery_id, []).append(receiver)
    return found


def _told(deliveries: Sequence[Delivery]) -> dict[int, list[Receiver]]:
    """Who was notified in the product: that inbox writes its receivers as notifications."""
    delivered = {one.event_id: one for one in deliveries if one.state == "delivered"}
    if not delivered:
        return {}
    query = (
        select(Notification.event_id, Notification.reason, User.id, User.username)
        .join(User, User.id == Notification.user_id)
        .where(Notification.event_id.in_(delivered))
        .order_by(Notification.id)
    )
    found: dict[int, list[Receiver]] = {}
    for row in db.session.execute(query):
        one = delivered[row.event_id]
        receiver = Receiver(row.username, row.id, "delivered", row.reason, one.attempts, one.finished_at)
        found.setdefault(one.id, []).append(receiver)
    return found


def _usernames(ids: set[int]) -> dict[int, str]:
    if not ids:
        return {}
    query = select(User.id, User.username).where(User.id.in_(ids))
    return {row.id: row.username for row in db.session.execute(query)}
