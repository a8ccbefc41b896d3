"""Leaving an issue from a mail: a signed link that lets its holder do this one thing, signed in or not."""

from dataclasses import dataclass

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.accounts.user import User
from app.db import db
from app.issues.issue import Issue
from app.issues.subscription import Subscription, unwatch
from app.projects.project import Project

TOKEN_SECONDS = 180 * 24 * 3600
"""A link in a mail holds for half a year."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Who would leave which issue, and whether that is done already."""

    issue: Issue
    user: User
    key: str
    muted: bool


def unsubscribe_token(issue_id: int, user_id: int) -> str:
    """A token for the link in a mail."""
    return _signer().dumps([issue_id, user_id])


def find_leaving(token: str) -> Leaving | None:
    """What the token is for; None when it is not ours, too old, or its person or issue is gone."""
    try:
        issue_id, user_id = _signer().loads(token, max_age=TOKEN_SECONDS)
    except BadSignature:
        return None
    issue, user = db.session.get(Issue, issue_id), db.session.get(User, user_id)
    if issue is None or issue.deleted_at is not None or user is None or not user.is_active:
        return None
    project = db.session.get_one(Project, issue.project_id)
    row = db.session.get(Subscription, (issue.id, user.id))
    return Leaving(issue, user, f"{project.key}-{issue.number}", row is not None and row.muted)


def leave(token: str) -> Leaving | None:
    """Mute the issue for the person of the token; twice is harmless. None as in `find_leaving`."""
    leaving = find_leaving(token)
    if leaving is not None:
        unwatch(leaving.issue, leaving.user, actor=leaving.user.actor)
    return leaving


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.extensions["settings"].secret_key, salt="unsubscribe")
