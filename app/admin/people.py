"""Admin > People: accounts made, closed, opened, claimed; who administers."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.accounts import browser
from app.accounts.current import signed_in, viewer
from app.accounts.erasing import erase
from app.accounts.erasure import progress_of
from app.accounts.forms import ClaimForm, NewPersonForm, account_fields
from app.accounts.identity import clean_email
from app.accounts.passwords import Busy, check_password, hash_password, make_password
from app.accounts.people import claim, create_person, deactivate, make_admin, reactivate, revoke_sessions
from app.accounts.queries import accounts, person_by_username, person_to_administer
from app.accounts.session import live_sessions
from app.accounts.user import User
from app.db import begin_write, db
from app.errors import Conflict, DomainError, Invalid
from app.projects.policy import require_admin
from app.projects.queries import roles_of
from app.web.forms import Form
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page

blueprint = Blueprint("admin_people", __name__, url_prefix="/admin/people")


@dataclass(frozen=True, slots=True)
class Handover:
    """A password an administrator passes on; shown once and not kept."""

    name: str
    email: str
    password: str


@blueprint.get("")
@signed_in
def index() -> Response:
    """Everybody, by username."""
    require_admin(viewer())
    return _list_page(NewPersonForm())


@blueprint.post("")
@signed_in
def create() -> Response:
    """Make an account with a password of ours: the answer shows it, this once."""
    require_admin(viewer())
    form, password = NewPersonForm(), make_password()
    try:
        fields = account_fields(form.data, password=password)
        db.session.commit()
        password_hash = hash_password(password, cheap=browser.cheap_hashes())
        begin_write()
        create_person(
            username=fields.username,
            email=fields.email,
            name=fields.name,
            password_hash=password_hash,
            admin=bool(form.admin.data),
            via="admin",
            actor=viewer().actor,
        )
        db.session.commit()
    except (Invalid, Busy) as error:
        return _list_page(form, error)
    return _list_page(NewPersonForm(formdata=None), handover=Handover(fields.name, fields.email, password))


@blueprint.get("/<username>")
@signed_in
def show(username: str) -> Response:
    """One account, and what can be done with it."""
    require_admin(viewer())
    person = person_by_username(username)
    return _person_page(person, ClaimForm(email=person.email))


@blueprint.post("/<username>/claim")
@signed_in
def give(username: str) -> Response:
    """Give an imported account an address and a password, typed or made."""
    require_admin(viewer())
    person, form = person_by_username(username), ClaimForm()
    typed = form.password.data or ""
    password = typed or make_password()
    try:
        email = clean_email(form.email.data or "")
        check_password(password, about=(person.name, person.username, email))
        db.session.commit()
        password_hash = hash_password(password, cheap=browser.cheap_hashes())
        begin_write()
        person = person_to_administer(username)
        claim(person, email=email, password_hash=password_hash, actor=viewer().actor)
        db.session.commit()
    except (Invalid, Conflict, Busy) as error:
        return _person_page(person, form, error)
    return _person_page(person, form, handover=None if typed else Handover(person.name, email, password))


@blueprint.post("/<username>/deactivate")
@signed_in
def close(username: str) -> AnyResponse:
    """Close the account; its person is out at once."""
    return _change(username, "deactivated", lambda person: deactivate(person, actor=viewer().actor))


@blueprint.post("/<username>/erase")
@signed_in
def forget(username: str) -> AnyResponse:
    """Forget who the person was; there is no way back."""
    return _change(username, "all that is left of the name", lambda one: erase(one, actor=viewer().actor))


@blueprint.post("/<username>/reactivate")
@signed_in
def reopen(username: str) -> AnyResponse:
    """Open a closed account."""
    return _change(username, "active again", lambda person: reactivate(person, actor=viewer().actor))


@blueprint.post("/<username>/admin/add")
@signed_in
def promote(username: str) -> AnyResponse:
    """Make the person an administrator."""
    return _change(username, "an administrator now", lambda person: _administer(person, True))


@blueprint.post("/<username>/admin/remove")
@signed_in
def demote(username: str) -> AnyResponse:
    """Make an administrator an ordinary person."""
    return _change(username, "an ordinary person now", lambda person: _administer(person, False))


@blueprint.post("/<username>/sessions/end")
@signed_in
def end_sessions(username: str) -> AnyResponse:
    """Sign the person out everywhere."""
    return _change(username, "signed out everywhere", _sign_out)


def _administer(person: User, admin: bool) -> None:
    make_admin(person, admin, actor=viewer().actor)


def _sign_out(person: User) -> None:
    revoke_sessions(person, actor=viewer().actor)


def _change(username: str, became: str, verb: Callable[[User], None]) -> AnyResponse:
    require_admin(viewer())
    begin_write()
    person = person_to_administer(username)
    try:
        verb(person)
        db.session.commit()
    except Conflict as error:
        db.session.rollback()
        return _person_page(person_by_username(username), ClaimForm(formdata=None), error)
    toast_next_page(f"{person.name} is {became}")
    return see_other(url_for("admin_people.index") if person.id == viewer().user_id else _path(person))


def _path(person: User) -> str:
    return url_for("admin_people.show", username=person.username)


def _list_page(form: Form, error: DomainError | None = None, handover: Handover | None = None) -> Response:
    _refuse(form, error)
    like, after = request.args.get("q", "").strip()[:80], request.args.get("after", "")[:40]
    rows, more = accounts(like=like, after=after)
    return render(
        "admin/people.html",
        status=error.status if error else 200,
        form=form,
        accounts=rows,
        like=like,
        next_after=rows[-1].user.username if more else None,
        handover=handover,
    )


def _person_page(
    person: User, form: Form, error: DomainError | None = None, handover: Handover | None = None
) -> Response:
    _refuse(form, error)
    return render(
        "admin/person.html",
        fragment="erasure",
        status=error.status if error else 200,
        form=form,
        person=person,
        sessions=live_sessions(person),
        roles=roles_of(person),
        handover=handover,
        erasure=progress_of(person.id),
    )


def _refuse(form: Form, error: DomainError | None) -> None:
    if error:
        db.session.rollback()
        form.refuse(error)
