"""The events a reader may see, in the order of a feed. Pages are keyset pages: a cursor, never an offset."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
    tuple_,
    union_all,
)

from app.accounts.user import User
from app.accounts.viewer import Viewer
from app.db import BigId, UtcDateTime, db, rows
from app.errors import NotFound
from app.events.deleted import is_there
from app.events.event import Event
from app.events.issue_actions import Deleted
from app.events.rule_actions import RuleApplied
from app.feeds.elsewhere import leads_elsewhere
from app.feeds.lines import BESIDE, HIDDEN, Line, is_none_of, lines_query, make_lines, read_lines
from app.issues.issue import Issue
from app.projects.policy import Sight, led, sight, within
from app.projects.project import Project

PAGE = 50
AFTER = 100
"""How many events one answer to an open page brings at most; the page asks again when there are more."""

APART = 20
"""Up to this many projects are read each by its own index and put together."""
CHANGES_ONLY = ("commented",)


@dataclass(frozen=True, slots=True)
class IssueFeed:
    """A stretch of an issue's feed, oldest first."""

    lines: list[Line]
    first_seq: int
    """The number of the first event that was read; earlier ones exist when it is above 1 and `earlier` above 0."""
    last_seq: int
    """The number up to which everything was read, hidden events included."""
    earlier: int
    """How many lines the next press on "Show N earlier" brings: at most a page."""
    leads: frozenset[int] = frozenset()
    """The events, among these or before them, that led to something on another issue."""


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """A page of a feed over many issues, newest first, and the cursor of the next one."""

    lines: list[Line]
    next: tuple[datetime, int] | None


def latest(issue: Issue, *, only: str = "all", limit: int = PAGE) -> IssueFeed:
    """The end of the issue's feed. `only`: all, comments or changes."""
    return before(issue, issue.event_seq + 1, only=only, limit=limit)


def before(issue: Issue, seq: int, *, only: str = "all", limit: int = PAGE) -> IssueFeed:
    """The stretch before this number."""
    found = rows(_before(only), issue_id=issue.id, seq=seq, most=limit, both=2 * limit)[::-1]
    first = found[0].seq if found else 1
    earlier = found[0].counted - len(found) if found else 0
    lines = make_lines(found, with_issues=False, cards=True)
    return IssueFeed(lines, first, issue.event_seq, earlier, _leads(found))


def after(issue: Issue, seq: int, *, only: str = "all") -> IssueFeed:
    """What came after this number, up to AFTER events. The last number read counts hidden events too."""
    found = rows(_after(), issue_id=issue.id, seq=seq)
    wanted = [row for row in found if _wanted(row, only)]
    lines = make_lines(wanted, with_issues=False, cards=True)
    last_seq = found[-1].seq if found else seq
    acted = [row.cause_id for row in found if row.action == RuleApplied.name]
    return IssueFeed(lines, seq + 1, last_seq, 0, _leads(wanted) | frozenset(acted))


def timeline(
    viewer: Viewer,
    *,
    projects: Sequence[int] | None = None,
    actor: User | None = None,
    cursor: tuple[datetime, int] | None = None,
    limit: int = PAGE,
    visits: bool = False,
) -> TimelinePage:
    """What happened in everything the viewer may see, or in some of it, or by one person; newest first.

    `projects` are ids from a query with the viewer's rights; without them all are asked for. `visits`: what was
    looked at, which no feed shows unless it is asked for, and nothing else.
    """
    if projects is None:
        projects = list(seen_projects(viewer))
    apart = len(projects) if actor is None and len(projects) <= APART else None
    lines = read_lines(
        _timeline(sight(viewer), actor is not None, cursor is not None, apart, visits),
        cards=True,
        viewer_id=viewer.user_id,
        **_project_values(projects, apart),
        actor=actor.id if actor is not None else None,
        at=cursor[0] if cursor else None,
        id=cursor[1] if cursor else None,
        most=limit + 1,
    )
    more = len(lines) > limit
    last = lines[limit - 1] if more else None
    return TimelinePage(lines[:limit], (last.at, last.id) if last else None)


def seen_projects(viewer: Viewer) -> dict[int, int]:
    """The projects the viewer may see, with the number of each one's last act.

    Asked first, so that the events are read by their index alone.
    """
    found = rows(_seen_projects(sight(viewer)), viewer_id=viewer.user_id)
    return {row.id: row.activity_seq for row in found}


def visible_person(username: str) -> User:
    """The person with this name. Everybody who has signed in may know who else works here."""
    person = db.session.scalar(_PERSON, {"username": username.lower()})
    if person is None:
        raise NotFound
    return person


_PERSON = select(User).where(func.lower(User.username) == bindparam("username"))
_MOST = bindparam("most", type_=Integer)


@cache
def _before(only: str) -> Select[Any]:
    """A page; each row knows how many there are on it and the one before: more are never counted."""
    earlier = (*_of(only), Event.seq < bindparam("seq"))
    two_pages = select(Event.id).where(*earlier).order_by(Event.seq.desc())
    counted = select(func.count()).select_from(two_pages.limit(bindparam("both", type_=Integer)).subquery())
    columns = (counted.scalar_subquery().label("counted"), leads_elsewhere())
    query = lines_query(with_issues=False).add_columns(*columns)
    return query.where(*earlier).order_by(Event.seq.desc()).limit(_MOST)


@cache
def _after() -> Select[Any]:
    later = (Event.issue_id == bindparam("issue_id"), Event.seq > bindparam("seq"))
    query = lines_query(with_issues=False).add_columns(leads_elsewhere()).where(*later)
    return query.order_by(Event.seq).limit(AFTER)


def _leads(found: Sequence[Row[Any]]) -> frozenset[int]:
    return frozenset(row.id for row in found if row.leads_elsewhere)


def _of(only: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    of_issue = Event.issue_id == bindparam("issue_id")
    if only == "comments":
        return of_issue, Event.action == "commented"
    return of_issue, is_none_of(HIDDEN | set(CHANGES_ONLY) if only == "changes" else HIDDEN)


def _wanted(row: Row[Any], only: str) -> bool:
    if row.action in HIDDEN:
        return False
    return only == "all" or (row.action == "commented") == (only == "comments")


@cache
def _timeline(far: Sight, of_actor: bool, goes_on: bool, apart: int | None, visits: bool) -> Select[Any]:
    """`apart`: so many projects are read one by one, else all of them along the time of the events.

    Along the time, a reader of one quiet project on a lively site would pass over the whole history of the others.
    """
    wanted = [
        Event.subject != "user",
        Event.action == "viewed" if visits else is_none_of(HIDDEN | BESIDE),
        in_sight(far),
    ]
    if of_actor:
        wanted.append(Event.actor_id == bindparam("actor"))
    if goes_on:
        place = tuple_(bindparam("at", type_=UtcDateTime), bindparam("id", type_=BigId))
        wanted.append(tuple_(Event.created_at, Event.id) < place)
    newest = (Event.created_at.desc(), Event.id.desc())
    if apart:
        of_each = [
            select(Event.id)
            .where(Event.project_id == bindparam(f"project_{n}"), *wanted)
            .order_by(*newest)
            .limit(_MOST)
            for n in range(apart)
        ]
        found = union_all(*(select(part.subquery()) for part in of_each))
        return lines_query().where(Event.id.in_(found)).order_by(*newest).limit(_MOST)
    among = Event.project_id.in_(bindparam("projects", expanding=True))
    return lines_query().where(among, *wanted).order_by(*newest).limit(_MOST)


def in_sight(far: Sight) -> ColumnElement[bool]:
    """What happened to a deleted issue is out of sight; that it was deleted is told to the leads of its project.

    The statement is run with `viewer_id`.
    """
    by_leads = Event.project_id.in_(select(Project.id).where(led(far)))
    return or_(is_there(Event.issue_id), and_(Event.action == Deleted.name, by_leads))


def _project_values(projects: Sequence[int], apart: int | None) -> dict[str, Any]:
    if apart:
        return {f"project_{n}": project_id for n, project_id in enumerate(projects)}
    return {"projects": list(projects)}


@cache
def _seen_projects(far: Sight) -> Select[*tuple[Any, ...]]:
    return select(Project.id, Project.activity_seq).where(within(far))
