"""The issues of a milestone: how far they are, and what becomes of them when it is completed or deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm.attributes import set_committed_value

from app import clock
from app.accounts.viewer import Viewer
from app.context import caused_by
from app.db import db, rows
from app.errors import Conflict, NotFound
from app.events.batch import batch
from app.events.event import Actor
from app.events.planning_actions import MilestoneCompleted, MilestoneDeleted
from app.events.recording import holds, record_event
from app.issues.issue import Issue
from app.issues.milestone import Milestone, project_milestones, set_milestone
from app.issues.sub_issues import is_done
from app.projects.policy import sees
from app.projects.project import Project

TAKEN_OUT_AT_ONCE = 200
"""Each issue gets an event of its own, in the transaction of the deletion: more would keep others waiting."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A milestone with how many issues are in it and how many of them are done."""

    milestone: Milestone
    count: int
    done: int

    def due_words(self, today: date) -> str:
        """Due in 5 days / due today / 3 days overdue: for one that is open and has a day."""
        day = self.milestone.due_on
        if day is None or self.milestone.completed_at is not None:
            return ""
        days = (day - today).days
        number = "a day" if abs(days) == 1 else f"{abs(days):,} days"
        if days == 0:
            return "due today"
        return f"due in {number}" if days > 0 else f"{number} overdue"

    def is_overdue(self, today: date) -> bool:
        """Whether its day has passed and it is still open."""
        day = self.milestone.due_on
        return day is not None and self.milestone.completed_at is None and day < today


def milestones_with_progress(project: Project) -> list[Progress]:
    """Every milestone of the project, in the order of `project_milestones`. Two queries."""
    counts = {row.milestone_id: row for row in rows(_counts(), project_id=project.id)}
    return [_progress(one, counts.get(one.id)) for one in project_milestones(project)]


def progress_of(milestone: Milestone) -> Progress:
    """How far one milestone is."""
    of_one = _counts().where(Issue.milestone_id == milestone.id)
    found = rows(of_one, project_id=milestone.project_id)
    return _progress(milestone, found[0] if found else None)


def milestone_of(project: Project, milestone_id: int) -> Milestone:
    """The project's milestone with this id. Raises NotFound."""
    query = select(Milestone).where(Milestone.id == milestone_id, Milestone.project_id == project.id)
    milestone = db.session.scalar(query.execution_options(populate_existing=True))
    if milestone is None:
        raise NotFound
    return milestone


def project_of_milestone(viewer: Viewer, milestone_id: int) -> Project:
    """The project a milestone belongs to, if the viewer sees it. Raises NotFound."""
    query = select(Project).join(Milestone, Milestone.project_id == Project.id)
    project = db.session.scalar(query.where(Milestone.id == milestone_id, sees(viewer)))
    if project is None:
        raise NotFound
    return project


def complete_milestone(project: Project, milestone: Milestone, *, actor: Actor) -> None:
    """The milestone is reached. What is still open in it stays in it, and the event says how many that are."""
    if milestone.completed_at is not None:
        raise Conflict(f"{milestone.name} is completed already")
    far = progress_of(milestone)
    milestone.completed_at = clock.now()
    action = MilestoneCompleted(milestone=milestone.ref, done=far.done, left_open=far.count - far.done)
    record_event(project, action, actor=actor)


def delete_milestone(project: Project, milestone: Milestone, *, actor: Actor) -> None:
    """Take its issues out, quietly and each with an event, then delete it. Raises Conflict when they are too many."""
    issues = _issues_for_change(project, milestone)
    if len(issues) > TAKEN_OUT_AT_ONCE:
        raise Conflict(
            f"{milestone.name} has more than {TAKEN_OUT_AT_ONCE} issues, too many to take out at once: "
            "complete it instead, or move some of them to another milestone first"
        )
    if any(issue.deleted_at is not None for issue in issues):
        raise Conflict(
            f"Deleted issues are in {milestone.name}, and nothing changes them: restore them first, or complete the "
            "milestone instead"
        )
    if issues:
        with batch(f"Deleted the milestone {milestone.name}"), caused_by(quiet=True):
            for issue in issues:
                set_milestone(issue, None, actor=actor)
    db.session.flush()
    record_event(project, MilestoneDeleted(milestone=milestone.ref, affected=len(issues)), actor=actor)
    db.session.delete(milestone)


def _issues_for_change(project: Project, milestone: Milestone) -> Sequence[Issue]:
    query = select(Issue).where(Issue.milestone_id == milestone.id).order_by(Issue.id).with_for_update()
    query = query.limit(TAKEN_OUT_AT_ONCE + 1).execution_options(populate_existing=True)
    issues = db.session.scalars(query).all()
    for issue in issues:
        holds(issue)
        set_committed_value(issue, "project", project)
    return issues


def _progress(milestone: Milestone, row: Any) -> Progress:
    return Progress(milestone, row.count_of if row else 0, row.done if row else 0)


@cache
def _counts() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Issue.milestone_id, func.count().label("count_of"), func.sum(is_done(Issue.status)).label("done")
        )
        .where(
            Issue.project_id == bindparam("project_id"),
            Issue.milestone_id.is_not(None),
            Issue.deleted_at.is_(None),
        )
        .group_by(Issue.milestone_id)
    )
