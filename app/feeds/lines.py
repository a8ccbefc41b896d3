"""From events to the lines of a feed: who, what, when, in words; comments with their text.

A line is made once and holds everything its template needs. Queries: one for the events, one for their texts, one for
the actors, one for the comments, one for the issues, whatever the number of events.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select

from app.accounts.user import User
from app.db import db
from app.events.action import join
from app.events.actions import ACTIONS, action_class
from app.events.event import Event
from app.events.issue_actions import Commented
from app.events.parts import Part
from app.events.queries import texts_of
from app.issues.comment import Comment
from app.issues.issue import Issue
from app.projects.project import Project

SHOWN = frozenset(name for (_, name), kind in ACTIONS.items() if kind.shown)
"""The actions that are lines of a feed."""
HIDDEN = frozenset(name for (_, name), kind in ACTIONS.items() if not kind.shown)

COLUMNS = (
    Event.id,
    Event.uid,
    Event.subject,
    Event.issue_id,
    Event.project_id,
    Event.seq,
    Event.actor_id,
    Event.actor_kind,
    Event.actor_ref,
    Event.action,
    Event.facts,
    Event.cause_id,
    Event.depth,
    Event.quiet,
    Event.created_at,
)
"""What a line needs of an event: no entity is built for reading."""


@dataclass(frozen=True, slots=True)
class Doer:
    """Who acted, as a feed shows them. `username` is None for what is no person."""

    name: str
    username: str | None = None
    user_id: int | None = None
    kind: str = "user"

    @property
    def href(self) -> str | None:
        return f"/people/{self.username}" if self.username else None


ROBOTS = {
    "system": Doer("Tidings", kind="system"),
    "rule": Doer("Automation", kind="rule"),
    "sync": Doer("External sync", kind="sync"),
    "import": Doer("Import", kind="import"),
    "email": Doer("Mail", kind="email"),
}
GONE = Doer("Somebody")


@dataclass(frozen=True, slots=True)
class Said:
    """A comment on its line."""

    id: int
    html: str
    version: int
    edited_at: datetime | None
    deleted_at: datetime | None
    author_id: int | None


@dataclass(slots=True)
class Line:
    """One event, ready to be shown."""

    id: int
    uid: str
    seq: int
    action: str
    issue_id: int | None
    project_id: int | None
    doer: Doer
    glyph: str
    parts: list[Part]
    at: datetime
    small: bool
    quiet: bool
    depth: int
    issue: Issue | None = None
    project: Project | None = None
    comment: Said | None = None
    fresh: bool = False
    """New since the reader's last visit."""
    receipt: Any = None
    """Where it went, on pages that say so."""
    caused: "Sequence[Line]" = ()
    """What followed from it, on pages that say so."""
    members: "list[Line]" = field(default_factory=list)
    """The lines that were folded into this one; empty for a line that stands for itself."""


def read_lines(query: Select[Any], *, with_issues: bool) -> list[Line]:
    """The lines of the events of a query over COLUMNS, in its order."""
    return make_lines(db.session.execute(query).all(), with_issues=with_issues)


def make_lines(rows: Sequence[Row[Any]], *, with_issues: bool) -> list[Line]:
    """The lines of these events. `with_issues`: their issues and projects too, for feeds over many."""
    texts = texts_of([row.id for row in rows])
    people = _people({row.actor_id for row in rows if row.actor_id is not None})
    issues, projects = _places(rows) if with_issues else ({}, {})
    lines = [_line(row, texts.get(row.id, {}), people) for row in rows]
    _put_comments(lines, rows)
    for line in lines:
        line.issue = issues.get(line.issue_id)
        line.project = projects.get(line.project_id)
    return lines


def _line(row: Row[Any], texts: dict[str, str], people: dict[int, Doer]) -> Line:
    kind = action_class(row.subject, row.action)
    action = join(kind, row.facts, texts)
    return Line(
        id=row.id,
        uid=row.uid,
        seq=row.seq,
        action=row.action,
        issue_id=row.issue_id,
        project_id=row.project_id,
        doer=_doer(row, people),
        glyph=action.glyph(),
        parts=action.line(row.actor_id),
        at=row.created_at,
        small=kind.small,
        quiet=row.quiet,
        depth=row.depth,
    )


def _doer(row: Row[Any], people: dict[int, Doer]) -> Doer:
    if row.actor_id is not None:
        return people.get(row.actor_id, GONE)
    return ROBOTS.get(row.actor_kind, GONE)


def _people(ids: set[int]) -> dict[int, Doer]:
    if not ids:
        return {}
    query = select(User.id, User.name, User.username).where(User.id.in_(ids))
    return {row.id: Doer(row.name, row.username, row.id) for row in db.session.execute(query)}


def _places(rows: Sequence[Row[Any]]) -> tuple[dict[int | None, Issue], dict[int | None, Project]]:
    project_ids = {row.project_id for row in rows if row.project_id is not None}
    issue_ids = {row.issue_id for row in rows if row.issue_id is not None}
    projects: dict[int | None, Project] = {}
    issues: dict[int | None, Issue] = {}
    if project_ids:
        found = db.session.scalars(select(Project).where(Project.id.in_(project_ids)))
        projects = {project.id: project for project in found}
    if issue_ids:
        issues = {
            issue.id: issue for issue in db.session.scalars(select(Issue).where(Issue.id.in_(issue_ids)))
        }
        for issue in issues.values():
            # known already: the relationship never asks the database by itself
            issue.__dict__["project"] = projects[issue.project_id]
    return issues, projects


def _put_comments(lines: list[Line], rows: Sequence[Row[Any]]) -> None:
    wanted = {row.facts["comment_id"]: line for row, line in zip(rows, lines, strict=True) if _says(row)}
    if not wanted:
        return
    query = select(
        Comment.id, Comment.html, Comment.version, Comment.edited_at, Comment.deleted_at, Comment.author_id
    ).where(Comment.id.in_(wanted))
    for row in db.session.execute(query):
        wanted[row.id].comment = Said(*row)


def _says(row: Row[Any]) -> bool:
    return bool(row.action == Commented.name and row.subject == "issue")
