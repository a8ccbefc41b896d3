"""Admin > Webhooks: every endpoint of every project, those that need somebody first."""

from flask import Blueprint, Response
from werkzeug.wrappers import Response as AnyResponse

from app.accounts.current import signed_in, viewer
from app.accounts.queries import person_for_change
from app.db import begin_write, db
from app.events.webhook_actions import WHY_OFF
from app.inboxes.webhook_repair import missed_counts, send_held
from app.projects.policy import require_admin
from app.web.filters import plural
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page
from app.webhooks.queries import endpoint_for_change, every_endpoint

blueprint = Blueprint("admin_webhooks", __name__, url_prefix="/admin/webhooks")


@blueprint.get("")
@signed_in
def index() -> Response:
    """Project, owner, state, the last day, the last error, what is held."""
    standings = every_endpoint(viewer())
    missed = missed_counts([one.endpoint.id for one in standings])
    return render("admin/webhooks.html", standings=standings, missed=missed, why_off=WHY_OFF)


@blueprint.post("/<int:endpoint_id>/send-held")
@signed_in
def send(endpoint_id: int) -> AnyResponse:
    """Send what was held while the endpoint was off."""
    require_admin(viewer())
    user_id = viewer().user_id or 0
    begin_write()
    endpoint, _project = endpoint_for_change(viewer(), endpoint_id)
    number = send_held(endpoint, by=person_for_change(user_id), actor=viewer().actor)
    db.session.commit()
    toast_next_page(f"{plural(number, 'event')} on the way")
    return see_other("/admin/webhooks")
