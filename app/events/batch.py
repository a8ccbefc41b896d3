"""A bulk act: many events that one press of a button made, kept together by a description in words."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import uuid_utils
from sqlalchemy import String, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.context import caused_by
from app.db import Base, db, run


class EventBatch(Base):
    """What a bulk act was, in words."""

    __tablename__ = "event_batches"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    description: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]


@contextmanager
def batch(description: str) -> Iterator[str]:
    """Everything recorded inside belongs to one act. Needs a transaction that may write; yields the act's id."""
    batch_id = str(uuid_utils.uuid7())
    run(_ADD, {"id": batch_id, "description": " ".join(description.split())[:200], "created_at": clock.now()})
    with caused_by(batch_id=batch_id):
        yield batch_id


def descriptions(batch_ids: Sequence[str]) -> dict[str, str]:
    """Id of a bulk act -> what it was. One query, none without ids."""
    if not batch_ids:
        return {}
    query = select(EventBatch.id, EventBatch.description).where(EventBatch.id.in_(batch_ids))
    return {row.id: row.description for row in db.session.execute(query)}


_ADD = insert(EventBatch.__table__)  # type: ignore[arg-type]
