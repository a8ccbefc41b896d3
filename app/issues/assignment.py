"""Who has the issue."""

from collections.abc import Sequence

from sqlalchemy import delete, select

from app.accounts.user import User
from app.db import db
from app.errors import Invalid
from app.events.event import Actor
from app.events.issue_actions import Assigned, Unassigned
from app.events.recording import lock, record_event
from app.issues.issue import Issue, IssueAssignee, assignee_ids, attach_people
from app.issues.subscription import subscribe

MOST = 20
"""More people than this do not have an issue; they watch it."""


def assign(issue: Issue, people: Sequence[User], *, actor: Actor) -> None:
    """Give the issue to people, who watch it from then on; those who have it already are left out."""
    lock(issue)
    have = assignee_ids(issue)
    new = tuple(person for person in people if person.id not in have)
    if not new:
        return
    if len(have) + len(new) > MOST:
        raise Invalid(f"An issue is given to at most {MOST} people", field="assignees")
    now = tuple(sorted(have | {person.id for person in new}))
    record_event(issue, Assigned(assignees=tuple(person.ref for person in new), now=now), actor=actor)
    attach_people(issue, new)
    for person in new:
        subscribe(issue, person, reason="assigned")


def unassign(issue: Issue, people: Sequence[User], *, actor: Actor) -> None:
    """Take the issue from people; those who do not have it are left out."""
    lock(issue)
    have = assignee_ids(issue)
    old = tuple(person for person in people if person.id in have)
    if not old:
        return
    gone = {person.id for person in old}
    record_event(
        issue,
        Unassigned(assignees=tuple(person.ref for person in old), now=tuple(sorted(have - gone))),
        actor=actor,
    )
    db.session.execute(
        delete(IssueAssignee).where(IssueAssignee.issue_id == issue.id, IssueAssignee.user_id.in_(gone))
    )


def set_assignees(issue: Issue, people: Sequence[User], *, actor: Actor) -> None:
    """Give the issue to exactly these people."""
    lock(issue)
    now = {person.id for person in people}
    query = (
        select(User)
        .join(IssueAssignee, IssueAssignee.user_id == User.id)
        .where(IssueAssignee.issue_id == issue.id)
    )
    before = db.session.scalars(query).all()
    assign(issue, people, actor=actor)
    unassign(issue, [person for person in before if person.id not in now], actor=actor)
