"""Whom an event concerns, and why: the one answer that notifications, mails and the event page share."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal, or_, select

from app.accounts.user import User
from app.db import db
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
class Watcher:
    """What telling a person needs to know of them: there may be ten thousand, so no more than that."""

    id: int
    name: str
    email: str | None
    mails: bool


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person who is told, and the reason: a key of REASONS."""

    user: Watcher
    reason: str


def recipients(happening: Happening) -> list[Recipient]:
    """The watchers of the issue who may see it, without the actor. One query, once per event."""
    if "recipients" not in happening.memo:
        query = recipients_query(happening, User.id, User.name, User.email, User.mails)
        rows = db.session.execute(query.order_by(User.id)) if query is not None else ()
        happening.memo["recipients"] = [
            Recipient(Watcher(row.id, row.name, row.email, row.mails), row.reason) for row in rows
        ]
    found: list[Recipient] = happening.memo["recipients"]
    return found


def count_recipients(happening: Happening) -> int:
    """How many `recipients` there are, without fetching them."""
    query = recipients_query(happening)
    return 0 if query is None else db.session.scalar(select(func.count()).select_from(query.subquery())) or 0


def recipients_query(happening: Happening, *columns: Any) -> Select[Any] | None:
    """Rows of these columns of User and of the `reason`, in no order; None when there is nobody to look for."""
    issue, project, event = happening.issue, happening.project, happening.event
    if issue is None or project is None:
        return None
    query = (
        select(*columns, _reason(happening).label("reason"))
        .select_from(User)
        .join(Subscription, Subscription.user_id == User.id)
        .where(
            Subscription.issue_id == issue.id,
            Subscription.muted.is_(False),
            Subscription.from_seq <= event.seq,  # who began to watch after a later event is told of that one
            User.is_active,
            User.password_hash.is_not(None),
        )
    )
    if event.actor_id is not None:
        query = query.where(User.id != event.actor_id)
    if not project.is_public:
        inside = select(Membership.user_id).where(Membership.project_id == project.id)
        query = query.where(or_(User.id.in_(inside), User.is_admin))
    return query


def _reason(happening: Happening) -> ColumnElement[str]:
    """The reason of the subscription, but for those whom the event itself names."""
    special = {user_id: literal(reason) for user_id, reason in _named(happening).items()}
    return case(special, value=User.id, else_=Subscription.reason) if special else Subscription.reason  # type: ignore[return-value]


def _named(happening: Happening) -> dict[int, str]:
    action = happening.action
    if isinstance(action, Commented):
        return {person.id: "mentioned" for person in action.mentions}
    if isinstance(action, Assigned):
        return {person.id: "assigned" for person in action.assignees}
    return {}
