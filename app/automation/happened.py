"""From the log to what rules are asked about: the event as an occasion, the issue as a state."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from typing import Any, TypeVar

from sqlalchemy import Select, select

from app.automation.conditions import Occasion, State
from app.automation.definition import TRIGGERS
from app.db import db
from app.events.action import Action
from app.events.event import Event
from app.issues.comment import Comment
from app.issues.issue import Issue, IssueAssignee
from app.issues.label import IssueLabel

T = TypeVar("T")
SINCE: dict[str, Collection[str]] = {
    "since_change": TRIGGERS.keys(),
    "since_status": ("created", "status_changed", "closed", "reopened"),
    "since_assigned": ("created", "assigned"),
}
"""Fields that count the time since something -> the actions it is. An issue may be opened with people who have it."""


def occasion_of(event: Event, action: Action) -> Occasion:
    """The event. Its comment and the change before it are only looked up when a rule asks."""
    return Occasion(
        at=event.created_at,
        action=event.action,
        facts=action.model_dump(by_alias=True, mode="json", exclude_none=True),
        actor_id=event.actor_id,
        actor_kind=event.actor_kind,
        comment=once(lambda: comment_text(event.issue_id, event.seq, action)),
        before=before(event.issue_id, event.seq),
    )


def state_of(issue: Issue) -> State:
    """The issue as it is now. Two queries."""
    return states_of([issue])[issue.id]


def states_of(issues: Sequence[Issue]) -> dict[int, State]:
    """Issue id -> the issue as it is now. Two queries for any number."""
    ids = [issue.id for issue in issues]
    labels = _sets(select(IssueLabel.issue_id, IssueLabel.label_id).where(IssueLabel.issue_id.in_(ids)))
    people = _sets(
        select(IssueAssignee.issue_id, IssueAssignee.user_id).where(IssueAssignee.issue_id.in_(ids))
    )
    return {
        issue.id: State(
            status=issue.status,
            priority=issue.priority,
            labels=frozenset(labels.get(issue.id, ())),
            assignees=frozenset(people.get(issue.id, ())),
            reporter_id=issue.reporter_id,
            kind=issue.kind,
            title=issue.title,
            description=issue.description,
            created_at=issue.created_at,
            comments=issue.comment_count,
            milestone=issue.milestone_id,
            is_sub_issue=issue.parent_id is not None,
        )
        for issue in issues
    }


def _sets(query: Select[int, int]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for issue_id, one in db.session.execute(query):
        found.setdefault(issue_id, set()).add(one)
    return found


def comment_text(issue_id: int | None, seq: int, action: Action) -> str:
    """The comment's whole text, as it is now; of one that was edited, what the event kept."""
    body = db.session.scalar(
        select(Comment.body).where(Comment.issue_id == issue_id, Comment.event_seq == seq)
    )
    return body if body is not None else str(getattr(action, "excerpt", "") or "")


def before(issue_id: int | None, seq: int) -> Callable[[str], datetime | None]:
    """When each of SINCE last happened on the issue before this event. One query for each that is asked for."""
    return cache(partial(_last_of, issue_id, seq))


def marks(action: str, facts: Mapping[str, Any]) -> list[str]:
    """The fields of SINCE for which time begins anew with this event."""
    return [
        field
        for field, actions in SINCE.items()
        if action in actions and (field != "since_assigned" or facts.get("assignees"))
    ]


def _last_of(issue_id: int | None, seq: int, field: str) -> datetime | None:
    row = db.session.execute(
        select(Event.created_at, Event.action, Event.facts.label("facts"))
        .where(Event.issue_id == issue_id, Event.seq < seq, Event.action.in_(SINCE[field]))
        .order_by(Event.seq.desc())
        .limit(1)
    ).first()
    return row.created_at if row is not None and field in marks(row.action, row.facts) else None


def once(look: Callable[[], T]) -> Callable[[], T]:
    """The same answer, looked up the first time it is asked for."""
    found: list[T] = []

    def answer() -> T:
        if not found:
            found.append(look())
        return found[0]

    return answer
