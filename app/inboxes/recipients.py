"""Whom an event concerns, and why: the one answer that notifications, mails and the event page share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, exists, func, or_, select

from app.accounts.user import User
from app.db import rows
from app.events.event import Event
from app.events.issue_actions import Assigned, Commented
from app.inboxes.base import Happening
from app.issues.subscription import Subscription
from app.projects.membership import Membership
from app.projects.project import Project

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
        special = named(happening)
        happening.memo["recipients"] = [
            Recipient(Watcher(row.id, row.name, row.email, row.mails), special.get(row.id, row.reason))
            for row in rows(_PEOPLE, events=[happening.event.id])
        ]
    listed: list[Recipient] = happening.memo["recipients"]
    return listed


def count_all(happenings: Sequence[Happening]) -> None:
    """Count the recipients of all these events in one query, for `count_recipients` to answer from."""
    found = {row.id: row.number for row in rows(_NUMBERS, events=[one.event.id for one in happenings])}
    for one in happenings:
        one.memo[_NUMBER] = found.get(one.event.id, 0)


def count_recipients(happening: Happening) -> int:
    """How many `recipients` there are, without fetching them."""
    if _NUMBER not in happening.memo:
        count_all([happening])
    return int(happening.memo[_NUMBER])


def watchers_told(*columns: Any) -> Select[Any]:
    """Rows of these columns, one for each person who is told of each of the `events`, a parameter with their ids."""
    inside = exists().where(Membership.project_id == Event.project_id, Membership.user_id == User.id)
    return (
        select(*columns)
        .select_from(Event)
        .join(Project, Project.id == Event.project_id)
        .join(Subscription, Subscription.issue_id == Event.issue_id)
        .join(User, User.id == Subscription.user_id)
        .where(
            Event.id.in_(bindparam("events", expanding=True)),
            Subscription.muted.is_(False),
            # who began to watch after a later event is told of that one
            Subscription.from_seq <= Event.seq,
            User.is_active,
            User.password_hash.is_not(None),
            or_(Event.actor_id.is_(None), User.id != Event.actor_id),
            or_(Project.visibility == "public", User.is_admin, inside),
        )
    )


_NUMBER = "number of recipients"
_PEOPLE = watchers_told(User.id, User.name, User.email, User.mails, Subscription.reason).order_by(User.id)
_NUMBERS = watchers_told(Event.id, func.count().label("number")).group_by(Event.id)


def named(happening: Happening) -> dict[int, str]:
    """Those whom the event itself names, with the reason that goes before that of their subscription."""
    action = happening.action
    if isinstance(action, Commented):
        return {person.id: "mentioned" for person in action.mentions}
    if isinstance(action, Assigned):
        return {person.id: "assigned" for person in action.assignees}
    return {}
