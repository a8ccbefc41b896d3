"""Pages for the tests of the web floor: every component, every failure."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, abort, request
from jinja2 import ChoiceLoader, FileSystemLoader
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from wtforms import BooleanField, PasswordField, RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from app.db import begin_write, db
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.web import shell
from app.web.answers import done
from app.web.forms import Form
from app.web.render import render
from app.web.toasts import toast_next_page
from tests.web import samples

TEMPLATES = Path(__file__).parent / "templates"
blueprint = Blueprint("gallery", __name__, url_prefix="/gallery")
NAV = [
    shell.NavProject("ORC", "Orchard", 48),
    shell.NavProject("LAN", "Lantern, with a rather long name indeed", 3),
]


def install(app: Flask) -> None:
    app.jinja_env.loader = ChoiceLoader([app.jinja_env.loader, FileSystemLoader(TEMPLATES)])  # type: ignore[list-item]
    app.register_blueprint(blueprint)


def provide(place: object | None, topics: Sequence[str]) -> shell.Shell:
    """A shell of somebody with everything in it."""
    return shell.Shell(
        viewer=samples.JUNO,
        projects=NAV,
        project=NAV[0],
        views=[shell.NavView("Mine, open", "/issues?q=mine")],
        unread=6,
        failed_inboxes=5,
        is_admin=True,
        live_token="token" if topics else None,
    )


class GalleryForm(Form):
    email = StringField("Email")
    text = TextAreaField("Description")
    agree = BooleanField("Stay signed in for 30 days")
    role = RadioField(
        "Role", choices=[SelectChoice("lead", "Lead"), SelectChoice("member", "Member")], default="member"
    )


class SignInForm(Form):
    email = StringField("Email")
    password = PasswordField("Password")


class SetupForm(Form):
    code = StringField("Code")
    name = StringField("Name")
    username = StringField("Username")
    email = StringField("Email")
    password = PasswordField("Password")


@blueprint.get("/components")
def components() -> Response:
    form = GalleryForm()
    form.refuse(Invalid("That is no address.", field="email"))
    form.refuse(Invalid("Something else is wrong."))
    if "toast" in request.args:
        toast_next_page("ORC-142 resolved.", undo_path="/issues/ORC-142/status", step="reopen")
    return render("gallery/components.html", "bar", **context(form))


def context(form: Form) -> dict[str, Any]:
    people = [samples.JUNO, samples.OTIS, samples.HAZEL, samples.ROWAN, samples.TANSY, samples.BRAM]
    return {
        "form": form,
        "items": samples.items(),
        "clusters": samples.clusters(),
        "of_a_person": samples.of_a_person(),
        "people": people,
        "issue": samples.CARD,
        "receipt": samples.receipt(),
        "base": "/issues/ORC-142",
        "moderates": True,
    }


@blueprint.get("/live")
def live() -> Response:
    """A feed that grows when something was said, above as many lines as wanted."""
    lines = int(request.args.get("lines", 0))
    return render("gallery/live.html", seq=len(said), lines=lines, rows=[])


said: list[str] = []


@blueprint.get("/feed")
def feed() -> Response:
    after = int(request.args["after"])
    rows = [(number, text) for number, text in enumerate(said, 1) if number > after]
    return render("gallery/live.html", "news", seq=len(said), lines=0, rows=rows)


@blueprint.post("/comments")
def comments() -> Response:
    body = request.form["body"]
    if body == "refuse me":
        raise Conflict("Hazel resolved this while you were typing.")
    said.append(body)
    return done("/gallery/live")  # type: ignore[return-value]


@blueprint.post("/undo")
def undo() -> Response:
    toast_next_page(f"Undone: {request.form['step']}")
    return done("/gallery/live")  # type: ignore[return-value]


@blueprint.post("/visits")
def visits() -> Response:
    visited.append(request.args["seq"])
    return Response(status=204)


visited: list[str] = []


@blueprint.get("/sign-in")
def sign_in() -> Response:
    form = SignInForm()
    if "bad" in request.args:
        form.refuse(Invalid("That email and password do not match. 4 tries left.", field="password"))
    return render("accounts/sign_in.html", form=form, next="/issues/ORC-1")


@blueprint.get("/setup")
def setup() -> Response:
    checks = [{"tone": "good", "name": "Database", "detail": "SQLite", "result": "3 ms"}]
    return render("accounts/setup.html", form=SetupForm(), checks=checks)


@blueprint.post("/form")
def form() -> Response:
    return done("/gallery/components")  # type: ignore[return-value]


@blueprint.post("/echo")
def echo() -> Response:
    return Response(repr(sorted(request.form.items())), mimetype="text/plain")


@blueprint.get("/plain")
def plain() -> Response:
    return Response("plain", mimetype="text/plain")


@blueprint.get("/fails/<kind>")
def fails(kind: str) -> Response:
    match kind:
        case "missing":
            raise NotFound
        case "forbidden":
            raise Forbidden("Only a lead may do this.")
        case "conflict":
            raise Conflict("Hazel resolved this while you were typing.")
        case "invalid":
            raise Invalid("The title is missing.", field="title")
        case "bug":
            raise RuntimeError("secret detail")
        case "sql":
            db.session.execute(text("SELECT nonsense FROM nowhere"))
        case "lost":
            raise OperationalError("SELECT 1", {}, Exception("server closed the connection"))
        case code:
            abort(int(code))
    return Response("")


@blueprint.get("/writes")
def writes() -> Response:
    begin_write()
    db.session.execute(text("UPDATE t SET n = n + 1"))
    db.session.commit()
    return Response("written")
