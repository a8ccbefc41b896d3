"""What a program's POST with an Idempotency-Key was answered, so that the same key answers the same again."""

from datetime import datetime

from sqlalchemy import ForeignKey, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, BigId, BigPk


class IdempotencyKey(Base):
    """One request of one token: written in the transaction of its effect, kept for 24 hours."""

    __tablename__ = "idempotency_keys"

    id: Mapped[BigPk]
    token_id: Mapped[int] = mapped_column(BigId, ForeignKey("api_tokens.id"))
    key: Mapped[str] = mapped_column(String(200))
    path: Mapped[str] = mapped_column(String(300))
    body_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(SmallInteger)
    answer: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (UniqueConstraint("token_id", "key", "path"),)
