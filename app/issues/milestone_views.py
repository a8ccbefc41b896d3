"""The milestones of a project, among its settings."""

from collections.abc import Callable
from datetime import date

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse
from wtforms import StringField, TextAreaField

from app import clock
from app.accounts.current import viewer
from app.db import begin_write, db
from app.errors import Conflict, DomainError, Invalid
from app.issues.milestone import (
    DESCRIPTION_MAX,
    NAME_MAX,
    Milestone,
    create_milestone,
    reopen_milestone,
    update_milestone,
)
from app.issues.milestone_issues import (
    complete_milestone,
    delete_milestone,
    milestone_of,
    milestones_with_progress,
    progress_of,
)
from app.projects.policy import Right, require
from app.projects.project import Project
from app.projects.queries import project_for_change, visible_project
from app.web.forms import Form
from app.web.reader import zone
from app.web.redirects import see_other
from app.web.render import render
from app.web.text import clean_day, clean_line, clean_text
from app.web.toasts import toast_next_page

blueprint = Blueprint("milestones", __name__, url_prefix="/projects/<key>/settings/milestones")


class MilestoneForm(Form):
    """A milestone, new or changed."""

    name = StringField("Name", render_kw={"autocomplete": "off", "maxlength": NAME_MAX})
    due_on = StringField("Due on", render_kw={"type": "date"})
    description = TextAreaField("Description", render_kw={"rows": 3})

    def cleaned(self) -> tuple[str, str, date | None]:
        """Name, description and day. Raises Invalid."""
        return clean_milestone(self.name.data, self.description.data, self.due_on.data)


def clean_milestone(name: object, description: object, due_on: object) -> tuple[str, str, date | None]:
    """What was sent, as it is kept. Raises Invalid at the field."""
    return (
        clean_line(name, field="name", name="The name", most=NAME_MAX),
        clean_text(description, field="description", name="The description", most=DESCRIPTION_MAX),
        clean_day(due_on, field="due_on"),
    )


@blueprint.get("")
def index(key: str) -> Response:
    """All milestones with how far they are, and the form for another."""
    return _page(_managed(key), MilestoneForm())


@blueprint.post("")
def create(key: str) -> AnyResponse:
    """Make a milestone."""
    _managed(key)
    form = MilestoneForm()
    try:
        name, description, due_on = form.cleaned()
        project = _for_change(key)
        create_milestone(project, name=name, description=description, due_on=due_on, actor=viewer().actor)
        db.session.commit()
    except Invalid as error:
        db.session.rollback()
        return _page(_managed(key), form, error)
    toast_next_page(f"Milestone {name} made")
    return see_other(url_for("milestones.index", key=project.key))


@blueprint.get("/<int:milestone_id>")
def edit(key: str, milestone_id: int) -> Response:
    """The form for name, day and description."""
    project = _managed(key)
    milestone = milestone_of(project, milestone_id)
    return _edit_page(project, milestone, MilestoneForm(obj=milestone))


@blueprint.post("/<int:milestone_id>")
def save(key: str, milestone_id: int) -> AnyResponse:
    """Change what was changed: one event."""
    _managed(key)
    form = MilestoneForm()
    try:
        name, description, due_on = form.cleaned()
        project = _for_change(key)
        milestone = milestone_of(project, milestone_id)
        update_milestone(
            project, milestone, name=name, description=description, due_on=due_on, actor=viewer().actor
        )
        db.session.commit()
    except Invalid as error:
        db.session.rollback()
        project = _managed(key)
        return _edit_page(project, milestone_of(project, milestone_id), form, error)
    toast_next_page("Saved")
    return see_other(url_for("milestones.index", key=project.key))


@blueprint.post("/<int:milestone_id>/complete")
def complete(key: str, milestone_id: int) -> AnyResponse:
    """Call it reached."""
    return _act(key, milestone_id, complete_milestone, "{} is completed")


@blueprint.post("/<int:milestone_id>/reopen")
def reopen(key: str, milestone_id: int) -> AnyResponse:
    """Take it up again."""
    return _act(key, milestone_id, reopen_milestone, "{} is open again")


@blueprint.post("/<int:milestone_id>/delete")
def delete(key: str, milestone_id: int) -> AnyResponse:
    """Delete it; one with issues in it only at the second press."""
    project = _managed(key)
    far = progress_of(milestone_of(project, milestone_id))
    if far.count and "anyway" not in request.form:
        return _page(project, MilestoneForm(formdata=None), deleting=milestone_id, status=409)
    return _act(key, milestone_id, delete_milestone, "{} was deleted")


def _act(key: str, milestone_id: int, verb: Callable[..., None], done: str) -> AnyResponse:
    project = _for_change(key)
    milestone = milestone_of(project, milestone_id)
    name = milestone.name
    try:
        verb(project, milestone, actor=viewer().actor)
        db.session.commit()
    except Conflict as error:
        db.session.rollback()
        return _page(_managed(key), MilestoneForm(formdata=None), error)
    toast_next_page(done.format(name))
    return see_other(url_for("milestones.index", key=project.key))


def _managed(key: str) -> Project:
    project = visible_project(viewer(), key)
    require(viewer(), Right.manage, project)
    return project


def _for_change(key: str) -> Project:
    begin_write()
    return project_for_change(viewer(), key, Right.manage)


def _page(
    project: Project,
    form: MilestoneForm,
    error: DomainError | None = None,
    *,
    deleting: int | None = None,
    status: int = 200,
) -> Response:
    if error:
        form.refuse(error)
    milestones = milestones_with_progress(project)
    return render(
        "projects/milestones.html",
        status=error.status if error else status,
        place=project,
        project=project,
        form=form,
        milestones=milestones,
        deleting=next((far for far in milestones if far.milestone.id == deleting), None),
        today=clock.now().astimezone(zone()).date(),
        section="milestones",
    )


def _edit_page(
    project: Project, milestone: Milestone, form: MilestoneForm, error: DomainError | None = None
) -> Response:
    if error:
        form.refuse(error)
    return render(
        "projects/milestone.html",
        status=error.status if error else 200,
        place=project,
        project=project,
        form=form,
        milestone=milestone,
        section="milestones",
    )
