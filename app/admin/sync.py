"""Admin > External sync: every connection, how it goes, and what it last said."""

from flask import Blueprint, Response

from app import clock
from app.accounts.current import signed_in, viewer
from app.projects.policy import require_admin
from app.sync.connection import DIRECTIONS
from app.sync.queries import all_connections
from app.web.render import render

blueprint = Blueprint("admin_sync", __name__, url_prefix="/admin/sync")


@blueprint.get("")
@signed_in
def index() -> Response:
    """Every connection with its state and its last error."""
    require_admin(viewer())
    return render("admin/sync.html", rows=all_connections(), directions=DIRECTIONS, now=clock.now())
