"""The log for programs: every event the reader may see, in one stable order, and nothing ever skipped.

An event may become visible after one with a later time or id. So on PostgreSQL the order is that in which
the transactions began to write, (xid, id), and a page ends below the oldest transaction that still runs
(`pg_snapshot_xmin`): what commits late comes later, and no page has passed it. On SQLite one writes at a
time, and the id is the order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    String,
    and_,
    cast,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.orm import aliased

from app.accounts.user import User
from app.accounts.viewer import Viewer
from app.db import db
from app.errors import NotFound
from app.events.action import Action, Family, join
from app.events.actions import ACTIONS, action_class
from app.events.deleted import is_there
from app.events.event import Event
from app.events.issue_actions import Deleted
from app.events.queries import texts_of
from app.issues.issue import Issue
from app.projects.policy import led, sees, sight
from app.projects.project import Project

Place = tuple[int, int]
"""Where a reader is in the log: (transaction, event). On SQLite the transaction is 0."""

_CAUSE = aliased(Event)
_XID: ColumnElement[str] = literal_column("events.xid")
_Rows = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with the names of what it is about."""

    event: Event
    action: Action
    issue_key: str | None
    project_key: str | None
    actor_username: str | None
    actor_name: str | None
    cause_uid: str | None
    place: Place = (0, 0)


@dataclass(frozen=True, slots=True)
class Only:
    """Which events. What is None is not asked about."""

    project: Project | None = None
    family: Family | None = None
    action: str | None = None
    actor: User | None = None

    def where(self) -> list[ColumnElement[bool]]:
        """The same as conditions."""
        found: list[ColumnElement[bool]] = []
        if self.project is not None:
            found.append(Event.project_id == self.project.id)
        if self.actor is not None:
            found.append(Event.actor_id == self.actor.id)
        if self.action is not None:
            found.append(Event.action == self.action)
        if self.family is not None:  # by subject, too: an issue and a project have actions of the same name
            theirs = [key for key, kind in ACTIONS.items() if kind.family is self.family]
            found.append(tuple_(Event.subject, Event.action).in_(theirs))
        return found


def events_after(
    viewer: Viewer, place: Place | None = None, *, only: "Only | None" = None, limit: int = 50
) -> list[Entry]:
    """Up to `limit` events after `place`; the place of the last one is where to go on. Three queries."""
    query = _entries(viewer)
    if only is not None:
        query = query.where(*only.where())
    if db.engine.dialect.name == "postgresql":
        query = _by_transaction(query, place)
    else:
        query = query.add_columns(literal_column("0").label("xid")).order_by(Event.id)
        if place is not None:
            query = query.where(Event.id > place[1])
    return _read(query.limit(limit))


def events_of_issue(issue: Issue, after: int = 0, *, limit: int = 50) -> list[Entry]:
    """The issue's events after this number, oldest first. Whoever has the issue was allowed to see it."""
    query = _joined().add_columns(literal_column("0").label("xid"))
    query = query.where(Event.issue_id == issue.id, Event.seq > after).order_by(Event.seq)
    return _read(query.limit(limit))


def visible_event(viewer: Viewer, uid: str) -> Entry:
    """The event with this uid. Raises NotFound when there is none that the viewer may see.

    Leads read all that happened to a deleted issue.
    """
    query = _entries(viewer, whole=True).add_columns(literal_column("0").label("xid"))
    found = _read(query.where(Event.uid == uid.lower()))
    if not found:
        raise NotFound
    return found[0]


def _entries(viewer: Viewer, *, whole: bool = False) -> _Rows:
    """What the viewer may see: what happened in the projects they see, and to their own account.

    Of deleted issues only that they were deleted, and only for leads; with `whole` everything for them.
    """
    of_deleted: ColumnElement[bool] = Event.project_id.in_(select(Project.id).where(led(sight(viewer))))
    if not whole:
        of_deleted = and_(of_deleted, Event.action == Deleted.name)
    query = _joined().where(_visible(viewer), or_(is_there(Event.issue_id), of_deleted))
    return query.params(viewer_id=viewer.user_id)


def _visible(viewer: Viewer) -> ColumnElement[bool]:
    if viewer.is_admin:
        return true()
    ids = db.session.scalars(select(Project.id).where(sees(viewer))).all()
    in_projects = Event.project_id.in_(ids)
    if viewer.user_id is None:
        return in_projects
    return or_(in_projects, Event.user_id == viewer.user_id)


def _joined() -> _Rows:
    return (
        select(
            Event,
            Issue.number,
            Project.key,
            User.username,
            User.name,
            _CAUSE.uid.label("cause_uid"),
        )
        .outerjoin(Issue, Issue.id == Event.issue_id)
        .outerjoin(Project, Project.id == Event.project_id)
        .outerjoin(User, User.id == Event.actor_id)
        .outerjoin(_CAUSE, _CAUSE.id == Event.cause_id)
    )


def _by_transaction(query: _Rows, place: Place | None) -> _Rows:
    settled = text("events.xid < pg_snapshot_xmin(pg_current_snapshot())")
    query = query.add_columns(cast(cast(_XID, String), BigInteger).label("xid")).where(settled)
    if place is not None:
        after = text("(events.xid, events.id) > (CAST(CAST(:xid AS text) AS xid8), :id)")
        query = query.where(after.bindparams(xid=str(place[0]), id=place[1]))
    return query.order_by(_XID, Event.id)


def _read(query: _Rows) -> list[Entry]:
    rows: Sequence[Row[Any]] = db.session.execute(query).all()
    texts = texts_of([row.Event.id for row in rows])
    return [_entry(row, texts.get(row.Event.id, {})) for row in rows]


def _entry(row: Row[Any], texts: dict[str, str]) -> Entry:
    event: Event = row.Event
    return Entry(
        event=event,
        action=join(action_class(event.subject, event.action), event.facts, texts),
        issue_key=f"{row.key}-{row.number}" if row.number is not None else None,
        project_key=row.key,
        actor_username=row.username,
        actor_name=row.name,
        cause_uid=row.cause_uid,
        place=(row.xid, event.id),
    )
