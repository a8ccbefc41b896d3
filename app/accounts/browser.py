"""The browser in front of us: where a request comes from, and the cookie that keeps somebody signed in."""

from flask import current_app, g, request, session
from flask_login import login_user, logout_user

from app.accounts.current import SignedIn
from app.accounts.setting_up import is_local
from app.accounts.signing_in import Browser, Entry
from app.context import cause

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")


def browser() -> Browser:
    """Address and agent of the request in hand, as its events carry them."""
    return Browser(request.remote_addr or "unknown", cause().agent)


def begin(entry: Entry, *, remember: bool) -> None:
    """Sign the browser in, with nothing of the cookie before: a planted session is worth nothing."""
    session.clear()
    g.pop("viewer", None)
    login_user(SignedIn(entry.token, entry.session, entry.user))
    session.permanent = remember


def end() -> None:
    """Forget everything the browser's cookie says."""
    logout_user()
    g.pop("viewer", None)
    session.clear()


def cheap_hashes() -> bool:
    """Only tests may save the time."""
    return bool(current_app.extensions["settings"].testing)


def sits_here() -> bool:
    """Whether the visitor is at this machine, with no proxy in between."""
    forwarded = bool(current_app.extensions["settings"].trusted_proxies) or any(
        name in request.headers for name in _FORWARDED
    )
    return is_local(request.remote_addr, request.host, forwarded)
