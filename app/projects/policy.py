"""Rights: the one place where they are decided. Every page, feed, stream, mail and answer asks here.

A right follows from the viewer's standing in the project. What one may not see does not exist (404); what one
may see and not do is refused (403). An archived project can be read and not changed.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, bindparam, false, literal, or_, select, true
from sqlalchemy.orm import aliased

from app.accounts.viewer import Viewer
from app.db import BigId, rows
from app.errors import Forbidden, NotFound
from app.projects.membership import Membership
from app.projects.project import Project


class Right(StrEnum):
    """What can be done in a project."""

    see = "see"
    report = "report"
    """Open an issue."""
    comment = "comment"
    triage = "triage"
    """Move, assign, label, prioritise, retitle: the daily work."""
    moderate = "moderate"
    """Edit or remove what somebody else wrote."""
    manage = "manage"
    """Settings, members, labels of the project."""


class Standing(StrEnum):
    """Where the viewer stands towards one project."""

    visitor = "visitor"
    stranger = "stranger"
    viewer = "viewer"
    member = "member"
    lead = "lead"
    admin = "admin"


_READ = frozenset({Right.see})
_WORK = frozenset({Right.see, Right.report, Right.comment, Right.triage})
_ALL = frozenset(Right)

MEMBERS_ONLY: dict[Standing, frozenset[Right]] = {
    Standing.visitor: frozenset(),
    Standing.stranger: frozenset(),
    Standing.viewer: _READ,
    Standing.member: _WORK,
    Standing.lead: _ALL,
    Standing.admin: _ALL,
}
PUBLIC: dict[Standing, frozenset[Right]] = {
    Standing.visitor: _READ,
    Standing.stranger: frozenset({Right.see, Right.report, Right.comment}),
    Standing.viewer: frozenset({Right.see, Right.report, Right.comment}),
    Standing.member: _WORK,
    Standing.lead: _ALL,
    Standing.admin: _ALL,
}
"""In a public project all who have signed in may report and comment; a viewer has no less than a stranger."""


def rights(viewer: Viewer, project: Project, standing: Standing | None = None) -> frozenset[Right]:
    """Everything the viewer may do in the project; asks for the standing unless it is given."""
    standing = standing or standing_of(viewer, project)
    granted = (PUBLIC if project.is_public else MEMBERS_ONLY)[standing]
    if project.archived_at is not None:
        granted &= frozenset({Right.see, Right.manage})
    return granted if viewer.can_write else granted & _READ


def may(viewer: Viewer, right: Right, project: Project) -> bool:
    """Whether the viewer may do this in the project."""
    return right in rights(viewer, project)


def require(viewer: Viewer, right: Right, project: Project) -> frozenset[Right]:
    """The viewer's rights, this one among them. NotFound when the project may not be seen, else Forbidden."""
    granted = rights(viewer, project)
    if Right.see not in granted:
        raise NotFound
    if right not in granted:
        if project.archived_at is not None:
            raise Forbidden(f"{project.name} is archived: it can be read and not changed")
        if not viewer.signed_in:
            raise Forbidden("Sign in to do this")
        raise Forbidden(f"You may read {project.name}, and not do this in it")
    return granted


def standing_of(viewer: Viewer, project: Project) -> Standing:
    """Where the viewer stands towards the project. One query, none for visitors and administrators."""
    if viewer.is_admin:
        return Standing.admin
    if viewer.user_id is None:
        return Standing.visitor
    found = rows(_ROLE, project_id=project.id, user_id=viewer.user_id)
    return Standing(found[0].role) if found else Standing.stranger


_ROLE = select(Membership.role).where(
    Membership.project_id == bindparam("project_id"), Membership.user_id == bindparam("user_id")
)


def leads(viewer: Viewer, project: Project) -> bool:
    """Whether the viewer leads the project, or administers all of them: who is told what others are not."""
    return standing_of(viewer, project) in (Standing.lead, Standing.admin)


def led(far: "Sight") -> ColumnElement[bool]:
    """`leads` as a condition on Project rows, for a statement that is kept: as `within`."""
    if far is Sight.everything:
        return true()
    if far is Sight.public:
        return false()
    mine = aliased(Membership)
    user_id = bindparam("viewer_id", type_=BigId, required=True)
    return Project.id.in_(select(mine.project_id).where(mine.user_id == user_id, mine.role == "lead"))


def sees(viewer: Viewer) -> ColumnElement[bool]:
    """The condition on Project rows this viewer may see: the same rule as `rights`, for queries over many."""
    return _in_sight(sight(viewer), literal(viewer.user_id, BigId))


class Sight(StrEnum):
    """How far a viewer sees: what a statement that is kept for many viewers depends on, besides who they are."""

    everything = "everything"
    public = "public"
    own = "own"


def sight(viewer: Viewer) -> Sight:
    """Administrators see everything, visitors what is public, others that and their own projects."""
    if viewer.is_admin:
        return Sight.everything
    return Sight.public if viewer.user_id is None else Sight.own


def within(far: Sight) -> ColumnElement[bool]:
    """`sees` for a statement that is built once: it is run with `viewer_id=viewer.user_id`, and not without."""
    return _in_sight(far, bindparam("viewer_id", type_=BigId, required=True))


def _in_sight(far: Sight, user_id: ColumnElement[Any]) -> ColumnElement[bool]:
    if far is Sight.everything:
        return true()
    if far is Sight.public:
        return Project.visibility == "public"
    mine = aliased(Membership)
    member = select(mine.project_id).where(mine.user_id == user_id)
    return or_(Project.visibility == "public", Project.id.in_(member))


def may_create_projects(viewer: Viewer) -> bool:
    """Whether the viewer may make a project: everybody who has signed in, and programs that may write."""
    return viewer.signed_in and viewer.can_write


def require_admin(viewer: Viewer) -> None:
    """Only administrators go on. The pages of administration do not exist for others."""
    if not viewer.is_admin:
        raise NotFound
