"""Project settings > Slack: which channel is told what, and whether it listens."""

from flask import Blueprint, Response, current_app, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app import clock
from app.accounts.current import signed_in, viewer
from app.config import Settings
from app.db import begin_write, db
from app.errors import DomainError, Invalid
from app.projects.policy import Right, require
from app.projects.project import Project
from app.projects.queries import project_for_change, visible_project
from app.sealing import seal
from app.slack.channel import FAMILIES, USUAL, channel_of, connect, disconnect
from app.slack.forms import SlackForm, clean_address, clean_title
from app.slack.hello import say_hello
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page

blueprint = Blueprint("slack", __name__, url_prefix="/projects/<key>/settings/slack")


@blueprint.get("")
@signed_in
def index(key: str) -> Response:
    """The channel, how it is doing, and the form."""
    project = _managed(key)
    return _page(project, _form_of(project))


@blueprint.post("")
@signed_in
def save(key: str) -> AnyResponse:
    """Connect a channel or change what it is told."""
    _managed(key)
    form, settings = SlackForm(), _settings()
    try:
        title = clean_title(form.data)
        address = clean_address(form.data, allowed=settings.allowed_outgoing)
        sealed = seal(address) if address else None
        begin_write()
        project = project_for_change(viewer(), key, Right.manage)
        connect(
            project,
            sealed=sealed,
            hint=address[-4:] if address else "",
            title=title,
            families=request.form.getlist("families"),
            actor=viewer().actor,
        )
        db.session.commit()
    except Invalid as error:
        db.session.rollback()
        return _page(_managed(key), form, error)
    toast_next_page("Saved")
    return see_other(url_for("slack.index", key=project.key))


@blueprint.post("/test")
@signed_in
def test(key: str) -> AnyResponse:
    """Say hello in the channel now; what Slack answers is shown."""
    project = _managed(key)
    try:
        say_hello(project, by=viewer().name, settings=_settings())
    except DomainError as error:
        return _page(_managed(key), _form_of(project), error)
    toast_next_page("Sent: look into the channel")
    return see_other(url_for("slack.index", key=project.key))


@blueprint.post("/remove")
@signed_in
def remove(key: str) -> AnyResponse:
    """Take the channel away."""
    _managed(key)
    begin_write()
    project = project_for_change(viewer(), key, Right.manage)
    disconnect(project, actor=viewer().actor)
    db.session.commit()
    toast_next_page("Slack is told nothing more")
    return see_other(url_for("slack.index", key=project.key))


def _form_of(project: Project) -> SlackForm:
    """The form as it stands: the address is not shown again, not even sealed."""
    channel = channel_of(project)
    return SlackForm(formdata=None, title=channel.title if channel else "")


def _managed(key: str) -> Project:
    project = visible_project(viewer(), key)
    require(viewer(), Right.manage, project)
    return project


def _page(project: Project, form: SlackForm, error: DomainError | None = None) -> Response:
    channel = channel_of(project)
    if error:
        form.refuse(error)
    chosen = (
        request.form.getlist("families") if request.method == "POST" and "families" in request.form else None
    )
    return render(
        "slack/settings.html",
        status=error.status if error else 200,
        place=project,
        project=project,
        form=form,
        channel=channel,
        families=[(family.value, words) for family, words in FAMILIES.items()],
        chosen=chosen if chosen is not None else channel.families if channel else USUAL,
        falls_back=_settings().slack_webhook_url is not None and project.is_public,
        now=clock.now(),
        section="slack",
    )


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
