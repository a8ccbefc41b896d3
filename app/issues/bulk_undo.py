"""A bulk act taken back: the reverse of each of its changes, as a bulk act of its own.

Only issues that nobody changed since: what came later was meant, and stays. The workflow knows no way from resolved to
open, so an open issue that was resolved is reopened.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Select, func, select

from app.accounts.user import User
from app.context import cause, caused_by
from app.db import db
from app.errors import Forbidden, NotFound
from app.events.action import Action, LabelRef, PersonRef
from app.events.batch import batch
from app.events.event import Actor, Event
from app.events.issue_actions import (
    Assigned,
    Closed,
    Labeled,
    PriorityChanged,
    Reopened,
    StatusChanged,
    Unassigned,
    Unlabeled,
)
from app.events.queries import with_actions
from app.issues.assignment import assign, unassign
from app.issues.bulk import Left, Outcome, locked
from app.issues.editing import prioritise
from app.issues.issue import Issue
from app.issues.label import Label, add_labels, remove_labels
from app.issues.workflow import change_status
from app.projects.project import Project
from app.projects.queries import people_named

T = TypeVar("T")
CHANGES: tuple[type[Action], ...] = (
    StatusChanged,
    Closed,
    Reopened,
    Assigned,
    Unassigned,
    PriorityChanged,
    Labeled,
    Unlabeled,
)
"""What a bulk act changes, and what counts as somebody having changed the issue since."""
BACK = {
    ("open", "in_progress"): ("stop",),
    ("reopened", "in_progress"): ("stop",),
    ("in_progress", "open"): ("start",),
    ("open", "resolved"): ("reopen",),
    ("reopened", "resolved"): ("reopen",),
    ("in_progress", "resolved"): ("reopen", "start"),
    ("open", "closed"): ("reopen",),
    ("reopened", "closed"): ("reopen",),
    ("in_progress", "closed"): ("reopen", "start"),
    ("resolved", "closed"): ("reopen", "resolve"),
    ("resolved", "reopened"): ("resolve",),
    ("closed", "reopened"): ("close",),
}
"""From, to -> the steps that lead back, or as near as the workflow allows."""


def may_take_back(batch_id: str, *, actor: Actor) -> bool:
    """Whether this is a bulk act of theirs that changed issues."""
    return actor.user_id is not None and _actors(batch_id) == {actor.user_id}


def take_back(project: Project, batch_id: str, *, actor: Actor) -> Outcome:
    """Undo the bulk act where nobody changed the issue since. Its right is asked by the caller, who also commits.

    Raises NotFound for an act that is none of this project, Forbidden for one of somebody else.
    """
    acted = _acted(project, batch_id)
    if not acted:
        raise NotFound
    if {event.actor_id for event in acted} != {actor.user_id}:
        raise Forbidden("A bulk act is taken back by who did it")
    by_issue: dict[int, list[Event]] = {}
    for event in acted:
        by_issue.setdefault(event.issue_id or 0, []).append(event)
    issues = locked(project, Issue.id.in_(list(by_issue)))
    newest = _newest_changes([issue.id for issue in issues])
    done = Outcome()
    for issue in issues:
        if newest.get(issue.id) == by_issue[issue.id][-1].seq:
            done.changed.append(issue)
        else:
            done.left.append(Left(issue.key, "It was changed since.", issue.title))
    if done.changed:
        number = len(done.changed)
        said = f"took back a bulk act on {number} issue{'' if number == 1 else 's'}"
        things = _Things(project, acted)
        quiet = cause().quiet or all(event.quiet for event in acted)
        with caused_by(quiet=quiet), batch(said) as done.batch_id:
            for issue in done.changed:
                things.revert(issue, by_issue[issue.id], actor)
    return done


class _Things:
    """The labels and people that the act speaks of, as they are now: loaded once for all issues."""

    def __init__(self, project: Project, events: Sequence[Event]) -> None:
        self.actions = with_actions(events)
        labels: set[int] = set()
        people: set[int] = set()
        for action in self.actions.values():
            labels |= {one.id for one in getattr(action, "labels", ())}
            people |= {one.id for one in getattr(action, "assignees", ())}
        self.labels = {one.id: one for one in _all(select(Label).where(Label.id.in_(labels)))}
        self.people = {one.id: one for one in _all(select(User).where(User.id.in_(people)))}
        named = people_named(project, [person.username for person in self.people.values()])
        self.inside = {person.id for person in named}

    def revert(self, issue: Issue, events: Sequence[Event], actor: Actor) -> None:
        """Undo what these events did to the issue, the last one first."""
        for event in reversed(events):
            self._undo(issue, self.actions[event.id], actor)

    def _undo(self, issue: Issue, action: Action, actor: Actor) -> None:
        if isinstance(action, StatusChanged | Closed | Reopened):
            for step in BACK[action.from_, action.to]:
                change_status(issue, step, actor=actor, triggered_by="undo")
        elif isinstance(action, PriorityChanged):
            prioritise(issue, action.from_, actor=actor)
        elif isinstance(action, Labeled):
            remove_labels(issue, _these(self.labels, action.labels), actor=actor)
        elif isinstance(action, Unlabeled):
            add_labels(issue, _these(self.labels, action.labels), actor=actor)
        elif isinstance(action, Assigned):
            unassign(issue, _these(self.people, action.assignees), actor=actor)
        elif isinstance(action, Unassigned):
            back = [one for one in _these(self.people, action.assignees) if one.id in self.inside]
            assign(issue, back, actor=actor)


def _acted(project: Project, batch_id: str) -> Sequence[Event]:
    query = select(Event).where(
        Event.batch_id == batch_id,
        Event.project_id == project.id,
        Event.action.in_([kind.name for kind in CHANGES]),
    )
    return db.session.scalars(query.order_by(Event.id)).all()


def _actors(batch_id: str) -> set[int | None]:
    names = [kind.name for kind in CHANGES]
    query = select(Event.actor_id).where(Event.batch_id == batch_id, Event.action.in_(names))
    return set(db.session.scalars(query.distinct()))


def _newest_changes(issue_ids: Sequence[int]) -> dict[int, int]:
    """Issue id -> the number of its last event that changed what bulk acts change."""
    query = select(Event.issue_id, func.max(Event.seq)).where(
        Event.issue_id.in_(issue_ids), Event.action.in_([kind.name for kind in CHANGES])
    )
    return {row[0]: row[1] for row in db.session.execute(query.group_by(Event.issue_id)) if row[0]}


def _all(query: Select[T]) -> Sequence[T]:
    return db.session.scalars(query).all()


def _these(known: Mapping[int, T], refs: Sequence[LabelRef] | Sequence[PersonRef]) -> list[T]:
    return [known[ref.id] for ref in refs if ref.id in known]
