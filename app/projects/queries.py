"""What a viewer sees of projects and their members."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select, true

from app.accounts.user import User
from app.accounts.viewer import Viewer
from app.db import db
from app.errors import NotFound
from app.events.recording import holds
from app.projects.membership import Membership
from app.projects.policy import Right, Sight, require, sees, sight, within
from app.projects.project import Project


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a project."""

    user: User
    role: str


def visible_projects(viewer: Viewer, *, archived: bool = False) -> Sequence[Project]:
    """The projects the viewer may see, by name."""
    query = select(Project).where(sees(viewer)).order_by(func.lower(Project.name), Project.id)
    if not archived:
        query = query.where(Project.archived_at.is_(None))
    return db.session.scalars(query).all()


def visible_project(viewer: Viewer, key: str) -> Project:
    """The project with this key. Raises NotFound when there is none that the viewer may see."""
    project = db.session.scalar(_project(sight(viewer)), {"key": key.upper(), "viewer_id": viewer.user_id})
    if project is None:
        raise NotFound
    return project


@cache
def _project(far: Sight) -> Select[Project]:
    return select(Project).where(func.upper(Project.key) == bindparam("key"), within(far))


def project_for_change(viewer: Viewer, key: str, right: Right) -> Project:
    """The project, locked until the commit, if the viewer has this right in it."""
    query = (
        select(Project)
        .where(func.upper(Project.key) == key.upper(), sees(viewer))
        .with_for_update(of=Project)
        .execution_options(populate_existing=True)
    )
    project = db.session.scalar(query)
    if project is None:
        raise NotFound
    holds(project)
    require(viewer, right, project)
    return project


def members(project: Project) -> list[Member]:
    """Everybody in the project, leads first, then by name."""
    query = (
        select(User, Membership.role)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.project_id == project.id)
        .order_by(Membership.role, func.lower(User.name))
    )
    return [Member(user, role) for user, role in db.session.execute(query)]


def member_for_change(project: Project, username: str) -> User:
    """The member with this username, read anew. Raises NotFound when they are not in the project."""
    query = (
        select(User)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.project_id == project.id, func.lower(User.username) == username.lower())
        .execution_options(populate_existing=True)
    )
    user = db.session.scalar(query)
    if user is None:
        raise NotFound
    return user


def roles_of(user: User) -> list[tuple[Project, str]]:
    """The projects the person belongs to, by name, with their role in each: for administrators."""
    query = (
        select(Project, Membership.role)
        .join(Membership, Membership.project_id == Project.id)
        .where(Membership.user_id == user.id)
        .order_by(func.lower(Project.name))
    )
    return [(project, role) for project, role in db.session.execute(query)]


def people_who_see(project: Project, *, starting: str = "", limit: int = 200) -> Sequence[User]:
    """Active people who may see the project: who can be assigned or mentioned; by name."""
    query = select(User).where(User.is_active, _inside(project)).order_by(func.lower(User.name)).limit(limit)
    if starting:
        pattern = starting.lower().replace("%", "") + "%"
        query = query.where(func.lower(User.username).like(pattern) | func.lower(User.name).like(pattern))
    return db.session.scalars(query).all()


def people_named(project: Project, usernames: Sequence[str]) -> Sequence[User]:
    """Of these people the active ones who may see the project."""
    if not usernames:
        return []
    query = select(User).where(
        User.is_active, func.lower(User.username).in_([name.lower() for name in usernames])
    )
    return db.session.scalars(query.where(_inside(project)).order_by(User.id)).all()


def _inside(project: Project) -> ColumnElement[bool]:
    if project.is_public:
        return true()
    members_of_it = select(Membership.user_id).where(Membership.project_id == project.id)
    return or_(User.id.in_(members_of_it), User.is_admin)
