"""Project settings > GitHub: connect, test, choose, pause, end; and how it goes."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, current_app, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.accounts.current import signed_in, viewer
from app.config import Settings
from app.db import begin_write, db
from app.errors import Conflict, DomainError, Invalid, NotFound
from app.projects.policy import Right
from app.projects.project import Project
from app.projects.queries import project_for_change
from app.sealing import Unsealable, seal
from app.sync import connection as connections
from app.sync import turns
from app.sync.connection import SyncConnection, connection_of
from app.sync.forms import SyncForm, clean_repository, clean_token, clean_wishes, form_of
from app.sync.github import Failed, GitHub, Gone, Limited, Refused, Rejected
from app.sync.link import forget
from app.sync.queries import health, managed_connection
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page

blueprint = Blueprint("sync", __name__, url_prefix="/projects/<key>/settings/sync")


@blueprint.get("")
@signed_in
def index(key: str) -> Response:
    """The connection, how it goes, and the form."""
    project, connection = managed_connection(viewer(), key)
    return _page(project, form_of(connection))


@blueprint.post("")
@signed_in
def save(key: str) -> AnyResponse:
    """Connect the project, or change what is exchanged."""
    project, connection = managed_connection(viewer(), key)
    form = SyncForm()
    try:
        if connection is None:
            return _connect(project, form)
        token, wishes = clean_token(form.data), clean_wishes(form.data, project)
        if token:
            _try_out(connection.repository, token)
        begin_write()
        project = project_for_change(viewer(), key, Right.manage)
        connection = _locked(project)
        connections.change(
            connection, wishes, token=_sealed(token), hint=(token or "")[-4:], actor=viewer().actor
        )
        db.session.commit()
    except (Invalid, Conflict) as error:
        db.session.rollback()
        return _page(managed_connection(viewer(), key)[0], form, error)
    toast_next_page("Saved")
    return see_other(url_for("sync.index", key=project.key))


@blueprint.post("/test")
@signed_in
def test(key: str) -> AnyResponse:
    """Ask GitHub about the repository now; what it answers is shown."""
    project, connection = managed_connection(viewer(), key)
    if connection is None:
        raise NotFound
    try:
        _try_out(connection.repository, turns.token_of(connection, _settings()))
    except (Invalid, Refused, Unsealable) as error:
        return _page(project, form_of(connection), Conflict(f"{error}."))
    toast_next_page("GitHub answers, and the token is good")
    return see_other(url_for("sync.index", key=project.key))


@blueprint.post("/pause")
@signed_in
def pause(key: str) -> AnyResponse:
    """Exchange nothing for now."""
    return _act(key, lambda one: connections.pause(one, None, actor=viewer().actor), "Paused")


@blueprint.post("/resume")
@signed_in
def resume(key: str) -> AnyResponse:
    """Go on, with what waited."""
    return _act(key, lambda one: connections.resume(one, actor=viewer().actor), "It goes on")


@blueprint.post("/remove")
@signed_in
def remove(key: str) -> AnyResponse:
    """End the connection. Nothing is deleted on either side."""

    def end(connection: SyncConnection) -> None:
        connections.recorded_end(connection, actor=viewer().actor)
        forget(connection)

    return _act(key, end, "Disconnected: both sides keep what they have")


@blueprint.post("/secret")
@signed_in
def secret(key: str) -> AnyResponse:
    """A new secret for GitHub's calls; the old one is void at once."""
    managed_connection(viewer(), key)
    fresh = connections.new_secret()
    sealed = _sealed(fresh)
    begin_write()
    project = project_for_change(viewer(), key, Right.manage)
    connection = _locked(project)
    connection.secret = sealed or ""
    connections.recorded_change(connection, "secret", actor=viewer().actor)
    db.session.commit()
    return _page(project, form_of(connection), secret=fresh)


def _connect(project: Project, form: SyncForm) -> Response:
    repository, token = clean_repository(form.data), clean_token(form.data)
    wishes = clean_wishes(form.data, project)
    settings = _settings()
    if token is None and not (viewer().is_admin and settings.github_token):
        raise Invalid("Give a token: without one GitHub lets nobody write", field="token")
    _try_out(repository, token or settings.github_token or "")
    fresh = connections.new_secret()
    sealed_token, sealed_secret = _sealed(token), _sealed(fresh)
    begin_write()
    project = project_for_change(viewer(), project.key, Right.manage)
    connection = connections.connect(
        project,
        repository=repository,
        token=sealed_token,
        hint=(token or "")[-4:],
        secret=sealed_secret or "",
        wishes=wishes,
        history=bool(form.history.data),
        actor=viewer().actor,
    )
    db.session.commit()
    return _page(project, form_of(connection), secret=fresh)


def _try_out(repository: str, token: str) -> None:
    """Raises Invalid at the field it concerns."""
    settings = _settings()
    hub = GitHub(settings.github_api_url, repository, token, turns.allowed(settings))
    try:
        hub.about()
    except Refused as refusal:
        field = "repository" if "repository" in str(refusal) or "issues" in str(refusal) else "token"
        raise Invalid(str(refusal), field=field) from refusal
    except (Failed, Limited, Gone, Rejected) as failure:
        raise Invalid(str(failure), field="repository") from failure


def _act(key: str, verb: Callable[[SyncConnection], None], done: str) -> AnyResponse:
    managed_connection(viewer(), key)
    begin_write()
    project = project_for_change(viewer(), key, Right.manage)
    verb(_locked(project))
    db.session.commit()
    toast_next_page(done)
    return see_other(url_for("sync.index", key=project.key))


def _locked(project: Project) -> SyncConnection:
    found = connection_of(project.id)
    connection = connections.locked(found.id) if found else None
    if connection is None:
        raise NotFound
    connection.project = project
    return connection


def _sealed(secret: str | None) -> str | None:
    return seal(secret) if secret else None


def _page(
    project: Project, form: SyncForm, error: DomainError | None = None, *, secret: str | None = None
) -> Response:
    connection = connection_of(project.id)
    if error:
        form.refuse(error)
    settings = _settings()
    more: dict[str, Any] = {}
    if connection is not None:
        more["health"] = health(connection)
        more["hook"] = f"{settings.base_url}/sync/github/{connection.uid}"
    return render(
        "sync/settings.html",
        status=error.status if error else 200,
        place=project,
        project=project,
        connection=connection,
        form=form,
        secret=secret,
        may_borrow=viewer().is_admin and settings.github_token is not None,
        section="sync",
        **more,
    )


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
