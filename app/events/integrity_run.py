"""One run of the check of everything: how far it came, and the first difference it found."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, BigId, BigPk


class IntegrityRun(Base):
    """Goes on where it stood, whoever works on it next: the place is written after each stretch."""

    __tablename__ = "integrity_runs"

    id: Mapped[BigPk]
    state: Mapped[str] = mapped_column(String(10))
    """running, fine, differs."""
    by_hand: Mapped[bool]
    """An administrator asked for it; else it is the night's own."""
    started_at: Mapped[datetime]
    worked_at: Mapped[datetime]
    """When the last stretch ended."""
    finished_at: Mapped[datetime | None]
    place_kind: Mapped[str] = mapped_column(String(12))
    place_id: Mapped[int] = mapped_column(BigId)
    events: Mapped[int] = mapped_column(default=0)
    issues: Mapped[int] = mapped_column(default=0)
    projects: Mapped[int] = mapped_column(default=0)
    people: Mapped[int] = mapped_column(default=0)
    total: Mapped[int]
    """How many subjects there were when it began."""
    subject: Mapped[str | None] = mapped_column(String(80))
    """What does not fit: `KEY-12, event 3`, `checkpoint 4`."""
    field: Mapped[str | None] = mapped_column(String(40))
    event_says: Mapped[str | None]
    row_says: Mapped[str | None]
    reason: Mapped[str | None]
    link: Mapped[str | None] = mapped_column(String(200))

    @property
    def checked(self) -> int:
        return self.issues + self.projects + self.people
