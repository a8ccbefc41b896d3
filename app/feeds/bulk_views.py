"""Bulk acts on the list of issues: what it would do first, then the act, then the way back.

The first press changes nothing: it answers what would happen, with a button that says it. That button carries the id
of the act, so that a second press of it finds the act done.
"""

from typing import Any
from uuid import UUID

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from app.accounts.current import signed_in, viewer
from app.db import begin_write, db
from app.errors import Invalid
from app.events.batch import new_batch_id
from app.feeds.blast_radius import rehearse, sentence
from app.issues.bulk import Outcome, Wish, change_all
from app.issues.bulk_undo import take_back
from app.issues.queries import labels_by_name, people_by_username
from app.issues.workflow import TARGETS, WORDS
from app.projects.policy import Right, require
from app.projects.project import Project
from app.projects.queries import visible_project
from app.web.filters import plural
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page

blueprint = Blueprint("bulk", __name__, url_prefix="/projects/<key>/issues/bulk")
FIELDS = ("step", "priority", "add_label", "remove_label", "assign", "unassign", "quiet")
"""What the form of the list sends besides the issues; the page that asks sends the same again."""


@blueprint.post("")
@signed_in
def change(key: str) -> Response:
    """Say what would happen; with `act`, the id that page gave out, do it."""
    project = visible_project(viewer(), key)
    require(viewer(), Right.triage, project)
    try:
        wish = _wish(project)
        if "act" in request.form:
            return _do(project, wish)
        radius = rehearse(viewer(), project, request.form.getlist("issue"), wish)
    except Invalid as error:
        db.session.rollback()
        return _page("issues/bulk.html", key, status=error.status, error=error.message, radius=None)
    return _page(
        "issues/bulk.html",
        key,
        radius=radius,
        error=None,
        said=sentence(radius),
        wish=_said(wish),
        act=new_batch_id(),
    )


@blueprint.post("/<batch_id>/undo")
@signed_in
def undo(key: str, batch_id: str) -> Response:
    """Take the act back where nobody changed the issue since."""
    project = visible_project(viewer(), key)
    begin_write()
    db.session.refresh(project)
    require(viewer(), Right.triage, project)
    done = take_back(project, batch_id, actor=viewer().actor)
    db.session.commit()
    said = f"{plural(len(done.changed), 'issue')} changed back"
    if done.left:
        return _page("issues/bulk_done.html", key, said=said, done=done, undo=None)
    toast_next_page(said)
    return see_other(_list(project))


def _do(project: Project, wish: Wish) -> Response:
    batch_id = _act_id(request.form["act"])
    begin_write()
    db.session.refresh(project)
    require(viewer(), Right.triage, project)
    done = change_all(project, request.form.getlist("issue"), wish, actor=viewer().actor, batch_id=batch_id)
    db.session.commit()
    said = _done_words(done)
    if done.left:
        return _page("issues/bulk_done.html", project.key, said=said, done=done, undo=done.batch_id)
    path = url_for("bulk.undo", key=project.key, batch_id=done.batch_id) if done.batch_id else None
    toast_next_page(said, undo_path=path)
    return see_other(_list(project))


def _done_words(done: Outcome) -> str:
    if done.repeated:
        return "This was done already. Nothing changed now"
    if not done.changed:
        return "Nothing changed"
    same = f". {plural(len(done.same), 'other')} {'was' if len(done.same) == 1 else 'were'} so already"
    return f"{plural(len(done.changed), 'issue')} changed{same if done.same else ''}"


def _wish(project: Project) -> Wish:
    """What the form asks for. Raises Invalid naming what there is not."""
    form = request.form
    return Wish(
        step=form.get("step") or None,
        priority=form.get("priority") or None,
        add_labels=labels_by_name(project, _sent("add_label")),
        remove_labels=labels_by_name(project, _sent("remove_label")),
        assign=people_by_username(project, _sent("assign")),
        unassign=people_by_username(project, _sent("unassign")),
    )


def _sent(field: str) -> list[str]:
    return [value.strip() for value in request.form.getlist(field) if value.strip()]


def _said(wish: Wish) -> list[str]:
    """What is to be, a line each."""
    return [
        *([f"Status: {WORDS[TARGETS[wish.step]]}"] if wish.step else []),
        *([f"Priority: {wish.priority}"] if wish.priority else []),
        *(f"Add label {one.name}" for one in wish.add_labels),
        *(f"Remove label {one.name}" for one in wish.remove_labels),
        *(f"Assign {one.name}" for one in wish.assign),
        *(f"Unassign {one.name}" for one in wish.unassign),
    ]


def _act_id(sent: str) -> str:
    try:
        return str(UUID(sent))
    except ValueError:
        raise Invalid("This is not the button of that page: choose the issues again", field="act") from None


def _list(project: Project) -> str:
    return url_for("lists.of_project", key=project.key, q=request.form.get("q") or None)


def _page(template: str, key: str, *, status: int = 200, **context: Any) -> Response:
    project = visible_project(viewer(), key)
    return render(
        template,
        status=status,
        place=project,
        project=project,
        back=_list(project),
        sent=[(name, value) for name in FIELDS for value in request.form.getlist(name) if value],
        line=request.form.get("q", ""),
        **context,
    )
