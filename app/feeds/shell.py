"""What stands around every page, in two queries: the projects, and the unread notifications."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, case, func, literal, or_, select

from app.accounts.current import user, viewer
from app.accounts.viewer import Viewer
from app.db import db
from app.issues.issue import OPEN_STATUSES, Issue
from app.live import topics as live
from app.notifications.queries import unread_count
from app.projects.membership import Membership
from app.projects.policy import sees
from app.projects.project import Project
from app.web import shell
from app.web.shell import NavProject, Shell

MOST_PROJECTS = 12


def make(place: object | None, topics: Sequence[str]) -> Shell:
    """The shell of a page; `place` is the Project it belongs to, if any; the view has checked it."""
    who = viewer()
    here = place if isinstance(place, Project) else None
    rows = _projects(who, here)
    shown = [_nav(row) for row in rows if here is None or row.id != here.id]
    return Shell(
        viewer=who if who.signed_in else None,
        projects=sorted(shown, key=lambda project: project.name.lower())[:MOST_PROJECTS],
        project=next((_nav(row) for row in rows if here is not None and row.id == here.id), None),
        unread=unread_count(who),
        is_admin=who.is_admin,
        live_token=_live_token(who, topics),
    )


def _projects(who: Viewer, here: Project | None) -> Sequence[Row[Any]]:
    """The project in hand first, with its open issues and whether the viewer leads it; then others."""
    is_here = Project.id == here.id if here is not None else literal(False)
    open_issues = (
        select(func.count())
        .where(Issue.project_id == Project.id, Issue.status.in_(OPEN_STATUSES))
        .correlate(Project)
        .scalar_subquery()
    )
    leads = (
        select(func.count())
        .where(Membership.project_id == Project.id, Membership.user_id == who.user_id)
        .where(Membership.role == "lead")
        .correlate(Project)
        .scalar_subquery()
    )
    query = (
        select(
            Project.id,
            Project.key,
            Project.name,
            case((is_here, open_issues)).label("open_issues"),
            case((is_here, leads)).label("leads"),
        )
        .where(sees(who), or_(Project.archived_at.is_(None), is_here))
        .order_by(is_here.desc(), func.lower(Project.name), Project.id)
        .limit(MOST_PROJECTS + 1)
    )
    return db.session.execute(query).all()


def _nav(row: Row[Any]) -> NavProject:
    managed = bool(row.leads) or viewer().is_admin
    return NavProject(row.key, row.name, row.open_issues, managed=managed)


def _live_token(who: Viewer, topics: Sequence[str]) -> str | None:
    """A token for what the page watches and, for people, their own notifications."""
    if who.user_id is None:
        return live.sign(None, 0, topics) if topics else None
    return live.sign(who.user_id, user().live_epoch, [*topics, f"user:{who.user_id}"])


shell.register(make)
