"""The door: sign in, sign out, and the first set-up."""

import logging
from typing import Any

from flask import Blueprint, Response, current_app, g, redirect, request, url_for
from flask_login import current_user
from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Response as AnyResponse

from app import clock
from app.accounts import attempts, browser, setting_up, signing_in
from app.accounts.current import viewer
from app.accounts.forms import SetupForm, SignInForm, account_fields
from app.accounts.passwords import Busy, hash_password
from app.accounts.queries import anybody_claimed, person_for_change
from app.accounts.session import NOTED_EVERY, touch
from app.accounts.signing_in import Refused, TooOften
from app.db import begin_write, db
from app.errors import DomainError, Invalid
from app.web.forms import Form
from app.web.redirects import own_path, see_other
from app.web.render import render

log = logging.getLogger(__name__)
blueprint = Blueprint("accounts", __name__)


@blueprint.get("/sign-in")
def sign_in() -> AnyResponse:
    """The form; those who have signed in go on, and a fresh installation is set up first."""
    if viewer().signed_in:
        return see_other(own_path(request.args.get("next")))
    if not anybody_claimed():
        return redirect(url_for("accounts.setup"), 303)
    return _door(SignInForm(next=own_path(request.args.get("next"), "")))


@blueprint.post("/sign-in")
def enter() -> AnyResponse:
    """Check the password and open a session."""
    form = SignInForm()
    try:
        entry = signing_in.sign_in(
            form.email.data or "",
            form.password.data or "",
            browser=browser.browser(),
            cheap=browser.cheap_hashes(),
        )
        db.session.commit()
    except (Refused, TooOften, Busy) as error:
        return _door(form, error)
    browser.begin(entry, remember=bool(form.remember.data))
    return see_other(own_path(form.next.data))


@blueprint.post("/sign-out")
def sign_out() -> AnyResponse:
    """End this session."""
    who = viewer()
    if who.user_id is not None and who.session_id is not None:
        begin_write()
        signing_in.sign_out(person_for_change(who.user_id), session_id=who.session_id)
        db.session.commit()
    browser.end()
    return redirect(url_for("accounts.sign_in"), 303)


@blueprint.get("/setup")
def setup() -> AnyResponse:
    """The form for the first administrator, for as long as there is none."""
    setting_up.require_fresh()
    return _setup_page(SetupForm())


@blueprint.post("/setup")
def make_first() -> AnyResponse:
    """Make the first administrator and let them in."""
    setting_up.require_fresh()
    form = SetupForm()
    try:
        _check_code(form.code.data or "")
        fields = account_fields(form.data)
        db.session.commit()
        password_hash = hash_password(fields.password, cheap=browser.cheap_hashes())
        begin_write()
        entry = setting_up.set_up(
            username=fields.username,
            email=fields.email,
            name=fields.name,
            password_hash=password_hash,
            zone="UTC",
            browser=browser.browser(),
        )
        db.session.commit()
    except (Invalid, TooOften, Busy) as error:
        db.session.rollback()
        return _setup_page(form, error)
    browser.begin(entry, remember=True)
    return see_other("/")


@blueprint.after_app_request
def note_use(response: Response) -> Response:
    """Note now and then that a session is in use, or it would end while somebody only reads."""
    if "viewer" in g and viewer().session_id is not None and current_user.is_authenticated:
        session = current_user.session
        if session.seen_at < clock.now() - NOTED_EVERY:
            try:
                begin_write()
                touch(session.id)
                db.session.commit()
            except OperationalError:  # somebody writes for long: the next request notes it
                log.info("Could not note that session %s is in use", session.id)
                db.session.rollback()
    return response


def _door(form: SignInForm, error: DomainError | None = None) -> Response:
    return _with_wait(_page("sign_in", form, error, next=form.next.data), error)


def _setup_page(form: SetupForm, error: DomainError | None = None) -> Response:
    needs_code = not browser.sits_here()
    if needs_code:
        _say_code()
    else:
        del form.code
    return _with_wait(_page("setup", form, error), error)


def _page(name: str, form: Form, error: DomainError | None, **context: Any) -> Response:
    if error:
        form.refuse(error)
    status = error.status if error else 200
    return render(f"accounts/{name}.html", status=status, form=form, **context)


def _with_wait(page: Response, error: DomainError | None) -> Response:
    if isinstance(error, TooOften):
        page.headers["Retry-After"] = str(error.wait)
    elif isinstance(error, Busy):
        page.headers["Retry-After"] = "5"
    return page


def _check_code(code: str) -> None:
    """Who is not at this machine shows that they can read its log. Raises Invalid and TooOften."""
    if browser.sits_here():
        return
    address = browser.browser().address
    allowance = attempts.take(address, "the code of the set-up")
    if allowance.wait:
        raise TooOften(allowance.wait)
    setting_up.check_code(code, current_app.extensions["settings"].secret_key)
    attempts.succeeded(address, "the code of the set-up")


def _say_code() -> None:
    said: set[str] = current_app.extensions.setdefault("setup_code_said", set())
    if not said:
        said.add("said")
        code = setting_up.code(current_app.extensions["settings"].secret_key)
        log.warning("Somebody opened /setup from another machine. The code it asks for: %s", code)
