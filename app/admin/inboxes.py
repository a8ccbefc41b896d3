"""Admin > Inboxes: what reacts to events, switched and watched; past events offered again."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from app import clock
from app.accounts.current import signed_in, viewer
from app.admin.asked import Asked, local, moment, project_id
from app.admin.deliveries import me_for_change
from app.admin.figures import health_and_inboxes
from app.admin.ledger import entries
from app.admin.ticks import TICK, tick
from app.db import db
from app.errors import Conflict, Invalid
from app.feeds.receipts import duration
from app.inboxes.failed import failed_now
from app.inboxes.registry import BY_NAME, INBOXES
from app.inboxes.replay import Wish, cancel, count, sentences, start
from app.inboxes.replays import recent
from app.inboxes.searching import Sieve, find
from app.inboxes.setting import switch
from app.projects.policy import require_admin
from app.web.redirects import see_other
from app.web.render import render, wants_fragment
from app.web.toasts import toast_next_page

blueprint = Blueprint("admin_inboxes", __name__, url_prefix="/admin")
FEW = 5
"""Dead deliveries the page of the inboxes shows by itself."""
REPLAYS = 5
"""And replays."""
FLAGS = ("imported", "forced")


@blueprint.get("/inboxes")
@signed_in
def inboxes() -> Response:
    """Every inbox with its switch and its last day."""
    require_admin(viewer())
    asked = Asked(request.args.to_dict())
    return _page(asked)


@blueprint.get("/inboxes/failed")
@signed_in
def failed() -> AnyResponse:
    """The number in the side bar, for the page that is open."""
    require_admin(viewer())
    if not wants_fragment():
        return see_other("/admin/inboxes")
    number, head = failed_now()
    return render("admin/_failed.html", fragment="failed", number=number, head=head)


@blueprint.post("/inboxes/<name>")
@signed_in
def switch_inbox(name: str) -> AnyResponse:
    """Switch an inbox on (`enabled`) or off: new events at once, waiting ones when they are claimed."""
    require_admin(viewer())
    enabled = "enabled" in request.form
    me = me_for_change()
    switch(name, enabled=enabled, by=me, actor=viewer().actor, known=set(BY_NAME))
    db.session.commit()
    title = BY_NAME[name].title
    toast_next_page(
        f"{title} is {'on' if enabled else 'off'}",
        undo_path=f"/admin/inboxes/{name}",
        **({} if enabled else {"enabled": "1"}),
    )
    return see_other("/admin/inboxes")


@blueprint.get("/replays")
@signed_in
def count_replay() -> Response:
    """The first of two presses: what a replay would do. Changes nothing."""
    require_admin(viewer())
    asked = Asked(request.args.to_dict())
    wish = _wish(asked)
    counted = None
    if wish is not None:
        try:
            counted = count(wish)
        except Invalid as error:
            asked.refuse(error)
    return _page(
        asked, wish=wish, counted=counted, words=sentences(wish, counted) if wish and counted else ""
    )


@blueprint.post("/replays")
@signed_in
def start_replay() -> AnyResponse:
    """The second press."""
    require_admin(viewer())
    asked = Asked(request.form.to_dict())
    wish = _wish(asked)
    if wish is not None:
        try:
            replay = start(wish, by=me_for_change(), actor=viewer().actor)
            db.session.commit()
        except (Invalid, Conflict) as error:
            db.session.rollback()
            asked.refuse(Invalid(error.message, field=error.field))
        else:
            toast_next_page(f"{replay.total:,} are being sent to {wish.kind.title}")
            return see_other("/admin/inboxes#replay")
    return _page(asked)


@blueprint.post("/replays/<int:replay_id>/cancellation")
@signed_in
def cancel_replay(replay_id: int) -> AnyResponse:
    """Stop a replay where it is."""
    require_admin(viewer())
    me_for_change()
    cancel(replay_id)
    db.session.commit()
    toast_next_page("The replay has stopped")
    return see_other("/admin/inboxes#replay")


def _wish(asked: Asked) -> Wish | None:
    """What was asked for; None when a field is wrong."""
    inbox = asked.typed("inbox")
    project = asked.read("project", project_id)
    since = asked.read("since", moment)
    until = asked.read("until", moment) or clock.now()
    if inbox not in BY_NAME:
        asked.errors.setdefault("inbox", "Choose an inbox")
    if since is None:
        asked.errors.setdefault("since", "Say from when on")
    if asked.errors or since is None:
        return None
    flags = {name: bool(asked.typed(name)) for name in FLAGS}
    return Wish(inbox=inbox, since=since, until=until, project_id=project, **flags)


def _page(asked: Asked, **replay: Any) -> Response:
    health, boxes = health_and_inboxes()
    now = clock.now()
    proposed = {"since": local(now - timedelta(days=1)), "until": local(now)}
    return render(
        "admin/inboxes.html",
        fragment="numbers",
        status=asked.status,
        topics=[f"tick:{TICK}"],
        tick=tick(),
        every=TICK,
        health=health,
        boxes=boxes,
        dead=entries(find(Sieve(state="dead"), limit=FEW).ids),
        duration=duration,
        replays=recent(REPLAYS),
        asked=asked,
        proposed=proposed,
        inboxes=INBOXES,
        **{"wish": None, "counted": None, "words": "", **replay},
    )
