"""Many issues changed in one act: sorted out under their locks first, so that an issue changes whole or not at all.

An issue that is so already is left as it is; one that cannot become so is left alone, and said with the reason. What
changes belongs to one batch, and each change is the event it would be by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import get_args

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from app.accounts.user import User
from app.db import db
from app.errors import Invalid
from app.events.batch import batch, batch_exists
from app.events.event import Actor
from app.events.issue_actions import Priority, TriggeredBy
from app.events.recording import holds
from app.issues.assignment import MOST as MOST_PEOPLE
from app.issues.assignment import assign, unassign
from app.issues.editing import prioritise
from app.issues.issue import Issue, IssueAssignee
from app.issues.label import IssueLabel, Label, add_labels, remove_labels
from app.issues.workflow import STEPS, TARGETS, WORDS, allowed_steps, change_status, refusal
from app.projects.project import Project

MOST = 200
"""Issues one act changes at most: on SQLite every other writer waits meanwhile."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the chosen issues are to be; what is left out stays."""

    step: str | None = None
    priority: str | None = None
    add_labels: Sequence[Label] = ()
    remove_labels: Sequence[Label] = ()
    assign: Sequence[User] = ()
    unassign: Sequence[User] = ()

    def parts(self) -> list[str]:
        """What it touches, in a word or two each: labels and people are not named, a batch outlives them."""
        return [
            *([f"status to {WORDS[TARGETS[self.step]]}"] if self.step else []),
            *([f"priority to {self.priority}"] if self.priority else []),
            *(["labels"] if self.add_labels or self.remove_labels else []),
            *(["people"] if self.assign or self.unassign else []),
        ]


@dataclass(frozen=True, slots=True)
class Left:
    """An issue that is left alone, and why. Of one that there is not, only the key as it was sent is known."""

    key: str
    why: str
    title: str | None = None


@dataclass(slots=True)
class Outcome:
    """What became of the chosen issues."""

    batch_id: str | None = None
    """None when nothing changed."""
    changed: list[Issue] = field(default_factory=list)
    same: list[Issue] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    repeated: bool = False
    """The act was done before, by an earlier press of the same button."""


def change_all(
    project: Project,
    keys: Sequence[str],
    wish: Wish,
    *,
    actor: Actor,
    batch_id: str | None = None,
    triggered_by: TriggeredBy = "manual",
) -> Outcome:
    """Change the project's issues with these keys. The right to is asked by the caller, who also commits.

    `batch_id` makes the same act sent twice happen once. Raises Invalid before anything is changed.
    """
    _check(wish)
    issues, unknown = chosen(project, keys)
    if batch_id is not None and batch_exists(batch_id):
        return Outcome(batch_id=batch_id, repeated=True)
    done = _sort_out(issues, wish)
    done.left = [*unknown, *done.left]
    if done.changed:
        with batch(words(wish, len(done.changed)), batch_id=batch_id) as done.batch_id:
            for issue in done.changed:
                _change(issue, wish, actor, triggered_by)
    return done


def chosen(project: Project, keys: Sequence[str]) -> tuple[list[Issue], list[Left]]:
    """The project's issues with these keys, locked in the order of their ids, and the keys that are none of its."""
    wanted = list(dict.fromkeys(key.strip().upper() for key in keys if key.strip()))
    if not wanted:
        raise Invalid("Choose at least one issue", field="issues")
    if len(wanted) > MOST:
        raise Invalid(f"One act changes at most {MOST} issues; {len(wanted)} were chosen", field="issues")
    numbers = {key: _number(project, key) for key in wanted}
    issues = locked(project, Issue.number.in_([number for number in numbers.values() if number is not None]))
    found = {issue.number for issue in issues}
    return issues, [
        Left(key[:40], f"There is no such issue in {project.name}.")
        for key, number in numbers.items()
        if number not in found
    ]


def locked(project: Project, condition: object) -> list[Issue]:
    """Issues of the project, locked until the commit in the order of their ids and read under the lock."""
    query = (
        select(Issue)
        .join(Issue.project)
        .options(contains_eager(Issue.project))
        .where(Issue.project_id == project.id, Issue.deleted_at.is_(None))
        .where(condition)  # type: ignore[arg-type] # a condition on Issue
        .order_by(Issue.id)
        .with_for_update(of=Issue)
        .execution_options(populate_existing=True)
    )
    issues = list(db.session.scalars(query))
    for issue in issues:
        holds(issue)
    return issues


def words(wish: Wish, number: int) -> str:
    """The act after the name of who did it: "moved 29 issues to resolved"."""
    them = f"{number} issue{'' if number == 1 else 's'}"
    parts = wish.parts()
    if len(parts) > 1:
        return f"changed {them}: {', '.join(parts)}"
    if wish.step:
        return f"moved {them} to {WORDS[TARGETS[wish.step]]}"
    if wish.priority:
        return f"set the priority of {them} to {wish.priority}"
    if wish.add_labels or wish.remove_labels:
        return f"labelled {them}" if wish.add_labels else f"took labels off {them}"
    return f"assigned {them}" if wish.assign else f"unassigned {them}"


def _check(wish: Wish) -> None:
    if wish.step and wish.step not in STEPS:
        raise Invalid(f"There is no step {wish.step[:20]!r}: take one of {', '.join(STEPS)}", field="step")
    if wish.priority and wish.priority not in get_args(Priority):
        raise Invalid("Choose a priority: urgent, high, medium, low or none", field="priority")
    if not wish.parts():
        raise Invalid("Choose what to change", field="set")
    for name, ones, others in (
        ("labels", wish.add_labels, wish.remove_labels),
        ("people", wish.assign, wish.unassign),
    ):
        if {one.id for one in ones} & {one.id for one in others}:
            raise Invalid(f"The same {name} cannot be added and taken away in one act", field="set")


def _number(project: Project, key: str) -> int | None:
    """The number in a key of this project; None for what is no key of it."""
    name, _, number = key.rpartition("-")
    if name != project.key.upper() or not number.isascii() or not number.isdigit() or len(number) > 9:
        return None
    return int(number)


def _sort_out(issues: Sequence[Issue], wish: Wish) -> Outcome:
    """Which of them change, are so already, or cannot: three queries for any number."""
    ids = [issue.id for issue in issues]
    labels = _pairs(IssueLabel.issue_id, IssueLabel.label_id, ids)
    people = _pairs(IssueAssignee.issue_id, IssueAssignee.user_id, ids)
    done = Outcome()
    for issue in issues:
        has, have = labels.get(issue.id, set()), people.get(issue.id, set())
        why = _why_not(issue, wish, have)
        if why is not None:
            done.left.append(Left(issue.key, why, issue.title))
        elif _differs(issue, wish, has, have):
            done.changed.append(issue)
        else:
            done.same.append(issue)
    return done


def _why_not(issue: Issue, wish: Wish, have: set[int]) -> str | None:
    if wish.step and issue.status != TARGETS[wish.step] and wish.step not in allowed_steps(issue):
        return refusal(issue, wish.step)
    if len(have | {person.id for person in wish.assign}) > MOST_PEOPLE:
        return f"An issue is given to at most {MOST_PEOPLE} people."
    return None


def _differs(issue: Issue, wish: Wish, has: set[int], have: set[int]) -> bool:
    return bool(
        (wish.step and issue.status != TARGETS[wish.step])
        or (wish.priority and issue.priority != wish.priority)
        or {label.id for label in wish.add_labels} - has
        or {label.id for label in wish.remove_labels} & has
        or {person.id for person in wish.assign} - have
        or {person.id for person in wish.unassign} & have
    )


def _change(issue: Issue, wish: Wish, actor: Actor, triggered_by: TriggeredBy) -> None:
    if wish.assign:  # first, so that who is given it is told that, and not of the step
        assign(issue, wish.assign, actor=actor)
    if wish.step and issue.status != TARGETS[wish.step]:
        change_status(issue, wish.step, actor=actor, triggered_by=triggered_by)
    if wish.unassign:
        unassign(issue, wish.unassign, actor=actor)
    if wish.priority:
        prioritise(issue, wish.priority, actor=actor)
    if wish.add_labels:
        add_labels(issue, wish.add_labels, actor=actor)
    if wish.remove_labels:
        remove_labels(issue, wish.remove_labels, actor=actor)


def _pairs(issue_id: object, other: object, ids: Sequence[int]) -> dict[int, set[int]]:
    """Issue id -> the ids on its rows of a side table."""
    found: dict[int, set[int]] = {}
    query = select(issue_id, other).where(issue_id.in_(ids))  # type: ignore[call-overload, attr-defined] # columns
    for one, another in db.session.execute(query):
        found.setdefault(one, set()).add(another)
    return found
