"""An entry of the audit log. Written once and chained; the words, the address and the agent stand apart, erasable."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, BigId


class AuditEntry(Base):
    """One act of administration, security or of a project's own affairs. `id` counts the entries without a gap."""

    __tablename__ = "audit_entries"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(BigId, ForeignKey("events.id"), unique=True)
    event_uid: Mapped[str] = mapped_column(String(36))
    event_hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    family: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(10))
    project_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("projects.id"))
    user_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("users.id"))
    actor_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("users.id"))
    actor_kind: Mapped[str] = mapped_column(String(10))
    actor_ref: Mapped[str | None] = mapped_column(String(200))
    words_sha256: Mapped[str] = mapped_column(String(64))
    """The commitment to the words in `audit_texts`."""
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        Index("ix_audit_entries_at", "at", "id"),
        Index("ix_audit_entries_actor", "actor_id", "id"),
        Index("ix_audit_entries_action", "action", "id"),
    )


class AuditText(Base):
    """What an entry said at its time, and from where it was done. Erasure deletes it; nothing changes it."""

    __tablename__ = "audit_texts"

    entry_id: Mapped[int] = mapped_column(BigId, ForeignKey("audit_entries.id"), primary_key=True)
    salt: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str]
    subject: Mapped[str]
    words: Mapped[str]
    address: Mapped[str | None] = mapped_column(String(60))
    """Not sealed, as the agent: personal data that may go alone."""
    agent: Mapped[str | None] = mapped_column(String(300))
