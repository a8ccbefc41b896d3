"""Admin > Inboxes: what reacts to events, switched and watched; and the deliveries that need somebody."""

from collections.abc import Callable
from typing import get_args

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from app.accounts.current import signed_in, user, viewer
from app.accounts.queries import person_for_change
from app.accounts.user import User
from app.admin.figures import health_and_inboxes
from app.admin.ledger import entries
from app.db import begin_write, db
from app.feeds.receipts import duration
from app.inboxes.delivery import Delivery, State
from app.inboxes.registry import BY_NAME, INBOXES
from app.inboxes.repair import AGAIN, ENDABLE, Choice, discard, discard_all, retry, retry_all
from app.inboxes.setting import switch
from app.projects.policy import require_admin
from app.web.filters import plural
from app.web.paging import decode_cursor, encode_cursor
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page

blueprint = Blueprint("admin_inboxes", __name__, url_prefix="/admin")
STATES: tuple[State, ...] = get_args(State)
FEW = 5
"""Dead deliveries the page of the inboxes shows by itself."""


@blueprint.get("/inboxes")
@signed_in
def inboxes() -> Response:
    """Every inbox with its switch and its last day."""
    require_admin(viewer())
    health, boxes = health_and_inboxes()
    dead, _more = entries(state="dead", inbox=None, limit=FEW)
    return render("admin/inboxes.html", health=health, boxes=boxes, dead=dead, duration=duration)


@blueprint.post("/inboxes/<name>")
@signed_in
def switch_inbox(name: str) -> AnyResponse:
    """Switch an inbox on (`enabled`) or off: new events at once, waiting ones when they are claimed."""
    require_admin(viewer())
    enabled = "enabled" in request.form
    me = _me_for_change()
    switch(name, enabled=enabled, by=me, actor=viewer().actor, known=set(BY_NAME))
    db.session.commit()
    title = BY_NAME[name].title
    toast_next_page(
        f"{title} is {'on' if enabled else 'off'}",
        undo_path=f"/admin/inboxes/{name}",
        **({} if enabled else {"enabled": "1"}),
    )
    return see_other("/admin/inboxes")


@blueprint.get("/deliveries")
@signed_in
def deliveries() -> Response:
    """The ledger, newest first, by state and inbox."""
    require_admin(viewer())
    state, inbox = _filter(request.args.get("state")), _known(request.args.get("inbox"))
    cursor = request.args.get("cursor")
    before = decode_cursor(cursor, int)[0] if cursor else None
    found, more = entries(state=state, inbox=inbox, before=before)
    return render(
        "admin/deliveries.html",
        entries=found,
        state=state,
        inbox=inbox,
        states=STATES,
        inboxes=INBOXES,
        cursor=encode_cursor(more) if more else None,
        can_retry=state in AGAIN,
        can_discard=state in ENDABLE,
        here=request.full_path.rstrip("?"),
    )


@blueprint.post("/deliveries/retry")
@signed_in
def retry_many() -> AnyResponse:
    """Send everything of a filter again."""
    return _all(retry_all, "sent again")


@blueprint.post("/deliveries/discard")
@signed_in
def discard_many() -> AnyResponse:
    """Give everything of a filter up."""
    return _all(discard_all, "given up")


@blueprint.post("/deliveries/<int:delivery_id>/retry")
@signed_in
def retry_one(delivery_id: int) -> AnyResponse:
    """Send one again."""
    return _one(retry, delivery_id, "Sent again")


@blueprint.post("/deliveries/<int:delivery_id>/discard")
@signed_in
def discard_one(delivery_id: int) -> AnyResponse:
    """Give one up."""
    return _one(discard, delivery_id, "Given up")


def _all(verb: Callable[..., int], did: str) -> AnyResponse:
    require_admin(viewer())
    choice = Choice(state=request.form.get("state", ""), inbox=request.form.get("inbox") or None)
    number = verb(choice, by=_me_for_change(), actor=viewer().actor)
    db.session.commit()
    toast_next_page(f"{plural(number, 'delivery', 'deliveries')} {did}")
    return see_other(request.form.get("next") or "/admin/deliveries")


def _one(verb: Callable[..., Delivery], delivery_id: int, did: str) -> AnyResponse:
    require_admin(viewer())
    verb(delivery_id, by=_me_for_change(), actor=viewer().actor)
    db.session.commit()
    toast_next_page(did)
    return see_other(request.form.get("next") or "/admin/deliveries")


def _me_for_change() -> User:
    """The administrator, read anew and locked: what they do is recorded on them."""
    user_id = user().id
    begin_write()
    return person_for_change(user_id)


def _filter(state: str | None) -> State | None:
    return next((one for one in STATES if one == state), None)


def _known(inbox: str | None) -> str | None:
    return inbox if inbox in BY_NAME else None
