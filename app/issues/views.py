"""The verbs of an issue, each a resource: a GET changes nothing, a POST ends with one commit.

Answers: to a form without JavaScript 303 to where the act can be seen; to htmx 204 and the page fetches what is new.
"""

from collections.abc import Callable

from flask import Blueprint, request
from werkzeug.wrappers import Response

from app.accounts.current import signed_in, user, viewer
from app.db import begin_write, db
from app.errors import DomainError, Forbidden, Invalid, NotFound
from app.issues.assignment import assign, set_assignees, unassign
from app.issues.editing import prioritise, redescribe, retitle
from app.issues.forms import IssueForm
from app.issues.issue import TITLE_MAX, Issue
from app.issues.label import add_labels, find_labels, project_labels, remove_labels, set_labels
from app.issues.milestone import milestone_named, project_milestones, set_milestone
from app.issues.plan import Plan, plans_of
from app.issues.queries import (
    assignees_of,
    issue_and_parent,
    issue_for_change,
    labels_of,
    people_by_username,
    people_with,
)
from app.issues.rendering import write_text
from app.issues.sub_issues import set_parent
from app.issues.subscription import unwatch, watch
from app.issues.verbs import about, allowed, seen, sent_version
from app.issues.visit import note_visit
from app.issues.workflow import REASON_MAX, allowed_steps, change_status
from app.notifications.notification import mark_read
from app.projects.policy import Right, may
from app.projects.queries import people_who_see
from app.web.render import render, wants_fragment
from app.web.text import clean_line

bp = Blueprint("issues", __name__, url_prefix="/issues")


@bp.post("/<key>/status")
@signed_in
def status(key: str) -> Response:
    """Take a step of the workflow."""
    try:
        sent = request.form.get("reason", "")
        reason = clean_line(sent, field="reason", name="The reason", most=REASON_MAX, least=0)
        begin_write()
        issue = issue_for_change(viewer(), key, Right.triage)
        change_status(issue, request.form.get("step", ""), actor=viewer().actor, reason=reason or None)
        db.session.commit()
    except (Forbidden, NotFound):
        raise
    except DomainError as error:
        if wants_fragment():
            raise
        return _moves_again(key, error)
    return seen(issue, issue.event_seq)


@bp.route("/<key>/assignees", methods=["POST", "PUT", "DELETE"])
@signed_in
def assignees(key: str) -> Response:
    """Give the issue to people (`add`) or take it from them (`remove`)."""

    def change(issue: Issue, add: list[str], remove: list[str]) -> None:
        assign(issue, people_by_username(issue.project, _names(add)), actor=viewer().actor)
        gone = {name.lower() for name in _names(remove)}
        have = people_with(issue)
        unassign(issue, [person for person in have if person.username.lower() in gone], actor=viewer().actor)

    return _change_set(key, Right.triage, change)


@bp.route("/<key>/labels", methods=["POST", "PUT", "DELETE"])
@signed_in
def labels(key: str) -> Response:
    """Put labels on the issue (`add`) or take them off (`remove`)."""

    def change(issue: Issue, add: list[str], remove: list[str]) -> None:
        found = find_labels(issue.project, add)
        missing = {name.lower() for name in add} - {label.name.lower() for label in found}
        if missing:
            raise Invalid(f"There is no label {min(missing)[:50]} in {issue.project.name}", field="labels")
        add_labels(issue, found, actor=viewer().actor)
        remove_labels(issue, find_labels(issue.project, remove), actor=viewer().actor)

    return _change_set(key, Right.triage, change)


@bp.route("/<key>/subscription", methods=["POST", "PUT", "DELETE"])
@signed_in
def subscription(key: str) -> Response:
    """Watch the issue (`add`), or stop watching it (`remove`)."""
    stop = request.method == "DELETE" or "remove" in request.form
    begin_write()
    issue = issue_for_change(viewer(), key, Right.see)
    (unwatch if stop else watch)(issue, user(), actor=viewer().actor)
    db.session.commit()
    return seen(issue, None)


@bp.post("/<key>/priority")
@signed_in
def priority(key: str) -> Response:
    """Raise or lower the priority."""
    begin_write()
    issue = issue_for_change(viewer(), key, Right.triage)
    prioritise(issue, request.form.get("priority", ""), actor=viewer().actor)
    db.session.commit()
    return seen(issue, issue.event_seq)


@bp.get("/<key>/properties")
@signed_in
def properties(key: str) -> Response:
    """The form for people, labels, priority, milestone and parent."""
    return _properties(allowed(key, Right.triage))


@bp.post("/<key>/properties")
@signed_in
def save_properties(key: str) -> Response:
    """Make all of them what the form says; each that changed is one event."""
    issue = allowed(key, Right.triage)
    try:
        begin_write()
        issue, parent = _with_parent(issue)
        chosen = [
            label for label in project_labels(issue.project) if label.name in request.form.getlist("labels")
        ]
        set_labels(issue, chosen, actor=viewer().actor)
        people = people_by_username(issue.project, _names(request.form.getlist("assignees")))
        set_assignees(issue, people, actor=viewer().actor)
        prioritise(issue, request.form.get("priority", issue.priority), actor=viewer().actor)
        if "milestone" in request.form:
            milestone = milestone_named(issue.project, request.form["milestone"].strip())
            set_milestone(issue, milestone, actor=viewer().actor)
        if "parent" in request.form:
            set_parent(issue, parent, actor=viewer().actor)
        db.session.commit()
    except Invalid as error:
        db.session.rollback()
        return _properties(allowed(key, Right.triage), error)
    return seen(issue, issue.event_seq)


@bp.get("/<key>/edit")
@signed_in
def edit(key: str) -> Response:
    """The form for title and description."""
    issue = allowed(key, Right.report)
    _require_may_edit(issue)
    return _edit_form(issue, IssueForm(obj=issue))


@bp.post("/<key>/edit")
@signed_in
def save_edit(key: str) -> Response:
    """Change title and description; refused when somebody rewrote the description meanwhile."""
    issue = allowed(key, Right.report)
    _require_may_edit(issue)
    form = IssueForm()
    try:
        cleaned = clean_line(form.title.data, field="title", name="The title", most=TITLE_MAX)
        written = write_text(form.description.data, issue.project, field="description", required=False)
        version = sent_version(issue.description_version)
        begin_write()
        issue = issue_for_change(viewer(), key, Right.report)
        retitle(issue, cleaned, actor=viewer().actor)
        redescribe(issue, written, version=version, actor=viewer().actor)
        db.session.commit()
    except (Forbidden, NotFound):
        raise
    except DomainError as error:
        db.session.rollback()
        form.refuse(error)
        return _edit_form(allowed(key, Right.report), form, error.status)
    return seen(issue, None)


@bp.post("/<key>/visits")
@signed_in
def visits(key: str) -> Response:
    """The reader has had the issue in view: what is new from here on counts from now."""
    seq = request.args.get("seq", "")
    if not seq.isascii() or not seq.isdigit() or len(seq) > 9:
        raise Invalid("Say up to which event the issue was read", field="seq")
    begin_write()
    issue = issue_for_change(viewer(), key, Right.see)
    note_visit(issue, user(), seen_seq=int(seq))
    mark_read(user().id, [issue.id])
    db.session.commit()
    return Response(status=204)


def _change_set(key: str, right: Right, change: Callable[[Issue, list[str], list[str]], None]) -> Response:
    add = request.form.getlist("add") if request.method != "DELETE" else []
    remove = request.form.getlist("remove") + (
        request.form.getlist("add") if request.method == "DELETE" else []
    )
    if not add and not remove:
        raise Invalid("Say whom or what to add or to remove", field="add")
    begin_write()
    issue = issue_for_change(viewer(), key, right)
    change(issue, add, remove)
    db.session.commit()
    return seen(issue, issue.event_seq)


def _with_parent(issue: Issue) -> tuple[Issue, Issue | None]:
    """The issue for change, and the parent the form names. Only a form that has the field holds the project."""
    if "parent" in request.form:
        return issue_and_parent(viewer(), issue.key, request.form["parent"], Right.triage)
    return issue_for_change(viewer(), issue.key, Right.triage), None


def _names(values: list[str]) -> list[str]:
    return [
        viewer().username if value == "me" else value.strip().lstrip("@") for value in values if value.strip()
    ]


def _require_may_edit(issue: Issue) -> None:
    """The reporter, and those who do the daily work."""
    if issue.reporter_id != viewer().user_id and not may(viewer(), Right.triage, issue.project):
        raise Forbidden("Only its reporter and the members of the project may edit an issue")


def _moves_again(key: str, error: DomainError) -> Response:
    """Why the step was not taken, and those that are possible now."""
    db.session.rollback()
    issue = allowed(key, Right.see)
    return render(
        "issues/status.html",
        status=error.status,
        place=issue.project,
        steps=allowed_steps(issue),
        error=error.message,
        **about(issue),
    )


def _edit_form(issue: Issue, form: IssueForm, status: int = 200) -> Response:
    return render("issues/edit.html", status=status, place=issue.project, form=form, **about(issue))


def _properties(issue: Issue, error: Invalid | None = None) -> Response:
    sent = request.form if error else None
    on_it = {label.name for label in labels_of([issue.id]).get(issue.id, [])}
    plan = plans_of([issue.id]).get(issue.id, Plan())
    have_it = {person.username for person in assignees_of([issue.id]).get(issue.id, [])}
    return render(
        "issues/properties.html",
        status=error.status if error else 200,
        place=issue.project,
        refused=error,
        milestones=project_milestones(issue.project),
        milestone=sent.get("milestone", "") if sent else plan.milestone,
        parent=sent.get("parent", "") if sent else plan.parent,
        priority=sent.get("priority") if sent else issue.priority,
        labels=project_labels(issue.project),
        on_it=set(sent.getlist("labels")) if sent else on_it,
        people=people_who_see(issue.project),
        have_it=set(sent.getlist("assignees")) if sent else have_it,
        **about(issue),
    )
