"""Projects, their labels and their members."""

from typing import cast

from flask import Response, current_app
from pydantic import Field

from app.accounts.directory import find_person
from app.api.blueprint import blueprint, tag
from app.api.entry import caller, viewer
from app.api.idempotency import answer, begin, done
from app.api.parameters import Address, Body, Listing, ProjectAddress, cut
from app.api.shapes import (
    Labels,
    LabelShape,
    Members,
    MemberShape,
    Projects,
    ProjectShape,
)
from app.errors import Forbidden, Invalid, NotFound
from app.events.project_actions import RoleName, Visibility
from app.issues.label import NAME_MAX as LABEL_MAX
from app.issues.label import create_label, project_labels
from app.projects.membership import add_member, remove_member
from app.projects.policy import Right, may_create_projects
from app.projects.project import Project, create_project
from app.projects.queries import members, project_for_change, visible_project, visible_projects
from app.web.text import clean_line, clean_text

TAGS = tag("Projects", "Places for issues, with a key, labels and members.")
NAME_MAX = 80
DESCRIPTION_MAX = 2_000


class ProjectListing(Listing):
    """Which projects."""

    archived: bool = Field(default=False, description="Show projects that were put away, too.")


class NewProject(Body):
    """A project to be."""

    key: str = Field(max_length=20, description="2 to 10 capital letters and digits, a letter first.")
    name: str = Field(max_length=400)
    visibility: Visibility = Field(
        default="members", description="Who may see it: everybody, or its members only."
    )
    description: str = Field(default="", max_length=8_000)


class NewLabel(Body):
    """A label to be."""

    name: str = Field(max_length=400)
    color: str = Field(default="sky", description="rose, gold, moss, sky, iris or clay.")


class NewMember(Body):
    """A person who joins."""

    username: str = Field(max_length=80)
    role: RoleName = "member"


class MemberAddress(Address):
    """A person in a project."""

    key: str = Field(max_length=20, description="The key of the project, like TLS.")
    username: str = Field(max_length=80)


@blueprint.get("/projects", tags=TAGS, summary="The projects you see", responses={200: Projects})
def projects(query: ProjectListing) -> Response:
    """By name."""
    rows = visible_projects(viewer(), archived=query.archived)
    page, more = cut(rows, query, by=lambda project: project.key)
    return answer(Projects(items=[project_shape(project) for project in page], next_cursor=more))


@blueprint.post("/projects", tags=TAGS, summary="Make a project", responses={201: ProjectShape})
def create_a_project(body: NewProject) -> Response:
    """You become its lead."""
    if not may_create_projects(viewer()):
        raise Forbidden("You may not make projects")
    name = clean_line(body.name, field="name", name="The name", most=NAME_MAX)
    about = clean_text(body.description, field="description", name="The description", most=DESCRIPTION_MAX)
    begin()
    actor = viewer().actor
    project = create_project(
        key=body.key, name=name, visibility=body.visibility, description=about, actor=actor
    )
    add_member(project, caller().owner, role="lead", actor=actor)
    return done(201, project_shape(project))


@blueprint.get("/projects/<key>", tags=TAGS, summary="A project", responses={200: ProjectShape})
def one_project(path: ProjectAddress) -> Response:
    """The project with this key."""
    return answer(project_shape(visible_project(viewer(), path.key)))


@blueprint.get("/projects/<key>/labels", tags=TAGS, summary="Its labels", responses={200: Labels})
def labels(path: ProjectAddress, query: Listing) -> Response:
    """By name."""
    rows = project_labels(visible_project(viewer(), path.key))
    page, more = cut(rows, query, by=lambda label: label.name)
    items = [LabelShape(name=label.name, color=label.color) for label in page]
    return answer(Labels(items=items, next_cursor=more))


@blueprint.post("/projects/<key>/labels", tags=TAGS, summary="Make a label", responses={201: LabelShape})
def create_a_label(path: ProjectAddress, body: NewLabel) -> Response:
    """For leads and administrators."""
    visible_project(viewer(), path.key)
    name = clean_line(body.name, field="name", name="The name", most=LABEL_MAX)
    begin()
    project = project_for_change(viewer(), path.key, Right.manage)
    label = create_label(project, name=name, color=body.color, actor=viewer().actor)
    return done(201, LabelShape(name=label.name, color=label.color))


@blueprint.get("/projects/<key>/members", tags=TAGS, summary="Its members", responses={200: Members})
def project_members(path: ProjectAddress, query: Listing) -> Response:
    """Leads first, then by name."""
    rows = members(visible_project(viewer(), path.key))
    page, more = cut(rows, query, by=lambda member: member.user.username)
    items = [
        MemberShape(username=one.user.username, name=one.user.name, role=cast(RoleName, one.role))
        for one in page
    ]
    return answer(Members(items=items, next_cursor=more))


@blueprint.post("/projects/<key>/members", tags=TAGS, summary="Add a member", responses={201: MemberShape})
def add_a_member(path: ProjectAddress, body: NewMember) -> Response:
    """For leads and administrators."""
    begin()
    project = project_for_change(viewer(), path.key, Right.manage)
    person = find_person(body.username)
    if person is None or not person.is_active:
        raise Invalid(f"There is nobody called {body.username[:40]}", field="username")
    add_member(project, person, role=body.role, actor=viewer().actor)
    return done(201, MemberShape(username=person.username, name=person.name, role=body.role))


@blueprint.delete(
    "/projects/<key>/members/<username>", tags=TAGS, summary="Remove a member", responses={204: None}
)
def remove_a_member(path: MemberAddress) -> Response:
    """For leads and administrators. The only lead stays."""
    begin()
    project = project_for_change(viewer(), path.key, Right.manage)
    person = next(
        (one.user for one in members(project) if one.user.username.lower() == path.username.lower()), None
    )
    if person is None:
        raise NotFound
    remove_member(project, person, actor=viewer().actor)
    return done(204)


def project_shape(project: Project) -> ProjectShape:
    """A project as the API shows it."""
    return ProjectShape(
        key=project.key,
        name=project.name,
        visibility=cast(Visibility, project.visibility),
        description=project.description,
        event_seq=project.event_seq,
        created_at=project.created_at,
        archived_at=project.archived_at,
        url=f"{current_app.extensions['settings'].base_url}/projects/{project.key}",
    )
