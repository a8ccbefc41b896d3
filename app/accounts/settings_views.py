"""The pages of one's own account: profile, password, sessions, tokens, appearance."""

from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app import clock
from app.accounts import agents, attempts, browser
from app.accounts.current import signed_in, user, viewer
from app.accounts.forms import MailsForm, PasswordForm, ProfileForm, TokenForm, clean_name, token_fields
from app.accounts.identity import clean_zone
from app.accounts.pace import clean_pace, clean_quiet, clock_text
from app.accounts.passwords import Busy, check_password, hash_password, matches
from app.accounts.people import (
    change_mail_pace,
    change_mails,
    change_password,
    change_quiet_hours,
    change_zone,
    rename_person,
    revoke_sessions,
)
from app.accounts.queries import person_for_change, token_of
from app.accounts.session import live_sessions
from app.accounts.signing_in import TooOften
from app.accounts.token import create_token, revoke_token, tokens_of
from app.accounts.user import User
from app.db import begin_write, db
from app.errors import DomainError, Invalid
from app.web.forms import Form
from app.web.redirects import own_path, see_other
from app.web.render import render
from app.web.toasts import toast_next_page

blueprint = Blueprint("settings", __name__, url_prefix="/settings")
THEMES = ("system", "light", "dark")
A_YEAR = 365 * 24 * 3600


@blueprint.get("")
def index() -> AnyResponse:
    """The first of the pages."""
    return redirect(url_for("settings.profile"), 302)


@blueprint.get("/profile")
@signed_in
def profile() -> Response:
    """Name and time zone."""
    return _page("profile", ProfileForm(name=user().name, zone=user().zone), account=user())


@blueprint.post("/profile")
@signed_in
def save_profile() -> AnyResponse:
    """Take another name and time zone."""
    form = ProfileForm()
    try:
        name, zone = clean_name(form.data), clean_zone(form.zone.data or "")
        me = _me_for_change()
        rename_person(me, name, actor=viewer().actor)
        change_zone(me, zone, actor=viewer().actor)
        db.session.commit()
    except Invalid as error:
        return _page("profile", form, error, account=user())
    toast_next_page("Saved")
    return see_other(url_for("settings.profile"))


@blueprint.get("/notifications")
@signed_in
def notifications() -> Response:
    """Whether one is mailed, and when."""
    me = user()
    asked = MailsForm(
        mails=me.mails,
        mail_pace=me.mail_pace,
        quiet_from=clock_text(me.quiet_from),
        quiet_to=clock_text(me.quiet_to),
    )
    return _page("notifications", asked, account=me)


@blueprint.post("/notifications")
@signed_in
def save_notifications() -> AnyResponse:
    """Be mailed, or not, and when."""
    form = MailsForm()
    try:
        pace = clean_pace(form.mail_pace.data or "at_once")
        quiet = clean_quiet(form.quiet_from.data or "", form.quiet_to.data or "")
    except Invalid as error:
        return _page("notifications", form, error, account=user())
    me = _me_for_change()
    change_mails(me, bool(form.mails.data), actor=viewer().actor)
    change_mail_pace(me, pace, actor=viewer().actor)
    change_quiet_hours(me, quiet, actor=viewer().actor)
    db.session.commit()
    toast_next_page("Mails are on" if me.mails else "Mails are off. Everything still lands in your inbox.")
    return see_other(url_for("settings.notifications"))


@blueprint.get("/password")
@signed_in
def password() -> Response:
    """The form for another password."""
    return _page("password", PasswordForm(), others=_others())


@blueprint.post("/password")
@signed_in
def save_password() -> AnyResponse:
    """Take another password; every other session ends."""
    me, form = user(), PasswordForm()
    try:
        new = _new_password(me, form)
        _check_old(me, form.old.data or "")
        password_hash = hash_password(new, cheap=browser.cheap_hashes())
        me = _me_for_change()
        change_password(me, password_hash, actor=viewer().actor, keep=viewer().session_id)
        db.session.commit()
    except (Invalid, TooOften, Busy) as error:
        page = _page("password", form, error, others=_others())
        if isinstance(error, TooOften):
            page.headers["Retry-After"] = str(error.wait)
        return page
    toast_next_page("Password changed. Every other session has ended.")
    return see_other(url_for("settings.password"))


def _new_password(me: User, form: PasswordForm) -> str:
    new = form.new.data or ""
    check_password(new, field="new", about=(me.name, me.username, me.email or ""))
    if new != form.again.data:
        raise Invalid("This is not the same password", field="again")
    return new


def _check_old(me: User, old: str) -> None:
    """Raises Invalid and TooOften. A session left open is not enough to take an account over."""
    address, account = browser.browser().address, f"password of {me.id}"
    kept = me.password_hash
    allowance = attempts.take(address, account)
    if allowance.wait:
        raise TooOften(allowance.wait)
    db.session.commit()  # nothing is held open while the hash is made
    if not matches(old, kept, cheap=browser.cheap_hashes()):
        tries = f"{allowance.left} tries left" if allowance.left != 1 else "1 try left"
        raise Invalid(f"This is not your password. {tries}.", field="old")
    attempts.succeeded(address, account)


def _others() -> int:
    return sum(1 for session in live_sessions(user()) if session.id != viewer().session_id)


@blueprint.get("/sessions")
@signed_in
def sessions() -> Response:
    """Where one is signed in."""
    ordered = sorted(live_sessions(user()), key=lambda session: session.id != viewer().session_id)
    found = [(session, agents.in_words(session.agent)) for session in ordered]
    return _page("sessions", Form(), sessions=found, here=viewer().session_id)


@blueprint.post("/sessions/others/end")
@signed_in
def end_other_sessions() -> AnyResponse:
    """End every session but this one."""
    ended = revoke_sessions(_me_for_change(), actor=viewer().actor, but=viewer().session_id)
    db.session.commit()
    toast_next_page(f"{ended} sessions ended" if ended != 1 else "1 session ended")
    return see_other(url_for("settings.sessions"))


@blueprint.post("/sessions/<int:session_id>/end")
@signed_in
def end_session(session_id: int) -> AnyResponse:
    """End one session; ending this one is signing out."""
    ended = revoke_sessions(_me_for_change(), actor=viewer().actor, only=session_id)
    db.session.commit()
    if session_id == viewer().session_id:
        browser.end()
        return redirect(url_for("accounts.sign_in"), 303)
    toast_next_page("Session ended" if ended else "That session had ended already")
    return see_other(url_for("settings.sessions"))


@blueprint.get("/tokens")
@signed_in
def tokens() -> Response:
    """One's tokens, and the form for another."""
    return _tokens_page(TokenForm(is_admin=viewer().is_admin))


@blueprint.post("/tokens")
@signed_in
def make_token() -> Response:
    """Make a token and show it, this once: the answer is the page, because nothing keeps the secret."""
    who = viewer()
    form = TokenForm(is_admin=who.is_admin)
    try:
        fields = token_fields(form.data, zone=who.zone, is_admin=who.is_admin)
        me = _me_for_change()
        _token, secret = create_token(
            me, title=fields.title, scope=fields.scope, expires_at=fields.expires_at, actor=who.actor
        )
        db.session.commit()
    except Invalid as error:
        return _tokens_page(form, error)
    empty = TokenForm(formdata=None, is_admin=who.is_admin)
    return _tokens_page(empty, secret=secret, made=fields.title)


@blueprint.post("/tokens/<int:token_id>/revoke")
@signed_in
def end_token(token_id: int) -> AnyResponse:
    """End a token at once."""
    me = _me_for_change()
    revoke_token(token_of(me, token_id), me, actor=viewer().actor)
    db.session.commit()
    toast_next_page("Token revoked")
    return see_other(url_for("settings.tokens"))


def _tokens_page(form: TokenForm, error: DomainError | None = None, **made: str) -> Response:
    return _page("tokens", form, error, tokens=tokens_of(user()), now=clock.now(), **made)


@blueprint.get("/appearance")
def appearance() -> Response:
    """The theme, for visitors too."""
    return _page("appearance", Form())


@blueprint.post("/appearance")
def save_appearance() -> AnyResponse:
    """Keep the theme in a cookie of its own: it is the browser's, not the person's."""
    theme = request.form.get("theme", "")
    if theme not in THEMES:
        return _page("appearance", Form(), Invalid("Choose a theme: system, light or dark", field="theme"))
    answer = see_other(own_path(request.form.get("next"), url_for("settings.appearance")))
    secure = request.is_secure
    answer.set_cookie("theme", theme, max_age=A_YEAR, httponly=True, secure=secure, samesite="Lax")
    return answer


def _me_for_change() -> User:
    """The person who signed in, read anew in a transaction that may write."""
    user_id = viewer().user_id or 0
    begin_write()
    return person_for_change(user_id)


def _page(name: str, form: Form, error: DomainError | None = None, **context: Any) -> Response:
    """One of the pages; with an error nothing of what was tried is kept."""
    if error:
        db.session.rollback()
        form.refuse(error)
    status = error.status if error else 200
    return render(f"accounts/{name}.html", status=status, form=form, section=name, **context)
