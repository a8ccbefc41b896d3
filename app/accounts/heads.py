"""What the live streams ask about people: their epoch, and the head of the topic `person:ID`."""

from collections.abc import Sequence

from sqlalchemy import select

from app.accounts.user import User
from app.db import db
from app.live import topics


def _epoch(user_id: int) -> int | None:
    return db.session.scalar(select(User.live_epoch).where(User.id == user_id, User.is_active))


def _person_heads(ids: Sequence[int]) -> dict[int, int]:
    rows = db.session.execute(select(User.id, User.activity_seq).where(User.id.in_(ids))).tuples().all()
    return dict(rows)


topics.register_epoch(_epoch)
topics.register("person", _person_heads)
