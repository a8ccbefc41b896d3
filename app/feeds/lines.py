"""From events to the lines of a feed: who, what, when, in words; comments with their text.

A line is made once and holds everything its template needs. Two queries, whatever the number of events: one for the
events with who acted, what was said and where, one for the texts they speak of.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, literal_column, select

from app.accounts.user import User
from app.db import db, rows
from app.events.action import join
from app.events.actions import ACTIONS, action_class
from app.events.event import Event
from app.events.parts import Part
from app.events.queries import texts_of
from app.feeds.because import explain
from app.issues.comment import Comment
from app.issues.issue import Issue
from app.projects.project import Project

HIDDEN = frozenset(name for (_, name), kind in ACTIONS.items() if not kind.shown)
"""The actions that are no lines of a feed."""

BESIDE = frozenset(name for (_, name), kind in ACTIONS.items() if kind.beside)
"""Lines of their own issue's page only: feeds over many have the other side of the same act."""


def is_none_of(actions: Iterable[str]) -> ColumnElement[bool]:
    """The condition that the event is none of these, the names written out: as values each would be bound anew."""
    return Event.action.not_in([literal_column(f"'{name}'") for name in sorted(actions)])


def lines_query(*, with_issues: bool = True) -> Select[Any]:
    """The start of every query of lines: an event with its actor, what was said, and the issue it is about.

    All of it in one statement of columns; no entity is built for reading. `_line` reads the first ones by place.
    """
    query: Select[Any] = (
        select(
            Event.id,
            Event.uid,
            Event.subject,
            Event.issue_id,
            Event.project_id,
            Event.seq,
            Event.actor_id,
            Event.actor_kind,
            Event.action,
            Event.facts.label("facts"),
            Event.depth,
            Event.quiet,
            Event.created_at,
            User.name.label("actor_name"),
            User.username.label("actor_username"),
            Comment.id.label("said_id"),
            Comment.html,
            Comment.version,
            Comment.edited_at,
            Comment.deleted_at,
            Comment.author_id,
            Event.cause_id,
            Event.batch_id,
            Event.actor_ref,
        )
        .outerjoin(User, User.id == Event.actor_id)
        .outerjoin(Comment, and_(Comment.issue_id == Event.issue_id, Comment.event_seq == Event.seq))
    )
    return _naming_issues(query) if with_issues else query


_EVENT, _FACTS, _SAID, _CAUSE = slice(0, 7), slice(7, 13), slice(15, 21), slice(21, 23)
"""Where `lines_query` has what the event is about, what it says, the comment, and what it belongs to."""


def _naming_issues(query: Select[Any]) -> Select[Any]:
    return (
        query.add_columns(
            Issue.number.label("issue_number"),
            Issue.title.label("issue_title"),
            Issue.status.label("issue_status"),
            Issue.deleted_at.label("issue_deleted"),
            Project.key.label("project_key"),
        )
        .outerjoin(Issue, Issue.id == Event.issue_id)
        .outerjoin(Project, Project.id == Event.project_id)
    )


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


@dataclass(frozen=True, slots=True)
class IssueName:
    """The issue a line is about, as feeds name it."""

    id: int
    number: int
    key: str
    title: str
    status: str
    deleted: bool = False
    """Out of sight: there is no page to lead to."""


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
    rule_id: int | None = None
    """The rule that acted, where one did, and the event that set it off."""
    cause_id: int | None = None
    why: list[Part] = field(default_factory=list)
    """Why a rule acted: said after the sentence."""
    issue: IssueName | None = None
    project: Project | None = None
    comment: Said | None = None
    fresh: bool = False
    """New since the reader's last visit."""
    receipt: Any = None
    """Where it went, on pages that say so."""
    caused: "Sequence[Line]" = ()
    """What followed from it, hung under it (app.feeds.consequences.nest)."""
    because: tuple[str, str] | None = None
    """What led to it when that stands elsewhere: the uid of that event, and its words."""
    batch_id: str | None = None
    batch: str | None = None
    """The bulk act it was part of, in words, and how many other issues that changed."""
    others: int = 0
    elsewhere: Any = None
    """What followed from it on other issues, on the page of its own (app.feeds.elsewhere.Elsewhere)."""
    steps: int = 0
    """What followed from it and is too deep to be hung here."""
    members: "list[Line]" = field(default_factory=list)
    """The lines that were folded into this one; empty for a line that stands for itself."""


def read_lines(query: Select[Any], *, cards: bool = False, **values: Any) -> list[Line]:
    """The lines of a query that began as `lines_query()`, in its order. `values`: of a statement that is kept."""
    return make_lines(rows(query, **values), cards=cards)


def make_lines(found: Sequence[Row[Any]], *, with_issues: bool = True, cards: bool = False) -> list[Line]:
    """The lines of these rows. `with_issues`: with the issue each is about, for feeds over many.

    `cards`: comments are shown as cards, so no sentence is made for them. Where rules acted, three more queries, for
    any number of lines, say why.
    """
    lines = _lines(found, with_issues=with_issues, cards=cards)
    by_rules = [line for line in lines if line.rule_id is not None]
    if by_rules:
        causes = _lines(rows(_CAUSES, ids=list({line.cause_id or 0 for line in by_rules})), with_issues=True)
        explain(by_rules, {line.id: line for line in causes})
    return lines


def _lines(found: Sequence[Row[Any]], *, with_issues: bool, cards: bool = False) -> list[Line]:
    texts = texts_of([row.id for row in found if not (cards and row.said_id)])
    return [_line(row, texts.get(row.id, {}), with_issues=with_issues, cards=cards) for row in found]


_CAUSES = lines_query().where(Event.id.in_(bindparam("ids", expanding=True)))


def with_projects(lines: Sequence[Line]) -> Sequence[Line]:
    """Put the projects in, where a page asks for rights line by line. One query."""
    ids = {line.project_id for line in lines if line.project_id is not None}
    found = db.session.scalars(select(Project).where(Project.id.in_(ids))) if ids else ()
    projects = {project.id: project for project in found}
    for line in lines:
        line.project = projects.get(line.project_id or 0)
    return lines


def _line(row: Row[Any], texts: dict[str, str], *, with_issues: bool, cards: bool) -> Line:
    (event_id, uid, subject, issue_id, project_id, seq, actor_id) = row[_EVENT]
    (actor_kind, name, facts, depth, quiet, at) = row[_FACTS]
    said, (cause_id, batch_id) = row.said_id, row[_CAUSE]
    kind = action_class(subject, name)
    glyph, parts = kind.icon, []
    if said is None or not cards:
        action = join(kind, facts, texts)
        glyph, parts = action.glyph(), action.line(actor_id)
    return Line(
        id=event_id,
        uid=uid,
        seq=seq,
        action=name,
        issue_id=issue_id,
        project_id=project_id,
        doer=_doer(actor_id, actor_kind, row.actor_name, row.actor_username),
        glyph=glyph,
        parts=parts,
        at=at,
        small=kind.small,
        quiet=quiet,
        depth=depth,
        rule_id=int(row.actor_ref) if actor_kind == "rule" else None,
        cause_id=cause_id,
        batch_id=batch_id,
        issue=_issue(row) if with_issues and issue_id is not None else None,
        comment=_said(row) if said is not None else None,
    )


@lru_cache(1_024)
def _doer(actor_id: int | None, kind: str, name: str | None, username: str | None) -> Doer:
    if actor_id is not None:
        return Doer(name or "", username, actor_id) if username else GONE
    return ROBOTS.get(kind, GONE)


def _issue(row: Row[Any]) -> IssueName:
    key = f"{row.project_key}-{row.issue_number}"
    gone = row.issue_deleted is not None
    return IssueName(row.issue_id, row.issue_number, key, row.issue_title, row.issue_status, gone)


def _said(row: Row[Any]) -> Said:
    return Said(*row[_SAID])
