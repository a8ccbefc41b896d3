"""Admin > Slack: the installation's channel and those of projects, and how each is doing."""

from flask import Blueprint, Response, current_app

from app import clock
from app.accounts.current import signed_in, viewer
from app.projects.policy import require_admin
from app.slack.channel import connected_channels, instance_channel
from app.web.render import render

blueprint = Blueprint("admin_slack", __name__, url_prefix="/admin/slack")


@blueprint.get("")
@signed_in
def index() -> Response:
    """Every channel with its state and its last error."""
    require_admin(viewer())
    settings = current_app.extensions["settings"]
    return render(
        "admin/slack.html",
        instance=instance_channel(),
        has_instance=settings.slack_webhook_url is not None,
        channels=connected_channels(),
        now=clock.now(),
    )
