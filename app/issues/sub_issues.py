"""Sub-issues: an issue below another of its project, up to LEVELS deep and never in a circle.

Who changes a parent holds the project's row first, then the issues by their ids: so two changes that would close a
circle together come one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, Table, bindparam, case, func, literal, select
from sqlalchemy.orm.attributes import set_committed_value

from app import clock
from app.db import Base, db, rows
from app.errors import Invalid
from app.events.event import Actor
from app.events.planning_actions import ChildAdded, ChildRemoved, ParentChanged
from app.events.recording import lock, record_event
from app.projects.project import Project

if TYPE_CHECKING:
    from app.issues.issue import Issue

LEVELS = 5
"""An issue, its sub-issues, theirs, and so on: so many."""
SHOWN = 50
"""How many sub-issues the page of their parent shows; the list has all of them."""


def set_parent(issue: "Issue", parent: "Issue | None", *, actor: Actor) -> None:
    """Make the issue a sub-issue of another, or with None an issue of its own; the same parent changes nothing.

    The parents get a line, too. Raises Invalid where that cannot be.
    """
    lock_tree(issue.project)
    for one in sorted(filter(None, (issue, parent)), key=lambda each: each.id):
        lock(one)
    if (parent.id if parent else None) == issue.parent_id:
        return
    if parent is not None:
        _must_fit(issue, parent)
    before = db.session.get(type(issue), issue.parent_id) if issue.parent_id is not None else None
    if before is not None:
        set_committed_value(before, "project", issue.project)
    issue.parent_id = parent.id if parent else None
    issue.updated_at = clock.now()
    action = ParentChanged(from_=before.ref if before else None, to=parent.ref if parent else None)
    record_event(issue, action, actor=actor)
    if before is not None and before.deleted_at is None:
        record_event(before, ChildRemoved(child=issue.ref), actor=actor)
    tell_parent(parent, issue, actor=actor)


def tell_parent(parent: "Issue | None", issue: "Issue", *, actor: Actor) -> None:
    """The line on the parent's own page. What has no parent tells nobody."""
    if parent is not None:
        lock(parent)
        parent.updated_at = clock.now()
        record_event(parent, ChildAdded(child=issue.ref), actor=actor)


def lock_tree(project: Project) -> None:
    """Nobody else changes a parent or opens an issue in the project until the transaction ends.

    The lock a new number takes, too. On SQLite the write transaction itself is the lock.
    """
    db.session.execute(select(Project.id).where(Project.id == project.id).with_for_update(key_share=True))


def must_have_room(project: Project, parent: "Issue | None") -> None:
    """Raises Invalid where no issue of this project can be put under `parent`."""
    if parent is None:
        return
    if parent.project_id != project.id:
        raise Invalid(f"{parent.key} is in another project: a parent is of the same one", field="parent")
    if level_of(parent) >= LEVELS:
        raise Invalid(f"{parent.key} is {LEVELS} levels deep already, which is the most", field="parent")


def level_of(issue: "Issue") -> int:
    """1 for an issue without a parent, 2 for its sub-issues …"""
    return len(_above(issue))


def _must_fit(issue: "Issue", parent: "Issue") -> None:
    if parent.id == issue.id:
        raise Invalid("An issue cannot be its own parent", field="parent")
    must_have_room(issue.project, parent)
    above = _above(parent)
    if issue.id in above:
        raise Invalid(f"{parent.key} is below {issue.key}: it cannot be above it, too", field="parent")
    if len(above) + _height(issue) > LEVELS:
        raise Invalid(
            f"Under {parent.key} the sub-issues of {issue.key} would be more than {LEVELS} levels deep",
            field="parent",
        )


def _above(issue: "Issue") -> list[int]:
    """The issue and those above it, by id, nearest first."""
    table = _table()
    up = select(table.c.id, table.c.parent_id, literal(1).label("level")).where(table.c.id == issue.id)
    found = up.cte("above", recursive=True)
    found = found.union_all(
        select(table.c.id, table.c.parent_id, found.c.level + 1)
        .join(found, table.c.id == found.c.parent_id)
        .where(found.c.level <= LEVELS)
    )
    return [row.id for row in db.session.execute(select(found.c.id).order_by(found.c.level))]


def _height(issue: "Issue") -> int:
    """How many levels the issue and what is below it have."""
    table = _table()
    down = select(table.c.id, literal(1).label("level")).where(table.c.id == issue.id)
    found = down.cte("below", recursive=True)
    found = found.union_all(
        select(table.c.id, found.c.level + 1)
        .join(found, table.c.parent_id == found.c.id)
        .where(found.c.level <= LEVELS)
    )
    return db.session.scalar(select(func.max(found.c.level))) or 1


def _table() -> Table:
    return Base.metadata.tables["issues"]


def is_done(status: Any) -> ColumnElement[int]:
    """1 for what is resolved or closed, so that it can be summed up."""
    return case((status.in_(("resolved", "closed")), 1), else_=0)


@dataclass(frozen=True, slots=True)
class SubIssue:
    """A sub-issue as the page of its parent shows it."""

    key: str
    title: str
    status: str
    priority: str


@dataclass(frozen=True, slots=True)
class SubIssues:
    """The sub-issues of an issue: the first SHOWN, how many there are, and how many of them are done."""

    shown: Sequence[SubIssue]
    count: int
    done: int


def sub_issues_of(issue: "Issue") -> SubIssues:
    """In the order of their numbers. One query."""
    found = rows(_sub_issues(), issue_id=issue.id)
    shown = [
        SubIssue(f"{issue.project.key}-{row.number}", row.title, row.status, row.priority) for row in found
    ]
    return SubIssues(shown, found[0].of if found else 0, found[0].done if found else 0)


@cache
def _sub_issues() -> Select[*tuple[Any, ...]]:
    """Built when it is first asked for: the table of issues is made after this file."""
    table = _table()
    columns = [table.c[name] for name in ("number", "title", "status", "priority")]
    sums = (func.count().over().label("of"), func.sum(is_done(table.c.status)).over().label("done"))
    query = select(*columns, *sums)
    query = query.where(table.c.parent_id == bindparam("issue_id"), table.c.deleted_at.is_(None))
    return query.order_by(table.c.number).limit(SHOWN)
