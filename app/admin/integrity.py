"""Admin > Integrity: is everything as it was recorded? The last check, one now, and the checkpoints to carry away."""

from flask import Blueprint, Response
from werkzeug.wrappers import Response as AnyResponse

from app.accounts.current import signed_in, viewer
from app.db import begin_write, db
from app.errors import NotFound
from app.events.carried_checkpoint import as_json
from app.events.checking import ask_for_check, runs
from app.events.checkpoint import Checkpoint, checkpoints, make_checkpoint
from app.projects.policy import require_admin
from app.web.redirects import see_other
from app.web.render import render
from app.web.table_export import text_file
from app.web.toasts import toast_next_page

blueprint = Blueprint("admin_integrity", __name__, url_prefix="/admin/integrity")


@blueprint.get("")
@signed_in
def index() -> Response:
    """How the last check went, or how far the one in hand has come."""
    require_admin(viewer())
    found = runs()
    return render(
        "admin/integrity.html",
        fragment="check",
        run=found[0] if found else None,
        earlier=found[1:],
        checkpoints=checkpoints(),
    )


@blueprint.post("/runs")
@signed_in
def check_now() -> AnyResponse:
    """Ask for a check of everything; a worker does it."""
    require_admin(viewer())
    begin_write()
    ask_for_check()
    db.session.commit()
    return see_other("/admin/integrity")


@blueprint.post("/checkpoints")
@signed_in
def checkpoint_now() -> AnyResponse:
    """Make a checkpoint of what moved since the last one."""
    require_admin(viewer())
    made = make_checkpoint()
    toast_next_page(
        f"Checkpoint {made.number} is made" if made else "Nothing moved since the last checkpoint"
    )
    return see_other("/admin/integrity")


@blueprint.get("/checkpoints/<int:number>.json")
@signed_in
def one_checkpoint(number: int) -> Response:
    """A checkpoint with its heads, to be kept elsewhere."""
    require_admin(viewer())
    found = db.session.get(Checkpoint, number)
    if found is None:
        raise NotFound
    return text_file(f"tidings-checkpoint-{number}.json", "application/json", as_json(found))
