"""Admin > Deliveries: the ledger, sifted; and what to do about those that did not arrive, one or many."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from app.accounts.current import signed_in, user, viewer
from app.accounts.queries import person_for_change
from app.accounts.user import User
from app.admin.asked import Asked, moment, project_id
from app.admin.ledger import delivery_page, entries
from app.db import begin_write, db
from app.errors import Invalid
from app.events.actions import ACTIONS
from app.feeds.receipts import WORDS, duration
from app.inboxes.delivery import Delivery
from app.inboxes.registry import BY_NAME, INBOXES
from app.inboxes.repair import (
    AGAIN,
    ENDABLE,
    HOLDABLE,
    Choice,
    discard,
    discard_all,
    hold,
    hold_all,
    retry,
    retry_all,
)
from app.inboxes.searching import COUNTED, SCAN, STATES, Sieve, all_of, counts, find
from app.projects.policy import require_admin
from app.web.filters import plural
from app.web.paging import decode_cursor, encode_cursor
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page

blueprint = Blueprint("admin_deliveries", __name__, url_prefix="/admin/deliveries")
FIELDS = ("inbox", "action", "project", "error", "since")
NAMES = sorted({name for _subject, name in ACTIONS})


@blueprint.get("")
@signed_in
def index() -> Response:
    """The ledger, newest first, through a sieve."""
    require_admin(viewer())
    asked = Asked(request.args.to_dict())
    sieve = _sieve(asked)
    cursor = request.args.get("cursor")
    found = find(sieve, below=decode_cursor(cursor, int)[0] if cursor else None)
    kept = {name: asked.typed(name) for name in FIELDS if asked.typed(name)}
    return render(
        "admin/deliveries.html",
        status=asked.status,
        entries=entries(found.ids),
        asked=asked,
        sieve=sieve,
        states=_tabs(sieve, kept),
        inbox_choices=[(inbox.name, inbox.title) for inbox in INBOXES],
        action_choices=[(name, name.replace("_", " ")) for name in NAMES],
        kept={**kept, **({"state": sieve.state} if sieve.state else {})},
        older=_address({**kept, "state": sieve.state or "", "cursor": encode_cursor(found.more)})
        if found.more
        else None,
        stopped=found.stopped,
        scan=SCAN,
        bulk=_bulk(sieve),
        here=request.full_path.rstrip("?"),
    )


@blueprint.get("/<int:delivery_id>")
@signed_in
def show(delivery_id: int) -> Response:
    """One delivery: its targets, its attempts, what can be done."""
    require_admin(viewer())
    return render("admin/delivery.html", page=delivery_page(delivery_id), duration=duration)


@blueprint.post("/retry")
@signed_in
def retry_many() -> AnyResponse:
    """Send everything of a sieve again."""
    return _all(retry_all, "sent again")


@blueprint.post("/discard")
@signed_in
def discard_many() -> AnyResponse:
    """Give everything of a sieve up."""
    return _all(discard_all, "given up")


@blueprint.post("/hold")
@signed_in
def hold_many() -> AnyResponse:
    """Hold everything of a sieve back."""
    return _all(hold_all, "held back")


@blueprint.post("/<int:delivery_id>/retry")
@signed_in
def retry_one(delivery_id: int) -> AnyResponse:
    """Send one again."""
    return _one(retry, delivery_id, "Sent again")


@blueprint.post("/<int:delivery_id>/discard")
@signed_in
def discard_one(delivery_id: int) -> AnyResponse:
    """Give one up."""
    return _one(discard, delivery_id, "Given up")


@blueprint.post("/<int:delivery_id>/hold")
@signed_in
def hold_one(delivery_id: int) -> AnyResponse:
    """Hold one back."""
    return _one(hold, delivery_id, "Held back")


def me_for_change() -> User:
    """The administrator, read anew and locked: what they do is recorded on them."""
    user_id = user().id
    begin_write()
    return person_for_change(user_id)


def _sieve(asked: Asked) -> Sieve:
    """The sieve of a form. A state or an inbox that does not exist is not asked for."""
    project = asked.read("project", project_id)
    since = asked.read("since", moment)
    inbox, state, action = asked.typed("inbox"), asked.typed("state"), asked.typed("action")
    return Sieve(
        state=state if state in STATES else None,
        inbox=inbox if inbox in BY_NAME else None,
        action=action if action in NAMES else None,
        project_id=project,
        error=asked.read("error", str),
        since=since,
        nothing=bool(asked.errors),
    )


def _tabs(sieve: Sieve, kept: dict[str, str]) -> list[tuple[str, str, bool, str]]:
    """(words, address, whether it is the one shown, number) of each state that there is, and of all."""
    found = counts(sieve)
    tabs = [("All", _address(kept), sieve.state is None, "")]
    for state, number in found.items():
        if number or state == sieve.state:
            words = f"{number:,}{'+' if number >= COUNTED else ''}"
            tabs.append((WORDS[state], _address({**kept, "state": state}), sieve.state == state, words))
    return tabs


def _bulk(sieve: Sieve) -> dict[str, Any] | None:
    """What can be done with everything the sieve holds: with how many of them, up to which one."""
    if sieve.state is None or sieve.nothing:
        return None
    able = {"retry": sieve.state in AGAIN, "hold": sieve.state in HOLDABLE, "discard": sieve.state in ENDABLE}
    ids = all_of(_meant(sieve)) if any(able.values()) else []
    return {**able, "number": len(ids), "upto": ids[0], "most": len(ids) == COUNTED} if ids else None


def _meant(sieve: Sieve) -> Sieve:
    """Of the skipped ones only those whose inbox was off can be sent."""
    return replace(sieve, missed=True) if sieve.state == "skipped" else sieve


def _all(verb: Callable[..., int], did: str) -> AnyResponse:
    require_admin(viewer())
    asked = Asked(request.form.to_dict())
    state, inbox = asked.typed("state"), asked.typed("inbox") or None
    sieve = _sieve(asked)
    if asked.errors:
        raise Invalid(next(iter(asked.errors.values())), field=next(iter(asked.errors)))
    upto = asked.typed("upto")
    if state in STATES and (inbox is None or inbox in BY_NAME):
        ids = all_of(_meant(sieve), upto=int(upto) if upto.isascii() and upto.isdigit() else None)
    else:
        ids = []
    number = verb(Choice(state=state, inbox=inbox, ids=ids), by=me_for_change(), actor=viewer().actor)
    db.session.commit()
    toast_next_page(f"{plural(number, 'delivery', 'deliveries')} {did}")
    return see_other(request.form.get("next") or "/admin/deliveries")


def _one(verb: Callable[..., Delivery], delivery_id: int, did: str) -> AnyResponse:
    require_admin(viewer())
    verb(delivery_id, by=me_for_change(), actor=viewer().actor)
    db.session.commit()
    toast_next_page(did)
    return see_other(request.form.get("next") or "/admin/deliveries")


def _address(fields: dict[str, str]) -> str:
    words = urlencode({name: value for name, value in fields.items() if value})
    return f"/admin/deliveries?{words}" if words else "/admin/deliveries"
