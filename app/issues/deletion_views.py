"""Deleting an issue and bringing it back, and the list of what was deleted. The page that asks is one of the feeds'."""

from datetime import datetime

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.accounts.current import signed_in, viewer
from app.db import begin_write, db
from app.issues.deletion import delete_issue, deleted_issues, restore_issue
from app.issues.queries import deleted_issue_for_change, issue_for_change
from app.projects.policy import Right, require
from app.projects.queries import visible_project
from app.web.paging import decode_cursor, encode_cursor
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page

blueprint = Blueprint("deletion", __name__)


@blueprint.post("/issues/<key>/deletion")
@signed_in
def delete(key: str) -> AnyResponse:
    """Delete the issue."""
    begin_write()
    issue = issue_for_change(viewer(), key, Right.moderate)
    delete_issue(issue, actor=viewer().actor)
    db.session.commit()
    toast_next_page(f"{issue.key} was deleted", undo_path=f"/issues/{issue.key}/restoration")
    return see_other(url_for("projects.show", key=issue.project.key))


@blueprint.post("/issues/<key>/restoration")
@signed_in
def restore(key: str) -> AnyResponse:
    """Bring a deleted issue back."""
    begin_write()
    issue = deleted_issue_for_change(viewer(), key)
    restore_issue(issue, actor=viewer().actor)
    db.session.commit()
    toast_next_page(f"{issue.key} is back")
    return see_other(url_for("feeds.issue", key=issue.key))


@blueprint.get("/projects/<key>/settings/deleted")
def index(key: str) -> Response:
    """The deleted issues of the project, for its leads."""
    project = visible_project(viewer(), key)
    granted = require(viewer(), Right.manage, project)
    cursor = request.args.get("cursor")
    after = decode_cursor(cursor, datetime, int) if cursor else None
    lines, more = deleted_issues(project, after=(after[0], after[1]) if after else None)
    return render(
        "projects/deleted.html",
        place=project,
        project=project,
        lines=lines,
        next=encode_cursor(lines[-1].at, lines[-1].id) if more else None,
        may_restore=Right.moderate in granted,
        section="deleted",
    )
