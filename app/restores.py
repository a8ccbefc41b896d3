"""What a restore from a backup leaves behind: a row that says from when the copy is.

Two things hang on it. Cursors given out before are void, because the same place may mean another row now. And what was
due in the copy may have been sent after the copy was made: nobody knows, so it is marked as such when it is sent.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, BigId, BigPk, db


class Restore(Base):
    """One restore."""

    __tablename__ = "restores"

    id: Mapped[BigPk]
    at: Mapped[datetime]
    made_at: Mapped[datetime]
    """When the copy was made."""
    last_event_id: Mapped[int] = mapped_column(BigId)
    """The newest event in the copy."""
    epoch: Mapped[str] = mapped_column(String(32))
    """Drawn by chance: two restores of one copy are two histories."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Which history this database tells."""

    epoch: str = ""
    last_event_id: int = 0


_known: dict[str, Lineage] = {}


def lineage() -> Lineage:
    """That of the last restore. Asked once per process: nobody restores while one runs."""
    url = str(db.engine.url)
    found = _known.get(url)
    if found is None:
        query = select(Restore.epoch, Restore.last_event_id).order_by(Restore.id.desc()).limit(1)
        row = db.session.execute(query).first()
        found = _known[url] = Lineage(*row) if row else Lineage()
    return found


def may_have_been_sent(event_id: int) -> bool:
    """Whether something about this event that the ledger calls unsent may have gone out after the copy was made."""
    return event_id <= lineage().last_event_id


def forget() -> None:
    """Ask the database again: it is another one now."""
    _known.clear()
