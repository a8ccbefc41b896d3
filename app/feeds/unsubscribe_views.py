"""The link at the end of every mail: stop watching this issue, or being mailed at all, signed in or not, with one
press.

RFC 8058 (one click in the mail program): the POST needs no cookie and no form token, and its answer is no
redirect. The signed link is the right.
"""

from flask import Blueprint, Response

from app.accounts.stopping_mails import find_mailed, stop_mails
from app.db import begin_write, db
from app.extensions import csrf
from app.issues.unsubscribing import find_leaving, leave
from app.web.render import render

blueprint = Blueprint("unsubscribe", __name__, url_prefix="/unsubscribe")


@blueprint.get("/<token>")
def ask(token: str) -> Response:
    """Say what would happen, and offer to do it: a GET changes nothing, whoever follows links."""
    leaving = find_leaving(token)
    return render(
        "feeds/unsubscribe.html", status=200 if leaving else 404, leaving=leaving, done=False, token=token
    )


@blueprint.post("/<token>")
@csrf.exempt  # type: ignore[untyped-decorator]
def stop(token: str) -> Response:
    """Mute the issue for the person the mail went to. A second time changes nothing."""
    begin_write()
    leaving = leave(token)
    db.session.commit()
    return render(
        "feeds/unsubscribe.html", status=200 if leaving else 404, leaving=leaving, done=True, token=token
    )


@blueprint.get("/mails/<token>")
def ask_about_mails(token: str) -> Response:
    """The same for all mails."""
    return _about_mails(token, done=False)


@blueprint.post("/mails/<token>")
@csrf.exempt  # type: ignore[untyped-decorator]
def stop_all_mails(token: str) -> Response:
    """Mail the person nothing more. A second time changes nothing."""
    begin_write()
    stop_mails(token)
    db.session.commit()
    return _about_mails(token, done=True)


def _about_mails(token: str, *, done: bool) -> Response:
    person = find_mailed(token)
    return render(
        "feeds/stop_mails.html", status=200 if person else 404, person=person, done=done, token=token
    )
