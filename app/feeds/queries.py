"""The events a reader may see, in the order of a feed. Pages are keyset pages: a cursor, never an offset."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, tuple_

from app.accounts.user import User
from app.accounts.viewer import Viewer
from app.db import db
from app.errors import NotFound
from app.events.event import Event
from app.feeds.lines import COLUMNS, HIDDEN, Line, make_lines, read_lines
from app.issues.issue import Issue
from app.projects.policy import sees
from app.projects.project import Project

PAGE = 50
AFTER = 100
"""How many events one answer to an open page brings at most; the page asks again when there are more."""

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


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """A page of a feed over many issues, newest first, and the cursor of the next one."""

    lines: list[Line]
    next: tuple[datetime, int] | None


def latest(issue: Issue, *, only: str = "all", limit: int = PAGE) -> IssueFeed:
    """The end of the issue's feed. `only`: all, comments or changes."""
    return _stretch(issue, _of(issue, only), limit)


def before(issue: Issue, seq: int, *, only: str = "all", limit: int = PAGE) -> IssueFeed:
    """The stretch before this number."""
    return _stretch(issue, _of(issue, only).where(Event.seq < seq), limit)


def after(issue: Issue, seq: int, *, only: str = "all") -> IssueFeed:
    """What came after this number, up to AFTER events. The last number read counts hidden events too."""
    query = (
        select(*COLUMNS).where(Event.issue_id == issue.id, Event.seq > seq).order_by(Event.seq).limit(AFTER)
    )
    rows = db.session.execute(query).all()
    wanted = [row for row in rows if _wanted(row, only)]
    lines = make_lines(wanted, with_issues=False)
    return IssueFeed(lines, first_seq=seq + 1, last_seq=rows[-1].seq if rows else seq, earlier=0)


def timeline(
    viewer: Viewer,
    *,
    project: Project | None = None,
    actor: User | None = None,
    cursor: tuple[datetime, int] | None = None,
    where: Sequence[ColumnElement[bool]] = (),
    limit: int = PAGE,
) -> TimelinePage:
    """What happened in everything the viewer may see, or in one project, or by one person; newest first."""
    query = select(*COLUMNS).where(Event.subject != "user", Event.action.not_in(HIDDEN), *where)
    if project is not None:
        query = query.where(Event.project_id == project.id)
    else:
        query = query.where(Event.project_id.in_(_visible_ids(viewer)))
    if actor is not None:
        query = query.where(Event.actor_id == actor.id)
    if cursor is not None:
        query = query.where(tuple_(Event.created_at, Event.id) < tuple_(*cursor))
    query = query.order_by(Event.created_at.desc(), Event.id.desc()).limit(limit + 1)
    lines = read_lines(query, with_issues=True)
    more = len(lines) > limit
    last = lines[limit - 1] if more else None
    return TimelinePage(lines[:limit], (last.at, last.id) if last else None)


def visible_person(username: str) -> User:
    """The person with this name. Everybody who has signed in may know who else works here."""
    person = db.session.scalar(select(User).where(func.lower(User.username) == username.lower()))
    if person is None:
        raise NotFound
    return person


def _of(issue: Issue, only: str) -> Select[Any]:
    query = select(*COLUMNS).where(Event.issue_id == issue.id)
    if only == "comments":
        return query.where(Event.action == "commented")
    hidden = HIDDEN | set(CHANGES_ONLY) if only == "changes" else HIDDEN
    return query.where(Event.action.not_in(hidden))


def _wanted(row: Row[Any], only: str) -> bool:
    if row.action in HIDDEN:
        return False
    return only == "all" or (row.action == "commented") == (only == "comments")


def _stretch(issue: Issue, query: Select[Any], limit: int) -> IssueFeed:
    rows = db.session.execute(query.order_by(Event.seq.desc()).limit(limit + 1)).all()[::-1]
    more = len(rows) > limit
    rows = rows[1:] if more else rows
    first = rows[0].seq if rows else 1
    earlier = _count_before(query, first, limit) if more else 0
    return IssueFeed(make_lines(rows, with_issues=False), first, issue.event_seq, earlier)


def _count_before(query: Select[Any], seq: int, limit: int) -> int:
    """How many the next press brings: counted up to a page, so that a long history costs no more than a short one."""
    page = query.where(Event.seq < seq).with_only_columns(Event.id).limit(limit).subquery()
    return db.session.scalar(select(func.count()).select_from(page)) or 0


def _visible_ids(viewer: Viewer) -> list[int]:
    """The projects the viewer may see: asked first, so that the events are read by their index alone."""
    return list(db.session.scalars(select(Project.id).where(sees(viewer))))
