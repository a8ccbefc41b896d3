"""Ending all mails from a mail: a signed link that lets its holder do this one thing, signed in or not.

For mails about several issues at once; one about a single issue offers to leave that issue.
"""

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.accounts.people import change_mails
from app.accounts.queries import person_for_change
from app.accounts.user import User
from app.db import db

TOKEN_SECONDS = 180 * 24 * 3600
"""A link in a mail holds for half a year."""


def stop_token(user_id: int) -> str:
    """A token for the link in a mail."""
    return _signer().dumps(user_id)


def find_mailed(token: str) -> User | None:
    """Whose mails the token ends; None when it is not ours, too old, or the person is gone."""
    try:
        user = db.session.get(User, _signer().loads(token, max_age=TOKEN_SECONDS))
    except BadSignature:
        return None
    return user if user is not None and user.is_active else None


def stop_mails(token: str) -> User | None:
    """Mail the person of the token nothing more; twice is harmless. None as in `find_mailed`."""
    user = find_mailed(token)
    if user is not None:
        user = person_for_change(user.id)
        change_mails(user, False, actor=user.actor)
    return user


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.extensions["settings"].secret_key, salt="stop mails")
