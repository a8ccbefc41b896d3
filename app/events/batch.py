"""A bulk act: many events that one press of a button made, kept together by a description in words."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import uuid_utils
from sqlalchemy import String, func, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.context import caused_by
from app.db import Base, db, run
from app.events.event import Event


class EventBatch(Base):
    """What a bulk act was, in words."""

    __tablename__ = "event_batches"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    description: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]


def new_batch_id() -> str:
    """The id of a bulk act to be."""
    return str(uuid_utils.uuid7())


@contextmanager
def batch(description: str, *, batch_id: str | None = None) -> Iterator[str]:
    """Everything recorded inside belongs to one act. Needs a transaction that may write; yields the act's id.

    `batch_id`: the one that was given out before, so that the same act sent twice is known again.
    """
    batch_id = batch_id or new_batch_id()
    run(_ADD, {"id": batch_id, "description": " ".join(description.split())[:200], "created_at": clock.now()})
    with caused_by(batch_id=batch_id):
        yield batch_id


def descriptions(batch_ids: Sequence[str]) -> dict[str, str]:
    """Id of a bulk act -> what it was. One query, none without ids."""
    if not batch_ids:
        return {}
    query = select(EventBatch.id, EventBatch.description).where(EventBatch.id.in_(batch_ids))
    return {row.id: row.description for row in db.session.execute(query)}


def batch_exists(batch_id: str) -> bool:
    """Whether this bulk act was done already."""
    return db.session.scalar(select(EventBatch.id).where(EventBatch.id == batch_id)) is not None


def batch_sizes(batch_ids: Sequence[str]) -> dict[str, int]:
    """Id of a bulk act -> how many issues it changed. One query, none without ids."""
    if not batch_ids:
        return {}
    count = func.count(Event.issue_id.distinct())
    query = select(Event.batch_id, count).where(Event.batch_id.in_(batch_ids)).group_by(Event.batch_id)
    return {batch_id: number for batch_id, number in db.session.execute(query) if batch_id}


_ADD = insert(EventBatch.__table__)  # type: ignore[arg-type]
