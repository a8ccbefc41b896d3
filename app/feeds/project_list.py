"""`/projects`: those the viewer may see, with their open issues and when something last happened in them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from flask import Blueprint, Response, request
from sqlalchemy import ColumnElement, ScalarSelect, func, select

from app.accounts.current import viewer
from app.accounts.viewer import Viewer
from app.db import db
from app.issues.issue import OPEN_STATUSES, Issue
from app.projects.membership import Membership
from app.projects.policy import may_create_projects, sees
from app.projects.project import Project
from app.web.render import render

blueprint = Blueprint("project_list", __name__)
MOST = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ProjectLine:
    """A project as the list shows it."""

    project: Project
    open_issues: int
    active_at: datetime
    role: str | None
    """The viewer's role in it."""


@blueprint.get("/projects")
def index() -> Response:
    """The list; archived ones when asked for."""
    archived = request.args.get("show") == "archived"
    lines, others = project_lines(viewer(), archived=archived)
    return render(
        "feeds/projects.html",
        lines=lines,
        archived=archived,
        others=others,
        may_create=may_create_projects(viewer()),
    )


def project_lines(viewer: Viewer, *, archived: bool = False) -> tuple[list[ProjectLine], int]:
    """The projects by name, and how many there are of the other kind (archived or not). Two queries."""
    open_issues = _of_issues(func.count(), Issue.status.in_(OPEN_STATUSES))
    changed_at = _of_issues(func.max(Issue.updated_at))
    role = (
        select(Membership.role)
        .where(Membership.project_id == Project.id, Membership.user_id == viewer.user_id)
        .correlate(Project)
        .scalar_subquery()
    )
    away = Project.archived_at.is_not(None)
    query = (
        select(Project, open_issues, changed_at, role)
        .where(sees(viewer), away if archived else ~away)
        .order_by(func.lower(Project.name), Project.id)
        .limit(MOST)
    )
    lines = [
        ProjectLine(project, count or 0, moment or project.created_at, mine)
        for project, count, moment, mine in db.session.execute(query)
    ]
    others = select(func.count()).select_from(Project).where(sees(viewer), ~away if archived else away)
    return lines, db.session.scalar(others) or 0


def _of_issues(what: ColumnElement[T], *conditions: ColumnElement[bool]) -> ScalarSelect[T]:
    query = select(what).where(Issue.project_id == Project.id, Issue.deleted_at.is_(None), *conditions)
    return query.correlate(Project).scalar_subquery()
