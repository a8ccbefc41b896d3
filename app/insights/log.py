"""What charts read of the log: four queries for a project and a span, whatever happened in it.

The moves of the workflow have an index of their own. Whole lives are read only of issues that moved within the span;
what happened before it is counted by the database.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, func, literal_column, or_, select, text

from app.db import UtcDateTime, db
from app.events.actions import ACTIONS
from app.events.event import FLOW, FLOW_ACTIONS, Event
from app.insights.span import Span
from app.issues.issue import OPEN_STATUSES, Issue

EVENTS: Table = Event.__table__  # type: ignore[assignment]
AT_ONCE = 2_000
NOT_ACTIVITY = tuple(
    name for (subject, name), kind in ACTIONS.items() if subject == "issue" and not kind.shown
)
"""What is recorded of issues and shown in no feed, such as views."""


@dataclass(frozen=True, slots=True)
class Move:
    """The issue was opened, or its status changed."""

    at: datetime
    action: str
    status: str


@dataclass(frozen=True, slots=True)
class Life:
    """All moves of one issue up to the end of the span."""

    number: int
    moves: list[Move]


@dataclass(frozen=True, slots=True)
class Answer:
    """When an issue of the span was opened, and when somebody else first said something."""

    number: int
    opened: datetime
    answered: datetime | None


def open_before(project_id: int, moment: datetime) -> int:
    """How many issues were open then: by the last move of each."""
    newest = f"SELECT max(id) AS id FROM events{_HINT.get(db.engine.dialect.name, '')} WHERE {_BEFORE}"  # noqa: S608
    last = text(newest).bindparams(bindparam("moment", type_=UtcDateTime)).columns(EVENTS.c.id).subquery()
    query = select(func.count()).where(
        EVENTS.c.id.in_(select(last.c.id)), _status().in_(OPEN_STATUSES), _there(project_id)
    )
    return db.session.scalar(query, {"project_id": project_id, "moment": moment}) or 0


_HINT = {"sqlite": " INDEXED BY ix_events_flow"}
"""SQLite keeps no statistics, and would read every event of the project."""
_BEFORE = f"project_id = :project_id AND created_at < :moment AND {FLOW} GROUP BY issue_id"


def lives(project_id: int, span: Span) -> Iterator[Life]:
    """The issues that moved within the span, one after the other."""
    within = and_(EVENTS.c.created_at >= span.begin, EVENTS.c.created_at < span.end)
    moved = select(EVENTS.c.issue_id).where(_flow(project_id), within)
    query = (
        select(Issue.number, EVENTS.c.created_at, EVENTS.c.action, _status().label("status"))
        .join(Issue, Issue.id == EVENTS.c.issue_id)
        .where(EVENTS.c.issue_id.in_(moved), _named(FLOW_ACTIONS), EVENTS.c.created_at < span.end)
        .where(Issue.deleted_at.is_(None))
        .order_by(EVENTS.c.issue_id, EVENTS.c.seq)
        .execution_options(yield_per=AT_ONCE)
    )
    with db.session.execute(query) as rows:
        for number, its in groupby(rows, key=lambda row: row.number):
            yield Life(number, [Move(row.created_at, row.action, row.status) for row in its])


def answers(project_id: int, span: Span) -> list[Answer]:
    """The issues opened within the span, each with the first comment of somebody else before its end."""
    opened, said = EVENTS.alias("opened"), EVENTS.alias("said")
    first = (
        select(func.min(said.c.created_at))
        .where(
            said.c.issue_id == opened.c.issue_id,
            said.c.action == "commented",
            said.c.actor_id.is_not(None),
            said.c.actor_id.is_distinct_from(opened.c.actor_id),
            said.c.created_at < span.end,
        )
        .scalar_subquery()
    )
    query = (
        select(Issue.number, opened.c.created_at, first.label("answered"))
        .join(Issue, Issue.id == opened.c.issue_id)
        .where(opened.c.project_id == project_id, opened.c.action == "created", opened.c.subject == "issue")
        .where(opened.c.created_at >= span.begin, opened.c.created_at < span.end)
        .where(Issue.deleted_at.is_(None))
        .order_by(opened.c.created_at, opened.c.id)
    )
    return [Answer(*row) for row in db.session.execute(query)]


def activity(project_id: int, span: Span) -> dict[datetime, int]:
    """How much was done in each hour in which something was."""
    hour: Any
    if db.engine.dialect.name == "sqlite":
        hour = func.strftime("%Y-%m-%d %H", EVENTS.c.created_at)
    else:
        hour = func.to_char(func.timezone("UTC", EVENTS.c.created_at), "YYYY-MM-DD HH24")
    query = (
        select(hour, func.count())
        .where(EVENTS.c.project_id == project_id, EVENTS.c.action.not_in(NOT_ACTIVITY), _there(project_id))
        .where(EVENTS.c.created_at >= span.begin, EVENTS.c.created_at < span.end)
        .group_by(literal_column("1"))
    )
    return {_hour(which): number for which, number in db.session.execute(query)}


def _hour(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H").replace(tzinfo=UTC)


def _there(project_id: int) -> ColumnElement[bool]:
    """Not of a deleted issue. They are few and looked up once, where every event of the project is read."""
    deleted = select(Issue.id).where(Issue.project_id == project_id, Issue.deleted_at.is_not(None))
    return or_(EVENTS.c.issue_id.is_(None), EVENTS.c.issue_id.not_in(deleted))


def _flow(project_id: int) -> ColumnElement[bool]:
    return and_(EVENTS.c.project_id == project_id, _is_flow())


def _is_flow() -> ColumnElement[bool]:
    """Written as the index has it, so that the database knows that it fits."""
    return literal_column(f"({FLOW})")


def _named(actions: Sequence[str]) -> ColumnElement[bool]:
    """The action is one of these; said so that the few issues are looked up, and not every event of the name."""
    return (EVENTS.c.action + "").in_(actions)


def _status() -> ColumnElement[str]:
    """The status the event led to."""
    facts = Event.facts
    return func.coalesce(facts["to"].as_string(), facts["status"].as_string(), "open")
