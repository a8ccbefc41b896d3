"""Admin > Outgoing mail: what was mailed, or kept because no mail server is set."""

from flask import Blueprint, Response, current_app, request

from app.accounts.current import signed_in, viewer
from app.admin.ledger import mail_with_event, mails
from app.projects.policy import require_admin
from app.web.paging import decode_cursor, encode_cursor
from app.web.render import render

blueprint = Blueprint("admin_mail", __name__, url_prefix="/admin/mail")


@blueprint.get("")
@signed_in
def index() -> Response:
    """The mails, newest first."""
    require_admin(viewer())
    cursor = request.args.get("cursor")
    found, more = mails(before=decode_cursor(cursor, int)[0] if cursor else None)
    settings = current_app.extensions["settings"]
    return render(
        "admin/mail.html",
        mails=found,
        cursor=encode_cursor(more) if more else None,
        sends=settings.smtp_url is not None,
    )


@blueprint.get("/<int:mail_id>")
@signed_in
def show(mail_id: int) -> Response:
    """One mail, as text: its HTML says the same."""
    require_admin(viewer())
    mail, event_uid = mail_with_event(mail_id)
    return render("admin/mail_one.html", mail=mail, event_uid=event_uid)
