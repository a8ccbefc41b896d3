"""The one line that says which issues to list: `status:any label:bug assignee:@me priority:urgent two words`.

A small language until it needs to be a larger one: `key:value` with quotes where a value has blanks, a comma for
"or", a minus in front for "not"; what is no key is looked for in the title.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, not_, or_, select
from sqlalchemy.orm import aliased

from app.accounts.user import User
from app.accounts.viewer import Viewer
from app.db import BigId
from app.errors import Invalid
from app.events.issue_actions import Status
from app.issues.issue import OPEN_STATUSES, STATUSES, Issue, IssueAssignee
from app.issues.label import IssueLabel, Label
from app.issues.milestone import Milestone
from app.projects.project import Project

LONGEST = 500
TERM = re.compile(r'(?P<not>-)?(?:(?P<key>[a-z_]+):)?(?P<value>"[^"]*"?|[^\s"]+)')
KEYS = ("status", "label", "assignee", "reporter", "priority", "milestone", "parent", "kind", "key", "no")
WITHOUT = ("milestone", "parent", "label", "assignee")
"""What an issue may have none of: `no:milestone` is the same as `milestone:none`."""
ORDER: tuple[Status, ...] = ("reopened", "in_progress", "open", "resolved", "closed")
"""What needs attention first stands first."""
PRIORITIES = ("urgent", "high", "medium", "low", "none")
KINDS = {"issue": "issue", "pull_request": "pull_request", "pr": "pull_request"}


@dataclass(frozen=True, slots=True)
class Term:
    """One piece of the line."""

    key: str | None
    values: tuple[str, ...]
    negated: bool

    def __str__(self) -> str:
        words = ",".join(f'"{value}"' if " " in value else value for value in self.values)
        return f"{'-' if self.negated else ''}{self.key + ':' if self.key else ''}{words}"


def parse(line: str) -> list[Term]:
    """The terms of the line. Raises Invalid naming the word that cannot be understood."""
    if len(line) > LONGEST:
        raise Invalid(f"Search with at most {LONGEST} characters", field="q")
    terms = []
    for match in TERM.finditer(line):
        key, raw = match["key"], match["value"]
        values = (raw.strip('"'),) if raw.startswith('"') or not key else tuple(filter(None, raw.split(",")))
        if key is not None and key not in KEYS:
            raise Invalid(f"“{key}:” is not something to filter by. Use one of {', '.join(KEYS)}.", field="q")
        if not values or values == ("",):
            continue
        terms.append(Term(key, values, match["not"] is not None))
    return terms


def matching(terms: Sequence[Term], viewer: Viewer, project: Project | None = None) -> Select[Issue]:
    """The query of these terms without their statuses, its order and its page."""
    query = select(Issue).where(*conditions(terms, literal(viewer.user_id, BigId)))
    return query if project is None else query.where(Issue.project_id == project.id)


def conditions(terms: Sequence[Term], me: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    """What the terms ask for of the issues that are there; `me` is who @me is: a value, or a `bindparam` of a
    statement that is kept.

    The statuses are left out: they are walked through one after another, see wanted_statuses.
    """
    found: list[ColumnElement[bool]] = [Issue.deleted_at.is_(None)]
    for term in terms:
        if term.key != "status":
            condition = _condition(term, me)
            found.append(not_(condition) if term.negated else condition)
    return found


def wanted_statuses(line: str) -> list[Status]:
    """The statuses the line asks for, in the order of a list; those of unfinished work unless it says which."""
    terms = parse(line)
    wanted = set(STATUSES)
    if not any(term.key in ("status", "key") for term in terms):
        wanted = set(OPEN_STATUSES)
    for term in terms:
        if term.key == "status":
            named = {status for value in term.values for status in _statuses(value)}
            wanted = wanted - named if term.negated else wanted & named
    return [status for status in ORDER if status in wanted]


def is_default(line: str) -> bool:
    """Whether the line asks for nothing in particular, so that an empty list is a matter of the project."""
    return not parse(line)


def without(line: str, place: int) -> str:
    """The line without its n-th term: what the button "Drop label:mobile" asks for."""
    return " ".join(str(term) for number, term in enumerate(parse(line)) if number != place)


def _condition(term: Term, me: ColumnElement[Any]) -> ColumnElement[bool]:
    if term.key is None:
        return and_(*(_in_title(word) for word in term.values))
    make: dict[str, Callable[[str], ColumnElement[bool]]] = {
        "label": _label,
        "assignee": lambda value: _assignee(value, me),
        "reporter": lambda value: _reporter(value, me),
        "priority": lambda value: Issue.priority == _one_of("priority", value, PRIORITIES),
        "milestone": _milestone,
        "parent": _parent,
        "no": lambda value: _condition(Term(_what_may_lack(value), ("none",), negated=False), me),
        "kind": lambda value: Issue.kind == KINDS[_one_of("kind", value, tuple(KINDS))],
        "key": _key,
    }
    return or_(*(make[term.key](value) for value in term.values))


def _in_title(word: str) -> ColumnElement[bool]:
    escaped = word.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return func.lower(Issue.title).like(f"%{escaped}%", escape="\\")


def _statuses(value: str) -> tuple[Status, ...]:
    if value == "any":
        return STATUSES
    if value == "done":
        return tuple(status for status in STATUSES if status not in OPEN_STATUSES)
    _one_of("status", value, (*STATUSES, "any", "done"))
    return tuple(status for status in STATUSES if status == value)


def _label(value: str) -> ColumnElement[bool]:
    on_it = select(IssueLabel.issue_id).join(Label, Label.id == IssueLabel.label_id)
    if value == "none":
        return not_(exists(on_it.where(IssueLabel.issue_id == Issue.id)))
    return Issue.id.in_(on_it.where(func.lower(Label.name) == value.lower()))


def _assignee(value: str, me: ColumnElement[Any]) -> ColumnElement[bool]:
    has_it = select(IssueAssignee.issue_id)
    if value == "none":
        return not_(exists(has_it.where(IssueAssignee.issue_id == Issue.id)))
    if value == "@me":
        return Issue.id.in_(has_it.where(IssueAssignee.user_id == me))
    person = select(User.id).where(func.lower(User.username) == value.lower().lstrip("@")).scalar_subquery()
    return Issue.id.in_(has_it.where(IssueAssignee.user_id == person))


def _reporter(value: str, me: ColumnElement[Any]) -> ColumnElement[bool]:
    if value == "@me":
        return Issue.reporter_id == me
    person = select(User.id).where(func.lower(User.username) == value.lower().lstrip("@")).scalar_subquery()
    return Issue.reporter_id == person


def _milestone(value: str) -> ColumnElement[bool]:
    if value == "none":
        return Issue.milestone_id.is_(None)
    named = select(Milestone.id).where(func.lower(Milestone.name) == value.lower())
    return and_(Issue.milestone_id.is_not(None), Issue.milestone_id.in_(named))


def _parent(value: str) -> ColumnElement[bool]:
    if value == "none":
        return Issue.parent_id.is_(None)
    parent = aliased(Issue)
    named = select(parent.id).where(_key(value, parent))
    return and_(Issue.parent_id.is_not(None), Issue.parent_id.in_(named))


def _key(value: str, issue: type[Issue] = Issue) -> ColumnElement[bool]:
    project, _, number = value.upper().rpartition("-")
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        raise Invalid(f"“{value[:40]}” is not a key like ORC-12", field="q")
    matches: list[Any] = [issue.number == int(number)]
    if project:
        matches.append(issue.project_id.in_(select(Project.id).where(func.upper(Project.key) == project)))
    return and_(*matches)


def _what_may_lack(value: str) -> str:
    if value not in WITHOUT:
        allowed = ", ".join(WITHOUT)
        raise Invalid(f"No issue can be asked to have no “{value[:40]}”. Use one of {allowed}.", field="q")
    return value


def _one_of(key: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise Invalid(f"“{value[:40]}” is not a {key}. Use one of {', '.join(allowed)}.", field="q")
    return value
