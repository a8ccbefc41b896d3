"""The pages of a project itself: a new one, its settings, its members."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.accounts.current import signed_in, viewer
from app.accounts.queries import person_by_username
from app.accounts.user import User
from app.db import begin_write, db
from app.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from app.projects.forms import MemberForm, NewProjectForm, ProjectForm, clean_description, clean_name
from app.projects.membership import add_member, change_role, remove_member
from app.projects.policy import Right, may, may_create_projects, require
from app.projects.project import (
    Project,
    archive,
    change_visibility,
    create_project,
    describe,
    rename,
    unarchive,
)
from app.projects.queries import member_for_change, members, project_for_change, visible_project
from app.web.forms import Form
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page

blueprint = Blueprint("projects", __name__, url_prefix="/projects")


@blueprint.get("/new")
@signed_in
def new() -> Response:
    """The form for a new project."""
    _require_creator()
    return _page("new", NewProjectForm())


@blueprint.post("")
@signed_in
def create() -> AnyResponse:
    """Make a project; who makes it leads it."""
    _require_creator()
    form, who = NewProjectForm(), viewer()
    try:
        name, description = clean_name(form.data), clean_description(form.data)
        begin_write()
        project = create_project(
            key=form.key.data or "",
            name=name,
            visibility=form.visibility.data or "",  # type: ignore[arg-type] # checked by the verb
            description=description,
            actor=who.actor,
        )
        add_member(project, person_by_username(who.username), role="lead", actor=who.actor)
        db.session.commit()
    except Invalid as error:
        return _page("new", form, error)
    return see_other(url_for("projects.show", key=project.key))


@blueprint.get("/<key>")
def show(key: str) -> AnyResponse:
    """The project's issues are its first page."""
    return redirect(f"/projects/{visible_project(viewer(), key).key}/issues", 302)


@blueprint.get("/<key>/settings")
def settings(key: str) -> Response:
    """Name, description, visibility, archive."""
    project = _managed(key)
    return _page("settings", ProjectForm(obj=project), project=project)


@blueprint.post("/<key>/settings")
def save_settings(key: str) -> AnyResponse:
    """Change what was changed, an event for each."""
    project, form, actor = _managed(key), ProjectForm(), viewer()
    try:
        name, description = clean_name(form.data), clean_description(form.data)
        project = _for_change(key)
        rename(project, name, actor=actor.actor)
        describe(project, description, actor=actor.actor)
        change_visibility(project, form.visibility.data or "", actor=actor.actor)  # type: ignore[arg-type]
        db.session.commit()
    except Invalid as error:
        return _page("settings", form, error, project=visible_project(viewer(), key))
    toast_next_page("Saved")
    return see_other(url_for("projects.settings", key=project.key))


@blueprint.post("/<key>/archive/add")
def put_away(key: str) -> AnyResponse:
    """Archive the project."""
    return _change(key, "settings", lambda project: archive(project, actor=viewer().actor), "Archived")


@blueprint.post("/<key>/archive/remove")
def bring_back(key: str) -> AnyResponse:
    """Take an archived project up again."""
    return _change(key, "settings", lambda project: unarchive(project, actor=viewer().actor), "Brought back")


@blueprint.get("/<key>/settings/members")
def member_list(key: str) -> Response:
    """Who belongs to the project, and as what."""
    project = _managed(key)
    return _members_page(project, MemberForm())


@blueprint.post("/<key>/settings/members")
def add(key: str) -> AnyResponse:
    """Take somebody in."""
    project, form = _managed(key), MemberForm()
    try:
        project = _for_change(key)
        person = _joining(form.username.data or "")
        add_member(project, person, role=form.role.data or "", actor=viewer().actor)  # type: ignore[arg-type]
        db.session.commit()
    except Invalid as error:
        return _members_page(visible_project(viewer(), key), form, error)
    except Conflict as error:
        return _members_page(visible_project(viewer(), key), form, Conflict(error.message, field="username"))
    toast_next_page(f"{person.name} is in {project.name} now")
    return see_other(url_for("projects.member_list", key=project.key))


@blueprint.post("/<key>/settings/members/<username>/role")
def give_role(key: str, username: str) -> AnyResponse:
    """Give a member another role."""

    def verb(project: Project) -> None:
        person = member_for_change(project, username)
        change_role(project, person, role=request.form.get("role", ""), actor=viewer().actor)  # type: ignore[arg-type]

    return _change(key, "member_list", verb, "Role changed")


@blueprint.post("/<key>/settings/members/<username>/remove")
def remove(key: str, username: str) -> AnyResponse:
    """Take somebody out."""

    def verb(project: Project) -> None:
        remove_member(project, member_for_change(project, username), actor=viewer().actor)

    return _change(key, "member_list", verb, "Removed")


def _require_creator() -> None:
    if not may_create_projects(viewer()):
        raise Forbidden("You may not make projects")


def _managed(key: str) -> Project:
    """The project, if the viewer manages it: 404 when it may not be seen, 403 when it may not be managed."""
    project = visible_project(viewer(), key)
    require(viewer(), Right.manage, project)
    return project


def _for_change(key: str) -> Project:
    begin_write()
    return project_for_change(viewer(), key, Right.manage)


def _joining(username: str) -> User:
    try:
        person = person_by_username(username.strip().removeprefix("@"))
    except NotFound:
        raise Invalid("There is nobody with this username", field="username") from None
    if not person.is_active:
        raise Invalid(f"The account of {person.name} is closed", field="username")
    return person


def _change(key: str, page: str, verb: Callable[[Project], None], done: str) -> AnyResponse:
    """One verb on the project, one commit, and back to the page, if it is still the viewer's to see."""
    project = _for_change(key)
    try:
        verb(project)
        db.session.commit()
    except (Invalid, Conflict) as error:
        db.session.rollback()
        project = visible_project(viewer(), key)
        if page == "member_list":
            return _members_page(project, MemberForm(formdata=None), error)
        return _page(page, ProjectForm(formdata=None, obj=project), error, project=project)
    toast_next_page(done)
    if not may(viewer(), Right.manage, project):
        return see_other("/projects")
    return see_other(url_for(f"projects.{page}", key=project.key))


def _members_page(project: Project, form: MemberForm, error: DomainError | None = None) -> Response:
    if error:
        db.session.rollback()
    return _page("members", form, error, project=project, members=members(project))


def _page(name: str, form: Form, error: DomainError | None = None, **context: Any) -> Response:
    """One of the pages; with an error nothing of what was tried is kept."""
    if error:
        db.session.rollback()
        form.refuse(error)
    return render(
        f"projects/{name}.html",
        status=error.status if error else 200,
        place=context.get("project"),
        form=form,
        section=name,
        **context,
    )
