"""Milestones of a project, and putting an issue into one."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, Select, String, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.db import Base, BigId, BigPk, db
from app.errors import Conflict, Invalid
from app.events.action import MilestoneRef
from app.events.event import Actor
from app.events.planning_actions import (
    MilestoneChanged,
    MilestoneCreated,
    MilestoneFacts,
    MilestoneReopened,
    MilestoneUpdated,
)
from app.events.recording import lock, record_event
from app.issues.written import excerpt
from app.projects.project import Project

if TYPE_CHECKING:
    from app.issues.issue import Issue

NAME_MAX = 80
DESCRIPTION_MAX = 2_000


class Milestone(Base):
    """A goal of the project that issues are put into, perhaps with a day."""

    __tablename__ = "milestones"

    id: Mapped[BigPk]
    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(NAME_MAX))
    description: Mapped[str] = mapped_column(default="")
    due_on: Mapped[date | None]
    created_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]

    __table_args__ = (Index("uq_milestones_name", "project_id", func.lower(name), unique=True),)

    @property
    def ref(self) -> MilestoneRef:
        """The milestone as an event names it."""
        return MilestoneRef(id=self.id, name=self.name)


def create_milestone(
    project: Project, *, name: str, description: str = "", due_on: date | None = None, actor: Actor
) -> Milestone:
    """A new milestone of the project. Raises Invalid when the name is taken."""
    _must_be_free(project, name)
    milestone = Milestone(
        project_id=project.id, name=name, description=description, due_on=due_on, created_at=clock.now()
    )
    db.session.add(milestone)
    db.session.flush()
    action = MilestoneCreated(milestone=milestone.ref, due_on=due_on, excerpt=excerpt(description) or None)
    record_event(project, action, actor=actor)
    return milestone


def update_milestone(
    project: Project, milestone: Milestone, *, name: str, description: str, due_on: date | None, actor: Actor
) -> None:
    """Make name, description and day these; one event says all that is different, and none that nothing is."""
    if name.lower() != milestone.name.lower():
        _must_be_free(project, name)
    before = {
        "name": milestone.name,
        "due_on": milestone.due_on,
        "excerpt": milestone.description,
    }
    after = {"name": name, "due_on": due_on, "excerpt": description}
    different = {field for field, value in after.items() if value != before[field]}
    if different:
        milestone.name, milestone.description, milestone.due_on = name, description, due_on
        from_, to = (_facts(one, different) for one in (before, after))
        record_event(project, MilestoneUpdated(milestone=milestone.ref, from_=from_, to=to), actor=actor)


def reopen_milestone(project: Project, milestone: Milestone, *, actor: Actor) -> None:
    """Take a completed milestone up again."""
    if milestone.completed_at is None:
        raise Conflict(f"{milestone.name} is open already")
    milestone.completed_at = None
    record_event(project, MilestoneReopened(milestone=milestone.ref), actor=actor)


def set_milestone(issue: "Issue", milestone: Milestone | None, *, actor: Actor) -> None:
    """Put the issue into a milestone, or with None into none; the same one changes nothing."""
    must_be_of(issue.project, milestone)
    lock(issue)
    if (milestone.id if milestone else None) == issue.milestone_id:
        return
    before = db.session.get(Milestone, issue.milestone_id) if issue.milestone_id is not None else None
    issue.milestone_id = milestone.id if milestone else None
    issue.updated_at = clock.now()
    action = MilestoneChanged(from_=before.ref if before else None, to=milestone.ref if milestone else None)
    record_event(issue, action, actor=actor)


def must_be_of(project: Project, milestone: Milestone | None) -> None:
    """Raises Invalid for a milestone of another project."""
    if milestone is not None and milestone.project_id != project.id:
        raise Invalid("A milestone must belong to the issue's project", field="milestone")


def project_milestones(project: Project) -> Sequence[Milestone]:
    """The project's milestones: open ones before completed ones, the next day first, those without a day last."""
    query = select(Milestone).where(Milestone.project_id == project.id)
    order = (Milestone.completed_at.is_not(None), Milestone.due_on.is_(None), Milestone.due_on)
    return db.session.scalars(query.order_by(*order, func.lower(Milestone.name))).all()


def milestone_named(project: Project, name: str) -> Milestone | None:
    """The milestone with this name, whatever its case; None for no name. Raises Invalid when there is none.

    Held until the transaction ends, so that nobody deletes it before an issue is put into it.
    """
    if not name:
        return None
    found = db.session.scalar(_named(project, name).with_for_update(read=True, key_share=True))
    if found is None:
        raise Invalid(f"There is no milestone {name[:NAME_MAX]} in {project.name}", field="milestone")
    return found


def _named(project: Project, name: str) -> Select[Milestone]:
    return select(Milestone).where(
        Milestone.project_id == project.id, func.lower(Milestone.name) == name.lower()
    )


def _must_be_free(project: Project, name: str) -> None:
    if not name or len(name) > NAME_MAX:
        raise Invalid(f"A milestone has a name of 1 to {NAME_MAX} characters", field="name")
    if db.session.scalar(_named(project, name)) is not None:
        raise Invalid(f"There is already a milestone {name}", field="name")


def _facts(said: dict[str, str | date | None], different: set[str]) -> MilestoneFacts:
    told = {field: value for field, value in said.items() if field in different}
    if "excerpt" in told:
        told["excerpt"] = excerpt(str(told["excerpt"])) or None
    return MilestoneFacts.model_validate(told)
