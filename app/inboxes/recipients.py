"""Whom an event concerns, and why: the one answer that notifications, mails and the event page share."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, or_, select

from app.accounts.user import User
from app.db import rows
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
        kind, values = asked_for(happening)
        found = rows(_people(kind), **values) if kind else ()
        special = named(happening)
        happening.memo["recipients"] = [
            Recipient(Watcher(row.id, row.name, row.email, row.mails), special.get(row.id, row.reason))
            for row in found
        ]
    listed: list[Recipient] = happening.memo["recipients"]
    return listed


def count_recipients(happening: Happening) -> int:
    """How many `recipients` there are, without fetching them."""
    kind, values = asked_for(happening)
    return int(rows(_count(kind), **values)[0][0]) if kind else 0


@dataclass(frozen=True, slots=True)
class Kind:
    """What the statement depends on, besides its values."""

    is_public: bool
    has_actor: bool


def asked_for(happening: Happening) -> tuple[Kind | None, dict[str, Any]]:
    """The kind of the statement for this event and its values; None when there is nobody to look for."""
    issue, project, event = happening.issue, happening.project, happening.event
    if issue is None or project is None:
        return None, {}
    values: dict[str, Any] = {"its_issue": issue.id, "its_seq": event.seq}
    if event.actor_id is not None:
        values["its_actor"] = event.actor_id
    if not project.is_public:
        values["its_project"] = project.id
    return Kind(project.is_public, event.actor_id is not None), values


def watchers_told(kind: Kind, *columns: Any) -> Select[Any]:
    """Rows of these columns of User and Subscription for the values of `asked_for`. Build it once and keep it."""
    query = (
        select(*columns)
        .select_from(User)
        .join(Subscription, Subscription.user_id == User.id)
        .where(
            Subscription.issue_id == bindparam("its_issue"),
            Subscription.muted.is_(False),
            # who began to watch after a later event is told of that one
            Subscription.from_seq <= bindparam("its_seq"),
            User.is_active,
            User.password_hash.is_not(None),
        )
    )
    if kind.has_actor:
        query = query.where(User.id != bindparam("its_actor"))
    if not kind.is_public:
        inside = select(Membership.user_id).where(Membership.project_id == bindparam("its_project"))
        query = query.where(or_(User.id.in_(inside), User.is_admin))
    return query


@cache
def _people(kind: Kind) -> Select[Any]:
    columns = (User.id, User.name, User.email, User.mails, Subscription.reason)
    return watchers_told(kind, *columns).order_by(User.id)


@cache
def _count(kind: Kind) -> Select[Any]:
    return watchers_told(kind, func.count())


def named(happening: Happening) -> dict[int, str]:
    """Those whom the event itself names, with the reason that goes before that of their subscription."""
    action = happening.action
    if isinstance(action, Commented):
        return {person.id: "mentioned" for person in action.mentions}
    if isinstance(action, Assigned):
        return {person.id: "assigned" for person in action.assignees}
    return {}
