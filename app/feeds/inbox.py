"""A person's inbox: a row for each issue they were told about, newest first, and what is new on one of them.

Rights are asked again on reading: a notification about what one may not see any more, or about a deleted issue, is
not there and not counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Row, Select, bindparam, case, func, select

from app.accounts.viewer import Viewer
from app.db import db, rows
from app.events.deleted import is_there
from app.events.event import Event
from app.events.parts import Part
from app.events.wording import plain
from app.feeds.consequences import name_batches
from app.feeds.lines import IssueName, Line, lines_query, make_lines
from app.inboxes.recipients import REASONS
from app.issues.issue import Issue
from app.issues.queries import visible_issue
from app.notifications.notification import Notification
from app.projects.policy import sees
from app.projects.project import Project

Tab = Literal["unread", "all", "done"]
TABS: tuple[Tab, ...] = get_args(Tab)
PAGE = 30
NAMING = {"commented": "mentions", "assigned": "assignees"}
"""The actions that may name a person, and the fact that holds whom."""
READER = 20
"""How many of an issue's newest notifications the reader shows; the issue's own page has the rest."""


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One issue somebody was told about."""

    issue: IssueName
    line: Line
    """What happened that is said on the row: that one was named, else the newest."""
    words: str
    count: int
    unread: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class InboxPage:
    """Some rows, and the newest notification of the last one where there are more."""

    rows: Sequence[InboxRow]
    next: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What is new on one issue, oldest first, and why one was told."""

    issue: Issue
    lines: Sequence[Line]
    reason: str
    count: int
    unread: bool
    done: bool


def inbox_page(viewer: Viewer, tab: Tab, *, after: int | None = None, limit: int = PAGE) -> InboxPage:
    """One page of the inbox: six queries for any number of rows, two more where bulk acts are among them."""
    groups = db.session.execute(_groups(viewer, tab, after).limit(limit + 1)).all()
    more = len(groups) > limit
    groups = groups[:limit]
    lines, facts = _lines({group.newest for group in groups} | {group.named for group in groups} - {None})
    rows = [_row(group, lines, facts, viewer) for group in groups]
    return InboxPage(rows, groups[-1].last if more else None)


def inbox_counts(viewer: Viewer) -> dict[str, int]:
    """How many issues stand under each tab but Done. One query."""
    unread = case((Notification.read_at.is_(None), Notification.issue_id))
    query = (
        select(func.count(unread.distinct()), func.count(Notification.issue_id.distinct()))
        .join(Project, Project.id == Notification.project_id)
        .where(
            Notification.user_id == viewer.user_id,
            Notification.done_at.is_(None),
            sees(viewer),
            is_there(Notification.issue_id),
        )
    )
    unread_issues, issues = db.session.execute(query).one()
    return {"unread": unread_issues, "all": issues}


def unread_issue_ids(viewer: Viewer) -> Sequence[int]:
    """Every issue with something unread, whether it may be seen or not: what "Mark all read" is about."""
    query = select(Notification.issue_id).where(Notification.user_id == viewer.user_id, *_of("unread"))
    return db.session.scalars(query.distinct()).all()


def reading(viewer: Viewer, tab: Tab, key: str) -> Reading | None:
    """What the reader was told about this issue under this tab; None when nothing. Raises NotFound."""
    issue = visible_issue(viewer, key)
    mine = (Notification.user_id == viewer.user_id, Notification.issue_id == issue.id)
    told = db.session.scalars(
        select(Notification).where(*mine, *_of(tab)).order_by(Notification.id.desc()).limit(READER)
    ).all()
    if not told:
        return None
    count = db.session.scalar(select(func.count()).select_from(Notification).where(*mine, *_of(tab))) or 0
    lines, _facts = _lines({one.event_id for one in told})
    return Reading(
        issue=issue,
        lines=sorted(lines.values(), key=lambda line: line.seq),
        reason=REASONS.get(told[0].reason, REASONS["manual"]),
        count=count,
        unread=any(one.read_at is None and one.done_at is None for one in told),
        done=told[0].done_at is not None,
    )


def _of(tab: Tab) -> tuple[ColumnElement[bool], ...]:
    if tab == "done":
        return (Notification.done_at.is_not(None),)
    still = Notification.done_at.is_(None)
    return (still, Notification.read_at.is_(None)) if tab == "unread" else (still,)


def _groups(viewer: Viewer, tab: Tab, after: int | None) -> Select[*tuple[Any, ...]]:
    last = func.max(Notification.id)
    says_why = Event.action.in_(NAMING) & Notification.reason.in_(("mentioned", "assigned"))
    named = case((says_why, Notification.event_id))
    unread = case((Notification.read_at.is_(None) & Notification.done_at.is_(None), Notification.id))
    query = (
        select(
            Notification.issue_id,
            last.label("last"),
            func.max(Notification.event_id).label("newest"),
            func.max(named).label("named"),
            func.count().label("told"),
            func.count(unread).label("unread"),
        )
        .join(Project, Project.id == Notification.project_id)
        .join(Event, Event.id == Notification.event_id)
        .where(
            Notification.user_id == viewer.user_id,
            *_of(tab),
            sees(viewer),
            is_there(Notification.issue_id),
        )
        .group_by(Notification.issue_id)
        .order_by(last.desc())
    )
    return query.having(last < after) if after is not None else query


def _lines(event_ids: set[int]) -> tuple[dict[int, Line], dict[int, dict[str, Any]]]:
    """Event id -> its line and its facts."""
    if not event_ids:
        return {}, {}
    events = rows(_EVENTS, ids=list(event_ids))
    lines = make_lines(events)
    name_batches(lines)
    return {line.id: line for line in lines}, {event.id: event.facts for event in events}


_EVENTS = lines_query().where(Event.id.in_(bindparam("ids", expanding=True)))


def _row(
    group: Row[Any], lines: dict[int, Line], facts: dict[int, dict[str, Any]], viewer: Viewer
) -> InboxRow:
    newest = lines[group.newest]
    chosen = newest
    if group.named is not None and _names(lines[group.named], facts[group.named], viewer):
        chosen = lines[group.named]
    assert newest.issue is not None
    return InboxRow(
        issue=newest.issue,
        line=chosen,
        words=_words(chosen, facts[chosen.id], viewer),
        count=group.told,
        unread=group.unread > 0,
        at=newest.at,
    )


def _names(line: Line, facts: dict[str, Any], viewer: Viewer) -> bool:
    """Whether the event names the reader: mentions them or gives them the issue."""
    people = NAMING.get(line.action)
    return people is not None and any(one["id"] == viewer.user_id for one in facts.get(people, ()))


def _words(line: Line, facts: dict[str, Any], viewer: Viewer) -> str:
    """The event on one short line: "Otis mentioned you", "Hazel: which levels?", "Bram reopened this".

    A bulk act told the person once, so the line is about all of it: "Ada moved 29 issues to resolved".
    """
    named = _names(line, facts, viewer)
    if line.batch and line.others:
        whom = " to you" if named and line.action == "assigned" else ""
        return f"{line.doer.name} {line.batch}{whom}"
    if named:
        return f"{line.doer.name} {'mentioned' if line.action == 'commented' else 'assigned'} you"
    quoted = next((part.text for part in line.parts if part.kind == "quote"), None)
    if line.action == "commented":
        removed = line.comment is not None and line.comment.deleted_at is not None
        return f"{line.doer.name} removed a comment" if removed else f"{line.doer.name}: {quoted}"
    return f"{line.doer.name} {plain(_short(line.parts), quotes=False)}"


def _short(parts: Sequence[Part]) -> list[Part]:
    """Without the statuses: the verb says the new one, and the glyph beside it."""
    if not any(part.kind == "status" for part in parts):
        return list(parts)
    return [part for part in parts if part.kind not in ("status", "arrow")]
