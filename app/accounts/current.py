"""Who makes this request: the bridge between the cookie, Flask-Login and the viewer."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from flask import g, redirect, request, url_for
from flask_login import UserMixin, current_user
from werkzeug.wrappers import Response

from app.accounts.session import Known, OpenSession, SignInSession, known_session
from app.accounts.user import User
from app.accounts.viewer import VISITOR, Viewer, viewer_of
from app.db import db
from app.extensions import login
from app.web import reader


class SignedIn(UserMixin):  # type: ignore[misc] # Flask-Login has no types
    """A person in one browser. The cookie holds the session's token, so that a session can be ended."""

    def __init__(self, token: str, session: SignInSession | OpenSession, user: User | Known) -> None:
        self.token = token
        self.session = session
        self.user = user

    def get_id(self) -> str:
        """What Flask-Login keeps in the signed cookie."""
        return self.token


@login.user_loader  # type: ignore[untyped-decorator]
def _load(token: str) -> SignedIn | None:
    found = known_session(token)
    return SignedIn(token, *found) if found else None


def viewer() -> Viewer:
    """The reader of this request; VISITOR when nobody has signed in. One query per request."""
    found: Viewer | None = g.get("viewer")
    if found is None:
        signed_in = current_user.is_authenticated
        found = viewer_of(current_user.user, session_id=current_user.session.id) if signed_in else VISITOR
        g.viewer = found
    return found


def user() -> User:
    """The row of the person who signed in; one query, once. Only behind `signed_in`."""
    row: User | Known = current_user.user
    if isinstance(row, Known):
        row = current_user.user = db.session.get_one(User, row.id)
    return row


def live_epoch() -> int:
    """Which of the signed-in person's live tokens are good: those of this epoch."""
    epoch: int = current_user.user.live_epoch
    return epoch


reader.register(viewer)

P = ParamSpec("P")


def signed_in(view: Callable[P, Any]) -> Callable[P, Any]:
    """Send visitors to the sign-in page, and back here afterwards."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        if not viewer().signed_in:
            return to_sign_in()
        return view(*args, **kwargs)

    return guarded


def to_sign_in() -> Response:
    """The way to the sign-in page, remembering where the visitor wanted to go."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("accounts.sign_in", next=wanted), 303)
