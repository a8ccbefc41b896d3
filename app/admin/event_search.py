"""The event log for administrators: everything that was recorded, through filters, newest first.

Pages are keyset pages along (time, id). A filter that no index answers looks at SCAN events at a time and says where to
go on; nothing is counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, false, func, or_, select, tuple_

from app.accounts.user import User
from app.db import db, read_first
from app.events.action import Family, join
from app.events.actions import ACTIONS, action_class
from app.events.event import ACTOR_KINDS, Event
from app.events.queries import texts_of
from app.feeds.lines import Line, lines_query, read_lines, with_projects
from app.issues.issue import Issue
from app.projects.project import Project

Place = tuple[datetime, int]
PAGE = 50
SCAN = 20_000
"""Events looked at for one page."""
AT_ONCE = 500
"""Events an export holds in memory."""
ACTION_NAMES = tuple(sorted({name for _subject, name in ACTIONS}))
FAMILIES = tuple(Family)
KINDS = ACTOR_KINDS


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events. What is None is not asked about."""

    action: str | None = None
    family: str | None = None
    actor_id: int | None = None
    actor_kind: str | None = None
    project_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    causes_only: bool = False
    """Only events that led to others."""
    nothing: bool = False
    """Something was asked for that does not exist."""


@dataclass(frozen=True, slots=True)
class EventsPage:
    """Ids, newest first; the place to go on, None at the end; `stopped` when SCAN was reached first."""

    ids: list[int]
    next: Place | None
    stopped: bool = False


def search(wanted: Filter, *, before: Place | None = None, limit: int = PAGE, scan: int = SCAN) -> EventsPage:
    """The newest events of the filter before this place. Two short queries at most."""
    if wanted.nothing:
        return EventsPage([], None)
    looked = _candidates(wanted, before, scan).subquery()
    query = (
        select(Event.id, Event.created_at)
        .join(looked, looked.c.id == Event.id)
        .where(*_narrow(wanted))
        .order_by(Event.created_at.desc(), Event.id.desc())
        .limit(limit + 1)
    )
    rows = db.session.execute(query).all()
    if len(rows) > limit:
        last = rows[limit - 1]
        return EventsPage([row.id for row in rows[:limit]], (last.created_at, last.id))
    ids = [row.id for row in rows]
    ends = db.session.execute(
        select(looked.c.created_at, looked.c.id, func.count().over().label("number"))
        .order_by(looked.c.created_at, looked.c.id)
        .limit(1)
    ).one_or_none()
    stopped = ends is not None and ends.number == scan
    return EventsPage(ids, (ends.created_at, ends.id) if ends is not None and stopped else None, stopped)


def lines_of(ids: Sequence[int]) -> list[Line]:
    """These events in words, in this order."""
    found = {line.id: line for line in read_lines(lines_query().where(Event.id.in_(ids)))} if ids else {}
    return list(with_projects([found[one] for one in ids if one in found]))


def stream(wanted: Filter) -> Iterator[dict[str, Any]]:
    """Every event of the filter as plain facts, newest first, AT_ONCE at a time: memory stays as it is.

    No transaction is held between two stretches; what is recorded meanwhile is not among them.
    """
    before: Place | None = None
    while True:
        read_first()
        page = search(wanted, before=before, limit=AT_ONCE)
        yield from _facts(page.ids)
        db.session.rollback()
        if page.next is None:
            return
        before = page.next


def _candidates(wanted: Filter, before: Place | None, limit: int) -> Select[Any]:
    """Along the time, of one project or one actor: three indexes that end in (created_at, id)."""
    query: Select[*tuple[Any, ...]] = select(Event.id, Event.created_at)
    if wanted.project_id is not None:
        query = query.where(Event.project_id == wanted.project_id)
    elif wanted.actor_id is not None:
        query = query.where(Event.actor_id == wanted.actor_id)
    if wanted.since is not None:
        query = query.where(Event.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Event.created_at < wanted.until)
    if before is not None:
        query = query.where(tuple_(Event.created_at, Event.id) < before)
    return query.order_by(Event.created_at.desc(), Event.id.desc()).limit(limit)


def _narrow(wanted: Filter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.action is not None:
        where.append(Event.action == wanted.action)
    if wanted.family is not None:
        where.append(_of_family(wanted.family))
    if wanted.actor_id is not None:
        where.append(Event.actor_id == wanted.actor_id)
    if wanted.actor_kind is not None:
        where.append(Event.actor_kind == wanted.actor_kind)
    if wanted.causes_only:
        led_to = select(Event.cause_id).where(Event.cause_id.is_not(None))
        where.append(Event.id.in_(led_to))
    return where


def _of_family(family: str) -> ColumnElement[bool]:
    """The actions of a family; the same word on two subjects may belong to two."""
    by_subject: dict[str, list[str]] = {}
    for (subject, name), kind in ACTIONS.items():
        if kind.family == family:
            by_subject.setdefault(subject, []).append(name)
    return or_(
        false(),
        *((Event.subject == subject) & Event.action.in_(names) for subject, names in by_subject.items()),
    )


def _facts(ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    query = (
        select(Event, Issue.number, Project.key, User.username)
        .outerjoin(Issue, Issue.id == Event.issue_id)
        .outerjoin(Project, Project.id == Event.project_id)
        .outerjoin(User, User.id == Event.actor_id)
        .where(Event.id.in_(ids))
        .execution_options(populate_existing=True)
    )
    found = {row.Event.id: row for row in db.session.execute(query)} if ids else {}
    texts = texts_of(ids)
    for one in ids:
        row = found[one]
        event: Event = row.Event
        kind = action_class(event.subject, event.action)
        facts = join(kind, event.facts, texts.get(one, {})).model_dump(
            by_alias=True, mode="json", exclude_none=True
        )
        yield {
            "uid": event.uid,
            "created_at": event.created_at.isoformat(),
            "action": event.action,
            "family": kind.family.value,
            "subject": event.subject,
            "project": row.key,
            "issue": f"{row.key}-{row.number}" if row.number is not None else None,
            "seq": event.seq,
            "actor_kind": event.actor_kind,
            "actor": row.username or event.actor_ref,
            "depth": event.depth,
            "batch": event.batch_id,
            "quiet": event.quiet,
            "hash": event.hash,
            "metadata": facts,
        }
    db.session.expunge_all()
