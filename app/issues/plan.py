"""The place of an issue among others, as lists and programs name it, and finding a parent by its key."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.orm.attributes import set_committed_value

from app.db import db, rows
from app.errors import Invalid
from app.issues.issue import Issue
from app.issues.milestone import Milestone
from app.projects.project import Project


@dataclass(frozen=True, slots=True)
class Plan:
    """The place of an issue among others: the name of its milestone, the key of its parent."""

    milestone: str | None = None
    parent: str | None = None


def plans_of(issue_ids: Sequence[int]) -> dict[int, Plan]:
    """Issue id -> its milestone and its parent, for those that have one."""
    found = rows(_PLANS, ids=list(issue_ids)) if issue_ids else ()
    return {
        row.id: Plan(row.name, f"{row.key}-{row.number}" if row.number is not None else None) for row in found
    }


_PARENT = aliased(Issue)
_PLANS = (
    select(Issue.id, Milestone.name, Project.key, _PARENT.number)
    .join(Project, Project.id == Issue.project_id)
    .outerjoin(Milestone, Milestone.id == Issue.milestone_id)
    .outerjoin(_PARENT, and_(_PARENT.id == Issue.parent_id, _PARENT.deleted_at.is_(None)))
    .where(
        Issue.id.in_(bindparam("ids", expanding=True)),
        or_(Issue.milestone_id.is_not(None), Issue.parent_id.is_not(None)),
    )
)


def parent_named(project: Project, key: str) -> Issue | None:
    """The issue of the project with this key or number; None for no key. Raises Invalid where there is none."""
    wanted = key.strip().lstrip("#")
    if not wanted:
        return None
    place, dash, number = wanted.upper().rpartition("-")
    issue = None
    fits = place == (project.key.upper() if dash else "")
    if fits and number.isascii() and number.isdigit() and len(number) < 10:
        query = select(Issue).where(Issue.project_id == project.id, Issue.number == int(number))
        issue = db.session.scalar(query.where(Issue.deleted_at.is_(None)))
    if issue is None:
        raise Invalid(f"There is no issue {key.strip()[:40]} in {project.name}", field="parent")
    set_committed_value(issue, "project", project)
    return issue
