"""What stands around every page, in one query: the projects, and how much is unread."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, case, false, func, or_, select

from app.accounts.current import live_epoch, viewer
from app.accounts.viewer import Viewer
from app.db import BigId, rows
from app.inboxes.failed import TOPIC, failed_count, failed_head
from app.issues.issue import OPEN_STATUSES, Issue
from app.issues.listing import COUNTED
from app.live import topics as live
from app.notifications.queries import unread
from app.projects.membership import Membership
from app.projects.policy import Sight, sight, within
from app.projects.project import Project
from app.web import shell
from app.web.shell import NavProject, Shell

MOST_PROJECTS = 12


def make(place: object | None, topics: Sequence[str]) -> Shell:
    """The shell of a page; `place` is the Project it belongs to, if any; the view has checked it."""
    who = viewer()
    here = place if isinstance(place, Project) else None
    found = rows(_projects(sight(who)), viewer_id=who.user_id, here=here.id if here is not None else None)
    shown = [_nav(row, who) for row in found if here is None or row.id != here.id]
    return Shell(
        viewer=who if who.signed_in else None,
        projects=sorted(shown, key=lambda project: project.name.lower())[:MOST_PROJECTS],
        project=next((_nav(row, who) for row in found if here is not None and row.id == here.id), None),
        unread=found[0].unread if found else 0,
        failed_inboxes=found[0].failed if found and who.is_admin else 0,
        failed_head=found[0].failed_head if found and who.is_admin else 0,
        is_admin=who.is_admin,
        live_token=_live_token(who, topics),
    )


@cache
def _projects(far: Sight) -> Select[Any]:
    """The project in hand first, with its open issues and whether the viewer leads it; then others."""
    here = bindparam("here", type_=BigId)
    is_here = func.coalesce(Project.id == here, false())
    open_issues = select(Issue.id).where(
        Issue.project_id == here, Issue.status.in_(OPEN_STATUSES), Issue.deleted_at.is_(None)
    )
    leads = (
        select(func.count())
        .where(Membership.project_id == here, Membership.user_id == bindparam("viewer_id", type_=BigId))
        .where(Membership.role == "lead")
        .scalar_subquery()
    )
    counted = select(func.count()).select_from(open_issues.limit(COUNTED).subquery()).scalar_subquery()
    query: Select[Any] = (
        select(
            Project.id,
            Project.key,
            Project.name,
            case((is_here, counted)).label("open_issues"),
            case((is_here, leads)).label("leads"),
            unread(far).scalar_subquery().label("unread"),
        )
        .where(within(far), or_(Project.archived_at.is_(None), is_here))
        .order_by(is_here.desc(), func.lower(Project.name), Project.id)
        .limit(MOST_PROJECTS + 1)
    )
    if far is Sight.everything:  # administrators also read how many deliveries failed for good
        query = query.add_columns(
            failed_count().scalar_subquery().label("failed"),
            failed_head().scalar_subquery().label("failed_head"),
        )
    return query


def _nav(row: Row[Any], who: Viewer) -> NavProject:
    return NavProject(row.key, row.name, row.open_issues, managed=bool(row.leads) or who.is_admin)


def _live_token(who: Viewer, topics: Sequence[str]) -> str | None:
    """A token for what the page watches and, for people, their own notifications."""
    if who.user_id is None:
        return live.sign(None, 0, topics) if topics else None
    failed = [TOPIC] if who.is_admin else []
    return live.sign(who.user_id, live_epoch(), [*topics, f"user:{who.user_id}", *failed])


shell.register(make)
