"""Every mail that was sent, or kept because no mail server is set: readable under Admin > Outgoing mail."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, BigId, BigPk


class OutgoingMail(Base):
    """One mail to one person. `message_id` is the same on every attempt, so a mail is kept once."""

    __tablename__ = "outgoing_mails"

    id: Mapped[BigPk]
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"))
    event_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("events.id"))
    issue_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("issues.id"))
    message_id: Mapped[str] = mapped_column(String(200), unique=True)
    address: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(300))
    text: Mapped[str]
    html: Mapped[str]
    state: Mapped[str] = mapped_column(String(8))
    """`kept`: no mail server was set; `sent`: handed to the mail server."""
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_outgoing_mails_created", "created_at", "id"),)
