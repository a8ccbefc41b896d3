"""Linking one issue with GitHub by hand, and letting it go."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from app.accounts.current import signed_in, viewer
from app.db import begin_write, db
from app.errors import Conflict
from app.issues.queries import issue_for_change
from app.issues.verbs import seen
from app.projects.policy import Right
from app.sync.connection import connection_of
from app.sync.link import ask_link, link_of, unlink

blueprint = Blueprint("sync_links", __name__, url_prefix="/issues")


@blueprint.route("/<key>/external", methods=["POST", "PUT", "DELETE"])
@signed_in
def external(key: str) -> Response:
    """Keep the issue the same with one on GitHub (`add`), or not any more (`remove`)."""
    remove = request.method == "DELETE" or "remove" in request.form
    begin_write()
    issue = issue_for_change(viewer(), key, Right.triage)
    connection = connection_of(issue.project_id)
    if connection is None:
        raise Conflict(f"{issue.project.name} is not connected with GitHub")
    if not remove:
        ask_link(connection, issue, actor=viewer().actor)
    else:
        link = link_of(issue.id)
        if link is None or link.ended_at is not None:
            raise Conflict("This issue is not linked")
        unlink(link, connection, issue, why=None, actor=viewer().actor)
    db.session.commit()
    return seen(issue, issue.event_seq)
