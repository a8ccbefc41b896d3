"""From the log to what rules are asked about: the event as an occasion, the issue as a state."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

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


def occasion_of(event: Event, action: Action) -> Occasion:
    """The event. Its comment and the change before it are only looked up when a rule asks."""
    return Occasion(
        at=event.created_at,
        action=event.action,
        facts=action.model_dump(by_alias=True, mode="json", exclude_none=True),
        actor_id=event.actor_id,
        actor_kind=event.actor_kind,
        comment=once(lambda: comment_text(event.issue_id, event.seq, action)),
        changed_before=once(lambda: changed_before(event.issue_id, event.seq)),
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


def changed_before(issue_id: int | None, seq: int) -> datetime | None:
    """When something last happened on the issue before this event."""
    return db.session.scalar(
        select(Event.created_at)
        .where(Event.issue_id == issue_id, Event.seq < seq, Event.action.in_(TRIGGERS))
        .order_by(Event.seq.desc())
        .limit(1)
    )


def once(look: Callable[[], T]) -> Callable[[], T]:
    """The same answer, looked up the first time it is asked for."""
    found: list[T] = []

    def answer() -> T:
        if not found:
            found.append(look())
        return found[0]

    return answer
