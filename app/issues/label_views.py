"""The labels of a project, among its settings."""

from flask import Blueprint, Response, url_for
from werkzeug.wrappers import Response as AnyResponse
from wtforms import RadioField, StringField
from wtforms.fields import SelectChoice

from app.accounts.current import viewer
from app.db import begin_write, db
from app.errors import DomainError, Invalid
from app.issues.label import COLORS, NAME_MAX, create_label, project_labels
from app.projects.policy import Right, require
from app.projects.project import Project
from app.projects.queries import project_for_change, visible_project
from app.web.forms import Form
from app.web.redirects import see_other
from app.web.render import render
from app.web.text import clean_line
from app.web.toasts import toast_next_page

blueprint = Blueprint("labels", __name__, url_prefix="/projects/<key>/settings/labels")


class LabelForm(Form):
    """A new label."""

    name = StringField("Name", render_kw={"autocomplete": "off"})
    color = RadioField(
        "Colour", choices=[SelectChoice(hue, hue.capitalize()) for hue in COLORS], default=COLORS[0]
    )


@blueprint.get("")
def index(key: str) -> Response:
    """All labels, and the form for another."""
    project = visible_project(viewer(), key)
    require(viewer(), Right.manage, project)
    return _page(project, LabelForm())


@blueprint.post("")
def create(key: str) -> AnyResponse:
    """Make a label."""
    project, form = visible_project(viewer(), key), LabelForm()
    require(viewer(), Right.manage, project)
    try:
        name = clean_line(form.name.data, field="name", name="The name", most=NAME_MAX)
        begin_write()
        project = project_for_change(viewer(), key, Right.manage)
        create_label(project, name=name, color=form.color.data or "", actor=viewer().actor)
        db.session.commit()
    except Invalid as error:
        db.session.rollback()
        return _page(visible_project(viewer(), key), form, error)
    toast_next_page(f"Label {name} made")
    return see_other(url_for("labels.index", key=project.key))


def _page(project: Project, form: LabelForm, error: DomainError | None = None) -> Response:
    if error:
        form.refuse(error)
    return render(
        "projects/labels.html",
        status=error.status if error else 200,
        place=project,
        project=project,
        form=form,
        labels=project_labels(project),
        section="labels",
    )
