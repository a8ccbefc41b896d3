"""What is due: on which queues, and how much."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Subquery, literal, select, union_all

from app import clock
from app.db import db
from app.inboxes.delivery import Delivery


def something_due(queue: str, inboxes: Iterable[str]) -> bool:
    """Whether a claim would find something now. Reads only."""
    query = select(Delivery.id).where(
        Delivery.queue == queue, Delivery.next_attempt_at <= clock.now(), Delivery.inbox.in_(list(inboxes))
    )
    return db.session.scalar(query.limit(1)) is not None


def queues_with_work(queues: Iterable[str]) -> list[str]:
    """Those of the queues that have something due now. One look into the index for each, whatever waits there."""
    looks = [
        select(literal(queue).label("queue")).where(
            select(Delivery.id)
            .where(Delivery.queue == queue, Delivery.next_attempt_at <= clock.now())
            .exists()
        )
        for queue in queues
    ]
    return list(db.session.scalars(union_all(*looks)))


def open_rows(*where: ColumnElement[bool], most: int = 1_000_000_000) -> Subquery:
    """What is not finished, as (queue, inbox, next_attempt_at).

    In the order of the index of what is open and with a limit, so that SQLite reads that: grouped it would rather walk
    through the whole ledger (0.7 s for a million deliveries).
    """
    query = select(Delivery.queue, Delivery.inbox, Delivery.next_attempt_at).where(
        Delivery.next_attempt_at.is_not(None), *where
    )
    return query.order_by(Delivery.queue, Delivery.next_attempt_at).limit(most).subquery()
