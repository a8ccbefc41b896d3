"""What every view of an issue's verbs shares: the check before the slow work, and the way to where the act is seen."""

from flask import request, url_for
from werkzeug.wrappers import Response

from app.accounts.current import viewer
from app.errors import Forbidden
from app.issues.issue import Issue
from app.issues.queries import visible_issue
from app.projects.policy import Right, may, require
from app.web.answers import done


def allowed(key: str, right: Right) -> Issue:
    """The issue, read to be shown or checked before the slow work."""
    issue = visible_issue(viewer(), key)
    require(viewer(), right, issue.project)
    return issue


def require_author(issue: Issue, author_id: int | None, otherwise: Right) -> None:
    """What one wrote oneself may be changed; what others wrote only with the right `otherwise`."""
    if author_id != viewer().user_id and not may(viewer(), otherwise, issue.project):
        raise Forbidden("Only its author may change this")


def sent_version(current: int) -> int:
    """The version the writer saw; without one, whichever stands now."""
    sent = request.form.get("version", "")
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else current


def seen(issue: Issue, seq: int | None, *, whole: bool = False) -> Response:
    """Where the act can be seen. `whole`: a line that was there already has changed, so the page is loaded anew."""
    anchor = f"event-{seq}" if seq else None
    return done(url_for("feeds.issue", key=issue.key, _anchor=anchor), reload=whole)
