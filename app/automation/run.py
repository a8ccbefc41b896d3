"""The record of every time a rule fitted: what it did, step by step, or why it was held back."""

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, BigId, BigPk, Json

Outcome = Literal["applied", "unchanged", "refused", "stopped", "failed"]
How = Literal["event", "schedule"]


class RuleRun(Base):
    """One rule on one event. The unique row is what makes it act once, however often the event comes by."""

    __tablename__ = "rule_runs"

    id: Mapped[BigPk]
    rule_id: Mapped[int] = mapped_column(BigId, ForeignKey("rules.id"))
    version: Mapped[int]
    event_id: Mapped[int] = mapped_column(BigId, ForeignKey("events.id"))
    """What set it off; for a rule that time sets off, the last thing that happened before the quiet."""
    how: Mapped[str] = mapped_column(String(8))
    issue_id: Mapped[int] = mapped_column(BigId, ForeignKey("issues.id"), index=True)
    root_id: Mapped[int] = mapped_column(BigId, ForeignKey("events.id"))
    depth: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(String(300))
    steps: Mapped[list[Any]] = mapped_column(Json)
    """[{"step": in words, "result": in words, "ok": whether it had an effect}]"""
    ms: Mapped[int]
    at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("rule_id", "event_id", "how"),
        Index("ix_rule_runs_rule", "rule_id", "at"),
        Index("ix_rule_runs_root", "root_id", "id"),
    )
