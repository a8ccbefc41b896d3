"""What every view of an issue's verbs shares: the check before the slow work, and the way to where the act is seen."""

from typing import Any

from flask import request, url_for
from werkzeug.wrappers import Response

from app.accounts.current import viewer
from app.issues.issue import Issue
from app.issues.queries import visible_issue
from app.issues.workflow import allowed_steps
from app.projects.policy import Right, may, require
from app.web.answers import done

STEP_WORDS = {
    "start": "Start work",
    "stop": "Stop work",
    "resolve": "Resolve",
    "close": "Close",
    "reopen": "Reopen",
}
STEP_GLYPHS = {
    "start": "st-in_progress",
    "stop": "st-open",
    "resolve": "st-resolved",
    "close": "st-closed",
    "reopen": "st-reopened",
}
STEP_KEYS = {"start": "s", "stop": "Shift+S", "resolve": "r", "close": "Shift+R", "reopen": "Shift+O"}


def about(issue: Issue) -> dict[str, Any]:
    """What the templates about one issue share."""
    return {
        "issue": issue,
        "base": f"/issues/{issue.key}",
        "signed_in": viewer().signed_in,
        "viewer_id": viewer().user_id or 0,
        "step_words": STEP_WORDS,
        "step_glyphs": STEP_GLYPHS,
        "step_keys": STEP_KEYS,
    }


def allowed(key: str, right: Right) -> Issue:
    """The issue, read to be shown or checked before the slow work."""
    issue = visible_issue(viewer(), key)
    require(viewer(), right, issue.project)
    return issue


def can_resolve(issue: Issue) -> bool:
    """Whether the comment box offers "Comment and resolve"."""
    return "resolve" in allowed_steps(issue) and may(viewer(), Right.triage, issue.project)


def sent_version(current: int) -> int:
    """The version the writer saw; without one, whichever stands now."""
    sent = request.form.get("version", "")
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else current


def seen(issue: Issue, seq: int | None, *, whole: bool = False) -> Response:
    """Where the act can be seen. `whole`: a line that was there already has changed, so the page is loaded anew."""
    anchor = f"event-{seq}" if seq else None
    return done(url_for("feeds.issue", key=issue.key, _anchor=anchor), reload=whole)
