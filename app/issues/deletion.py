"""Deleting an issue, and bringing it back. Nothing is thrown away: it is out of sight, with all that happened to it.

What is deleted has no more events until it is restored; its number stays taken. Every question about issues leaves it
out by `Issue.deleted_at`, every question about events by `app.events.deleted`.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, cast

from sqlalchemy import Select, and_, select, tuple_
from sqlalchemy.orm.attributes import set_committed_value

from app import clock
from app.accounts.user import User
from app.db import db
from app.errors import Conflict
from app.events.action import IssueRef
from app.events.event import Actor, Event
from app.events.issue_actions import Deleted, Priority, Restored, Snapshot, Status
from app.events.recording import lock, record_event
from app.issues.issue import Issue, IssueAssignee
from app.issues.label import labels_on
from app.issues.milestone import Milestone
from app.issues.written import excerpt
from app.projects.project import Project

PAGE = 50


def delete_issue(issue: Issue, *, actor: Actor) -> None:
    """Put the issue out of everybody's sight; the event keeps the row as it was. Its project must be loaded."""
    lock(issue)
    if issue.deleted_at is not None:
        raise Conflict(f"{issue.key} was deleted already")
    action = Deleted(key=issue.key, title=issue.title, snapshot=snapshot_of(issue))
    issue.deleted_at = moment = clock.now()
    record_event(issue, action, actor=actor, at=moment)


def restore_issue(issue: Issue, *, actor: Actor) -> None:
    """Bring a deleted issue back as it was, and all that happened to it. Its project must be loaded."""
    lock(issue)
    if issue.deleted_at is None:
        raise Conflict(f"{issue.key} is not deleted")
    action = Restored(key=issue.key, title=issue.title)
    issue.deleted_at = None
    record_event(issue, action, actor=actor)


def snapshot_of(issue: Issue) -> Snapshot:
    """The row as it is, with the names of what it refers to."""
    have_it = select(IssueAssignee.user_id).where(IssueAssignee.issue_id == issue.id)
    people = db.session.scalars(select(User).where(User.id.in_(have_it)).order_by(User.id))
    reporter = db.session.get(User, issue.reporter_id) if issue.reporter_id is not None else None
    milestone = db.session.get(Milestone, issue.milestone_id) if issue.milestone_id is not None else None
    return Snapshot(
        number=issue.number,
        kind=cast(Any, issue.kind),
        title=issue.title,
        excerpt=excerpt(issue.description) or None,
        description_version=issue.description_version,
        sha256=sha256(issue.description.encode()).hexdigest(),
        status=cast(Status, issue.status),
        priority=cast(Priority, issue.priority),
        labels=tuple(label.ref for label in labels_on(issue)),
        assignees=tuple(person.ref for person in people),
        reporter=reporter.ref if reporter else None,
        milestone=milestone.ref if milestone else None,
        parent=_parent_of(issue),
        comment_count=issue.comment_count,
        created_at=issue.created_at,
        updated_at=issue.updated_at,
    )


def _parent_of(issue: Issue) -> IssueRef | None:
    if issue.parent_id is None:
        return None
    parent = db.session.get(Issue, issue.parent_id)
    if parent is None:
        return None
    set_committed_value(parent, "project", issue.project)  # a parent is of the same project
    return parent.ref


@dataclass(frozen=True, slots=True)
class DeletedIssue:
    """A line of the list that leads see: which issue, who deleted it and when."""

    id: int
    key: str
    title: str
    status: str
    at: datetime
    uid: str
    """Of the event that says so."""
    by: User | None


def deleted_issues(
    project: Project, *, after: tuple[datetime, int] | None = None, limit: int = PAGE
) -> tuple[list[DeletedIssue], bool]:
    """The project's deleted issues, the last deleted first, and whether there are more. Its rights are the caller's.

    `after` is (at, id) of the last line of the page before.
    """
    query: Select[*tuple[Any, ...]] = (
        select(Issue, Event.uid, User)
        # nothing is recorded of a deleted issue: its newest event is the one that says so
        .join(Event, and_(Event.issue_id == Issue.id, Event.seq == Issue.event_seq))
        .outerjoin(User, User.id == Event.actor_id)
        .where(Issue.project_id == project.id, Issue.deleted_at.is_not(None))
        .order_by(Issue.deleted_at.desc(), Issue.id.desc())
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(tuple_(Issue.deleted_at, Issue.id) < after)
    found = db.session.execute(query).all()
    lines = [
        DeletedIssue(one.id, f"{project.key}-{one.number}", one.title, one.status, one.deleted_at, uid, by)
        for one, uid, by in found[:limit]
    ]
    return lines, len(found) > limit
