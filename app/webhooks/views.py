"""Project settings > Webhooks: made, changed, switched, given a new secret, removed.

What a webhook was sent stands on its own page, which belongs to app.feeds: it joins events and deliveries.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, current_app, request
from werkzeug.wrappers import Response as AnyResponse

from app.accounts.current import signed_in, viewer
from app.accounts.queries import person_by_username
from app.config import Settings
from app.db import begin_write, db
from app.errors import Conflict, DomainError, Invalid, NotFound
from app.projects.policy import Right
from app.projects.project import Project
from app.projects.queries import project_for_change
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page
from app.webhooks.endpoint import (
    Endpoint,
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    rotate_secret,
    send_test,
    switch_off,
    switch_on,
)
from app.webhooks.forms import EndpointForm, clean_endpoint
from app.webhooks.queries import Standing, endpoint_for_change, endpoints_of, managed_endpoint

blueprint = Blueprint("webhooks", __name__, url_prefix="/projects/<key>/settings/webhooks")


@blueprint.get("")
@signed_in
def index(key: str) -> Response:
    """The endpoints of the project, each with its state and its last day."""
    project, standings = endpoints_of(viewer(), key)
    return _page("index", project, standings=standings)


@blueprint.get("/new")
@signed_in
def new(key: str) -> Response:
    """The form for another one."""
    project, _ = endpoints_of(viewer(), key)
    return _page("edit", project, form=EndpointForm(), standing=None)


@blueprint.post("")
@signed_in
def create(key: str) -> AnyResponse:
    """Make one; the answer shows its secret, this once."""
    project, _ = endpoints_of(viewer(), key)
    form, who = EndpointForm(), viewer()
    try:
        url, actions = clean_endpoint(form.data, allowed=_allowed())
        begin_write()
        project = project_for_change(who, key, Right.manage)
        maker = person_by_username(who.username)
        endpoint, secret = create_endpoint(project, url=url, actions=actions, maker=maker, actor=who.actor)
        db.session.commit()
    except (Invalid, Conflict) as error:
        return _page("edit", project, error, form=form, standing=None)
    return _page("secret", project, endpoint=endpoint, secret=secret, rotated=False)


@blueprint.get("/<int:endpoint_id>/edit")
@signed_in
def edit(key: str, endpoint_id: int) -> Response:
    """Its address and what it is told."""
    standing = of_project(key, endpoint_id)
    return _page("edit", standing.project, form=EndpointForm(obj=standing.endpoint), standing=standing)


@blueprint.post("/<int:endpoint_id>")
@signed_in
def save(key: str, endpoint_id: int) -> AnyResponse:
    """Change what was changed."""
    standing, form = of_project(key, endpoint_id), EndpointForm()
    try:
        url, actions = clean_endpoint(form.data, allowed=_allowed())
        begin_write()
        endpoint, project = endpoint_for_change(viewer(), endpoint_id)
        change_endpoint(endpoint, project, url=url, actions=actions, actor=viewer().actor)
        db.session.commit()
    except Invalid as error:
        return _page("edit", standing.project, error, form=form, standing=standing)
    toast_next_page("Saved")
    return see_other(path_of(project, endpoint_id))


@blueprint.post("/<int:endpoint_id>/enabled")
@signed_in
def switch(key: str, endpoint_id: int) -> AnyResponse:
    """Switch it on (`enabled`) or off."""
    enabled = "enabled" in request.form

    def verb(endpoint: Endpoint, project: Project) -> None:
        if enabled:
            maker = person_by_username(viewer().username)
            switch_on(endpoint, project, maker=maker, actor=viewer().actor)
        else:
            switch_off(endpoint, project, actor=viewer().actor)

    return _change(key, endpoint_id, verb, f"The webhook is {'on' if enabled else 'off'}")


@blueprint.post("/<int:endpoint_id>/test")
@signed_in
def test(key: str, endpoint_id: int) -> AnyResponse:
    """Send it a test event."""

    def verb(endpoint: Endpoint, project: Project) -> None:
        send_test(endpoint, project, actor=viewer().actor)

    return _change(key, endpoint_id, verb, "A test event is on its way")


@blueprint.post("/<int:endpoint_id>/secret")
@signed_in
def rotate(key: str, endpoint_id: int) -> Response:
    """A new secret; the answer shows it, this once."""
    of_project(key, endpoint_id)
    begin_write()
    endpoint, project = endpoint_for_change(viewer(), endpoint_id)
    secret = rotate_secret(endpoint, project, actor=viewer().actor)
    db.session.commit()
    return _page("secret", project, endpoint=endpoint, secret=secret, rotated=True)


@blueprint.post("/<int:endpoint_id>/delete")
@signed_in
def delete(key: str, endpoint_id: int) -> AnyResponse:
    """Remove it for good."""
    of_project(key, endpoint_id)
    begin_write()
    endpoint, project = endpoint_for_change(viewer(), endpoint_id)
    delete_endpoint(endpoint, project, actor=viewer().actor)
    db.session.commit()
    toast_next_page("The webhook is removed")
    return see_other(path_of(project))


def of_project(key: str, endpoint_id: int) -> Standing:
    """The endpoint, if it is one of this project and the viewer manages it. Raises NotFound."""
    standing = managed_endpoint(viewer(), endpoint_id)
    if standing.project.key != key.upper():
        raise NotFound
    return standing


def path_of(project: Project, endpoint_id: int | None = None) -> str:
    """The page of the endpoints, or of one."""
    path = f"/projects/{project.key}/settings/webhooks"
    return path if endpoint_id is None else f"{path}/{endpoint_id}"


def _change(key: str, endpoint_id: int, verb: Callable[[Endpoint, Project], None], done: str) -> AnyResponse:
    of_project(key, endpoint_id)
    begin_write()
    endpoint, project = endpoint_for_change(viewer(), endpoint_id)
    verb(endpoint, project)
    db.session.commit()
    toast_next_page(done)
    return see_other(path_of(project, endpoint_id))


def _allowed() -> tuple[str, ...]:
    settings: Settings = current_app.extensions["settings"]
    return settings.allowed_outgoing


def _page(name: str, project: Project, error: DomainError | None = None, **context: Any) -> Response:
    """One of the pages; with an error nothing of what was tried is kept."""
    if error:
        db.session.rollback()
        context["form"].refuse(error)
    return render(
        f"webhooks/{name}.html",
        status=error.status if error else 200,
        place=project,
        project=project,
        section="webhooks",
        **context,
    )
