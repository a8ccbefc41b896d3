"""The table of counters."""

from datetime import date

from sqlalchemy import Date, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, BigId


class DailyCount(Base):
    """How often somebody did something in a project on a day in UTC.

    The key must have no nulls on either database, so 0 stands for "in no project" and for "by no person"; ids only,
    which mean nothing any more once their person is erased.
    """

    __tablename__ = "daily_counts"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    project_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    subject: Mapped[str] = mapped_column(String(10), primary_key=True)
    action: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    number: Mapped[int]

    __table_args__ = (Index("ix_daily_counts_project", "project_id", "day"),)
