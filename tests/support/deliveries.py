"""Running the ledger in a test: what a worker does, without waiting for one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import select, text, update

from app import clock
from app.db import db, end_request
from app.events.event import Event
from app.inboxes import registry
from app.inboxes.delivery import Delivery, DeliveryTarget
from app.inboxes.dispatch import drain


def deliver(*queues: str) -> None:
    """Run what is due on these queues, or on all, as a job does; then the test may write again."""
    try:
        for queue in queues or registry.queues():
            assert drain(queue, seconds=20)
    finally:
        writes_again()


def writes_again() -> None:
    """Back from a worker's way with the session to a command's."""
    db.session.rollback()
    db.session.info.pop("reads_first", None)
    end_request()


def rows(inbox: str | None = None, action: str | None = None) -> Sequence[Delivery]:
    """The deliveries, oldest event first, as the database has them."""
    query = select(Delivery).order_by(Delivery.event_id, Delivery.id)
    if inbox:
        query = query.where(Delivery.inbox == inbox)
    if action:
        query = query.join(Event, Event.id == Delivery.event_id).where(Event.action == action)
    return db.session.scalars(query.execution_options(populate_existing=True)).all()


def row(inbox: str, action: str) -> Delivery:
    """The newest delivery of this inbox for this action."""
    return rows(inbox, action)[-1]


def targets(delivery: Delivery) -> dict[str, DeliveryTarget]:
    """Name of the target -> its row."""
    query = select(DeliveryTarget).where(DeliveryTarget.delivery_id == delivery.id)
    found = db.session.scalars(query.execution_options(populate_existing=True))
    return {one.target: one for one in found}


def make_due(inbox: str | None = None) -> None:
    """Let the wait of failed and abandoned deliveries be over."""
    change = update(Delivery).where(Delivery.next_attempt_at.is_not(None))
    if inbox:
        change = change.where(Delivery.inbox == inbox)
    db.session.execute(
        change.values(next_attempt_at=clock.now()).execution_options(synchronize_session=False)
    )
    db.session.execute(update(DeliveryTarget).values(next_attempt_at=None))
    db.session.commit()


@contextmanager
def refused_by_database(table: str) -> Iterator[None]:
    """While this holds, the database refuses every new row of the table: an inbox that writes there fails."""
    dialect = db.engine.dialect.name
    if dialect == "sqlite":
        made = f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'the disk is sad'); END"
        gone = "DROP TRIGGER broken"
    else:
        made = (
            f"CREATE TRIGGER broken BEFORE INSERT ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION tidings_refuse('the disk is sad')"
        )
        gone = f"DROP TRIGGER broken ON {table}"
    db.session.execute(text(made))
    db.session.commit()
    try:
        yield
    finally:
        db.session.execute(text(gone))
        db.session.commit()
