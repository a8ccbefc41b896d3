"""Reading the audit log: for administrators, whose right is asked for by `require_admin` before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, or_, select

from app.accounts.user import User
from app.audit.entry import AuditEntry, AuditText
from app.audit.keeping import NAMES, is_audited
from app.db import db
from app.errors import NotFound
from app.events.action import REMOVED
from app.events.actions import ACTIONS
from app.projects.project import Project

PAGE = 50
EXPORTED_AT_ONCE = 500
ACTION_NAMES = sorted({name for (subject, name), kind in ACTIONS.items() if is_audited(subject, kind)})
FAMILY_NAMES = sorted(
    {kind.family.value for (subject, _), kind in ACTIONS.items() if is_audited(subject, kind)}
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: those that fit everything that is said."""

    actor: str = ""
    """A username, or the name of a robot: system, rule, sync, import, email."""
    action: str = ""
    family: str = ""
    since: datetime | None = None
    before: datetime | None = None
    like: str = ""
    """Words that stand in what was said, in the actor's or in the subject's name."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry as pages and files show it. Its words are those of its time, or say that they were removed."""

    number: int
    at: datetime
    actor: str
    actor_username: str | None
    actor_kind: str
    action: str
    family: str
    subject: str
    subject_kind: str
    words: str
    address: str | None
    agent: str | None
    event_uid: str
    hash: str
    prev_hash: str
    project_key: str | None


def entries(wanted: Wanted, *, below: int | None = None, limit: int = PAGE) -> tuple[list[Shown], int | None]:
    """The newest that fit, and below which number the next page begins. One query."""
    query = _query(wanted).limit(limit + 1)
    query = query.where(AuditEntry.id < below) if below is not None else query
    found = db.session.execute(query).all()
    shown = [_shown(row) for row in found[:limit]]
    return shown, shown[-1].number if len(found) > limit else None


def every_entry(wanted: Wanted) -> Iterator[Shown]:
    """All that fit, newest first, some hundred at a time."""
    below: int | None = None
    while True:
        page, below = entries(wanted, below=below, limit=EXPORTED_AT_ONCE)
        yield from page
        if below is None:
            return


def entry(number: int) -> Shown:
    """The entry with this number. Raises NotFound."""
    row = db.session.execute(_query(Wanted()).where(AuditEntry.id == number)).one_or_none()
    if row is None:
        raise NotFound
    return _shown(row)


def _query(wanted: Wanted) -> Select[Any]:
    query = (
        select(
            AuditEntry.__table__,
            AuditText.actor,
            AuditText.subject.label("about"),
            AuditText.words,
            AuditText.address,
            AuditText.agent,
            User.username,
            User.name.label("name_now"),
            Project.key.label("project_key"),
        )
        .outerjoin(AuditText, AuditText.entry_id == AuditEntry.id)
        .outerjoin(User, User.id == AuditEntry.actor_id)
        .outerjoin(Project, Project.id == AuditEntry.project_id)
        .order_by(AuditEntry.id.desc())
    )
    return query.where(*_conditions(wanted))


def _conditions(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.actor in NAMES:
        yield AuditEntry.actor_kind == wanted.actor
    elif wanted.actor:
        people = select(User.id).where(func.lower(User.username) == wanted.actor.lower())
        yield AuditEntry.actor_id.in_(people)
    if wanted.action:
        yield AuditEntry.action == wanted.action
    if wanted.family:
        yield AuditEntry.family == wanted.family
    if wanted.since is not None:
        yield AuditEntry.at >= wanted.since
    if wanted.before is not None:
        yield AuditEntry.at < wanted.before
    if wanted.like:
        columns = (AuditText.words, AuditText.actor, AuditText.subject)
        yield or_(*(func.lower(column).contains(wanted.like.lower(), autoescape=True) for column in columns))


def _shown(row: Row[Any]) -> Shown:
    gone = row.words is None
    return Shown(
        number=row.id,
        at=row.at,
        actor=row.actor if not gone else row.name_now or NAMES.get(row.actor_kind, "Somebody"),
        actor_username=row.username,
        actor_kind=row.actor_kind,
        action=row.action,
        family=row.family,
        subject=row.about if not gone else REMOVED,
        subject_kind=row.subject,
        words=row.words if not gone else f"{row.action.replace('_', ' ')} {REMOVED}",
        address=row.address,
        agent=row.agent,
        event_uid=row.event_uid,
        hash=row.hash,
        prev_hash=row.prev_hash,
        project_key=row.project_key,
    )
