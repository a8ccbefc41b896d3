"""Milestones of a project: read by everybody who sees it, made and changed by leads and administrators."""

from datetime import date
from typing import Any

from flask import Response, current_app
from pydantic import Field

from app.api.blueprint import blueprint, tag
from app.api.entry import viewer
from app.api.idempotency import answer, begin, done
from app.api.parameters import BIGGEST_ID, Address, Body, Listing, ProjectAddress, cut
from app.api.shapes import Moment, Page, Shape
from app.issues.milestone import (
    DESCRIPTION_MAX,
    NAME_MAX,
    Milestone,
    create_milestone,
    reopen_milestone,
    update_milestone,
)
from app.issues.milestone_issues import (
    Progress,
    complete_milestone,
    delete_milestone,
    milestone_of,
    milestones_with_progress,
    progress_of,
    project_of_milestone,
)
from app.projects.policy import Right, require
from app.projects.project import Project
from app.projects.queries import project_for_change, visible_project
from app.web.text import clean_day, clean_line, clean_text

TAGS = tag("Milestones", "Goals that issues are put into, with a day if there is one.")
DAY = "A day like 2026-12-24."


class MilestoneAddress(Address):
    """A milestone."""

    milestone_id: int = Field(ge=1, le=BIGGEST_ID)


class NewMilestone(Body):
    """A milestone to be."""

    name: str = Field(max_length=400)
    description: str = Field(default="", max_length=8_000)
    due_on: str | None = Field(default=None, max_length=40, description=DAY)


class MilestoneChange(Body):
    """What is to be otherwise; what is left out stays."""

    name: str | None = Field(default=None, max_length=400)
    description: str | None = Field(default=None, max_length=8_000)
    due_on: str | None = Field(default=None, max_length=40, description=DAY + " null: none any more.")
    completed: bool | None = Field(default=None, description="Call it reached, or take it up again.")


class MilestoneShape(Shape):
    """A milestone with how far it is."""

    id: int
    project: str
    name: str
    description: str
    due_on: str | None = Field(description="A day like 2026-12-24.")
    issues: int
    done: int = Field(description="How many of them are resolved or closed.")
    created_at: Moment
    completed_at: Moment | None
    url: str


class Milestones(Page):
    """A page of milestones."""

    items: list[MilestoneShape]


@blueprint.get("/projects/<key>/milestones", tags=TAGS, summary="Its milestones", responses={200: Milestones})
def milestones(path: ProjectAddress, query: Listing) -> Response:
    """Open ones first, the next day before the others."""
    project = visible_project(viewer(), path.key)
    page, more = cut(milestones_with_progress(project), query, by=lambda far: str(far.milestone.id))
    return answer(Milestones(items=[_shape(far, project) for far in page], next_cursor=more))


@blueprint.post(
    "/projects/<key>/milestones", tags=TAGS, summary="Make a milestone", responses={201: MilestoneShape}
)
def create_a_milestone(path: ProjectAddress, body: NewMilestone) -> Response:
    """For leads and administrators."""
    require(viewer(), Right.manage, visible_project(viewer(), path.key))
    said = _cleaned(body.name, body.description, body.due_on)
    begin()
    project = project_for_change(viewer(), path.key, Right.manage)
    milestone = create_milestone(project, **said, actor=viewer().actor)
    return done(201, _shape(progress_of(milestone), project))


@blueprint.get(
    "/milestones/<int:milestone_id>", tags=TAGS, summary="A milestone", responses={200: MilestoneShape}
)
def one_milestone(path: MilestoneAddress) -> Response:
    """The milestone with this id."""
    project = project_of_milestone(viewer(), path.milestone_id)
    return answer(_shape(progress_of(milestone_of(project, path.milestone_id)), project))


@blueprint.patch(
    "/milestones/<int:milestone_id>", tags=TAGS, summary="Change a milestone", responses={200: MilestoneShape}
)
def change_a_milestone(path: MilestoneAddress, body: MilestoneChange) -> Response:
    """For leads and administrators. Name, description and day are one event; completing it is another."""
    project, milestone = _readable(path)
    said = _cleaned(
        milestone.name if body.name is None else body.name,
        milestone.description if body.description is None else body.description,
        body.due_on,
    )
    begin()
    project, milestone = _for_change(project, path)
    if "due_on" not in body.model_fields_set:
        said["due_on"] = milestone.due_on
    actor = viewer().actor
    update_milestone(project, milestone, **said, actor=actor)
    if body.completed is not None and body.completed != (milestone.completed_at is not None):
        (complete_milestone if body.completed else reopen_milestone)(project, milestone, actor=actor)
    return done(200, _shape(progress_of(milestone), project))


@blueprint.delete(
    "/milestones/<int:milestone_id>", tags=TAGS, summary="Delete a milestone", responses={204: None}
)
def delete_a_milestone(path: MilestoneAddress) -> Response:
    """For leads and administrators. Its issues are in none afterwards; 409 when they are too many for one act."""
    project, _ = _readable(path)
    begin()
    project, milestone = _for_change(project, path)
    delete_milestone(project, milestone, actor=viewer().actor)
    return done(204)


def _readable(path: MilestoneAddress) -> tuple[Project, Milestone]:
    project = project_of_milestone(viewer(), path.milestone_id)
    require(viewer(), Right.manage, project)
    return project, milestone_of(project, path.milestone_id)


def _for_change(project: Project, path: MilestoneAddress) -> tuple[Project, Milestone]:
    project = project_for_change(viewer(), project.key, Right.manage)
    return project, milestone_of(project, path.milestone_id)


def _cleaned(name: str, description: str, due_on: str | None) -> dict[str, Any]:
    return {
        "name": clean_line(name, field="name", name="The name", most=NAME_MAX),
        "description": clean_text(
            description, field="description", name="The description", most=DESCRIPTION_MAX
        ),
        "due_on": clean_day(due_on, field="due_on"),
    }


def _shape(far: Progress, project: Project) -> MilestoneShape:
    milestone = far.milestone
    due: date | None = milestone.due_on
    base = current_app.extensions["settings"].base_url
    return MilestoneShape(
        id=milestone.id,
        project=project.key,
        name=milestone.name,
        description=milestone.description,
        due_on=due.isoformat() if due else None,
        issues=far.count,
        done=far.done,
        created_at=milestone.created_at,
        completed_at=milestone.completed_at,
        url=f"{base}/projects/{project.key}/settings/milestones",
    )
