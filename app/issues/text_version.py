"""Earlier versions of what people wrote."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.db import Base, BigId, db


class TextVersion(Base):
    """A description or comment as it was before it was rewritten or taken back."""

    __tablename__ = "text_versions"

    kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    subject_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    replaced_at: Mapped[datetime]


def keep_version(kind: str, subject_id: int, version: int, text: str) -> None:
    """Put a text aside before it is replaced. `kind` is comment or description."""
    db.session.add(
        TextVersion(kind=kind, subject_id=subject_id, version=version, text=text, replaced_at=clock.now())
    )
