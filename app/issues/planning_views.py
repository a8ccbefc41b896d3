"""The plan of an issue as resources: its milestone and its parent."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from app.accounts.current import signed_in, viewer
from app.db import begin_write, db
from app.issues.milestone import milestone_named, set_milestone
from app.issues.queries import issue_and_parent, issue_for_change
from app.issues.sub_issues import set_parent
from app.issues.verbs import seen
from app.projects.policy import Right

bp = Blueprint("planning", __name__, url_prefix="/issues")


@bp.route("/<key>/milestone", methods=["POST", "PUT", "DELETE"])
@signed_in
def milestone(key: str) -> Response:
    """Put the issue into the milestone `milestone`; without a name, or with DELETE, into none."""
    begin_write()
    issue = issue_for_change(viewer(), key, Right.triage)
    set_milestone(issue, milestone_named(issue.project, _sent("milestone")), actor=viewer().actor)
    db.session.commit()
    return seen(issue, issue.event_seq)


@bp.route("/<key>/parent", methods=["POST", "PUT", "DELETE"])
@signed_in
def parent(key: str) -> Response:
    """Make the issue a sub-issue of `parent`; without a key, or with DELETE, an issue of its own."""
    begin_write()
    issue, found = issue_and_parent(viewer(), key, _sent("parent"), Right.triage)
    set_parent(issue, found, actor=viewer().actor)
    db.session.commit()
    return seen(issue, issue.event_seq, whole=True)


def _sent(field: str) -> str:
    return "" if request.method == "DELETE" else request.form.get(field, "").strip()
