"""What pages show of connections. Who may read them is asked by the views."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.accounts.viewer import Viewer
from app.db import db
from app.errors import NotFound
from app.events.event import Event
from app.events.external_actions import SyncConflicted
from app.events.queries import with_actions
from app.issues.issue import Issue
from app.projects.policy import Right, require
from app.projects.project import Project
from app.projects.queries import visible_project
from app.sync.arrival import SyncArrival
from app.sync.connection import SyncConnection, connection_of
from app.sync.link import SyncLink

FEW = 8


@dataclass(frozen=True, slots=True)
class Conflict:
    """What both sides changed, on a page."""

    uid: str
    at: datetime
    key: str
    said: SyncConflicted


@dataclass(frozen=True, slots=True)
class Health:
    """How a connection is doing, in numbers."""

    linked: int
    waiting: int
    failed: Sequence[SyncArrival]
    conflicts: Sequence[Conflict]


@dataclass(frozen=True, slots=True)
class Row:
    """A connection in the administrator's list."""

    connection: SyncConnection
    project: Project
    linked: int


def managed_connection(viewer: Viewer, key: str) -> tuple[Project, SyncConnection | None]:
    """The project, if the viewer manages it, and its connection."""
    project = visible_project(viewer, key)
    require(viewer, Right.manage, project)
    return project, connection_of(project.id)


def connection_called(uid: str) -> SyncConnection:
    """The connection GitHub calls. Raises NotFound."""
    found = db.session.scalar(select(SyncConnection).where(SyncConnection.uid == uid))
    if found is None:
        raise NotFound
    return found


def health(connection: SyncConnection) -> Health:
    """Numbers and the last troubles."""
    linked = select(func.count()).where(
        SyncLink.connection_id == connection.id, SyncLink.number.is_not(None), SyncLink.ended_at.is_(None)
    )
    waiting = select(func.count()).where(
        SyncArrival.connection_id == connection.id, SyncArrival.next_attempt_at.is_not(None)
    )
    failed = (
        select(SyncArrival)
        .where(SyncArrival.connection_id == connection.id, SyncArrival.state == "failed")
        .order_by(SyncArrival.id.desc())
        .limit(FEW)
    )
    return Health(
        linked=db.session.scalar(linked) or 0,
        waiting=db.session.scalar(waiting) or 0,
        failed=db.session.scalars(failed).all(),
        conflicts=_conflicts(connection.project_id),
    )


def all_connections() -> list[Row]:
    """Every connection by its project's name, for administrators."""
    linked = (
        select(func.count())
        .where(
            SyncLink.connection_id == SyncConnection.id,
            SyncLink.number.is_not(None),
            SyncLink.ended_at.is_(None),
        )
        .correlate(SyncConnection)
        .scalar_subquery()
    )
    query = (
        select(SyncConnection, Project, linked)
        .join(Project, Project.id == SyncConnection.project_id)
        .order_by(func.lower(Project.name))
    )
    return [Row(connection, project, number) for connection, project, number in db.session.execute(query)]


def _conflicts(project_id: int) -> list[Conflict]:
    query = (
        select(Event, Project.key, Issue.number)
        .join(Issue, Issue.id == Event.issue_id)
        .join(Project, Project.id == Event.project_id)
        .where(Event.project_id == project_id, Event.action == SyncConflicted.name)
        .where(Issue.deleted_at.is_(None))
        .order_by(Event.id.desc())
        .limit(FEW)
    )
    rows = db.session.execute(query).all()
    actions = with_actions([event for event, _, _ in rows])
    return [
        Conflict(event.uid, event.created_at, f"{key}-{number}", said)
        for event, key, number in rows
        if isinstance(said := actions[event.id], SyncConflicted)
    ]
