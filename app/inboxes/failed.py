"""How many deliveries failed for good: the number in the side bar of administrators, and its live topic `failed:1`.

The topic's number grows with each attempt that fails and with each act of an administrator on deliveries: nothing else
changes how many there are.
"""

from collections.abc import Sequence

from sqlalchemy import Select, func, literal, select

from app.db import db
from app.events.event import Event
from app.events.people_actions import DeliveriesDiscarded, DeliveriesHeld, DeliveriesRetried, InboxReplayed
from app.inboxes.delivery import Delivery, DeliveryFailure
from app.inboxes.registry import BY_NAME
from app.live import topics

TOPIC = "failed:1"
COUNTED = 1_000
"""Counted up to here."""
ACTS = (DeliveriesRetried, DeliveriesDiscarded, DeliveriesHeld, InboxReplayed)


def failed_count() -> Select[int]:
    """Of the inboxes that there are, by the index of inbox and state."""
    dead = select(Delivery.id).where(Delivery.inbox.in_(list(BY_NAME)), Delivery.state == "dead")
    return select(func.count()).select_from(dead.limit(COUNTED).subquery())


def failed_head() -> Select[int]:
    """The number of the topic: two looks at the end of an index."""
    failure = select(func.coalesce(func.max(DeliveryFailure.id), 0)).scalar_subquery()
    act = select(func.coalesce(func.max(Event.id), 0)).where(Event.action.in_([kind.name for kind in ACTS]))
    return select(failure + act.scalar_subquery() + literal(1))


def failed_now() -> tuple[int, int]:
    """How many, and the number of the topic."""
    row = db.session.execute(select(failed_count().scalar_subquery(), failed_head().scalar_subquery())).one()
    return row[0], row[1]


def _heads(ids: Sequence[int]) -> dict[int, int]:
    head = db.session.scalar(failed_head()) or 0
    return dict.fromkeys(ids, head)


topics.register("failed", _heads)
