"""Whom an event concerns, and why: the one answer that notifications, mails and the event page share."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import aliased

from app.accounts.user import User
from app.db import db
from app.events.event import Event
from app.events.issue_actions import Assigned, Commented
from app.inboxes.base import Happening
from app.issues.subscription import Subscription
from app.projects.membership import Membership

REASONS = {
    "mentioned": "you were mentioned",
    "assigned": "it is assigned to you",
    "reported": "you reported it",
    "commented": "you commented on it",
    "manual": "you watch it",
    "rule": "a rule of the project told you",
}
"""Why somebody is told, in words for that person."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person who is told, and the reason: a key of REASONS."""

    user: User
    reason: str


def recipients(happening: Happening) -> list[Recipient]:
    """The watchers of the issue who may see it, without the actor. Two queries at most, once per event."""
    if "recipients" not in happening.memo:
        happening.memo["recipients"] = _find(happening)
    found: list[Recipient] = happening.memo["recipients"]
    return found


def _find(happening: Happening) -> list[Recipient]:
    issue, project, event = happening.issue, happening.project, happening.event
    if issue is None or project is None:
        return []
    query = (
        select(User, Subscription.reason)
        .join(Subscription, Subscription.user_id == User.id)
        .where(
            Subscription.issue_id == issue.id,
            Subscription.muted.is_(False),
            ~_came_later(event),
            User.is_active,
            User.password_hash.is_not(None),
        )
        .order_by(User.id)
        .execution_options(populate_existing=True)
    )
    if event.actor_id is not None:
        query = query.where(User.id != event.actor_id)
    if not project.is_public:
        inside = select(Membership.user_id).where(Membership.project_id == project.id)
        query = query.where(or_(User.id.in_(inside), User.is_admin))
    special = _named(happening)
    return [Recipient(user, special.get(user.id, reason)) for user, reason in db.session.execute(query)]


def _came_later(event: Event) -> ColumnElement[bool]:
    """Whether the person began to watch only after the issue's next event.

    Those whom the event itself made watchers came after it, and before the next: they are told of it.
    """
    following = aliased(Event)
    return exists().where(
        following.issue_id == event.issue_id,
        following.seq == event.seq + 1,
        following.created_at < Subscription.created_at,
    )


def _named(happening: Happening) -> dict[int, str]:
    action = happening.action
    if isinstance(action, Commented):
        return {person.id: "mentioned" for person in action.mentions}
    if isinstance(action, Assigned):
        return {person.id: "assigned" for person in action.assignees}
    return {}
