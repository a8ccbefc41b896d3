"""Whom an event concerns, and why: the one answer that notifications, mails and the event page share.

A bulk act tells each person once: at the first of its events that concerns them. The others say that it did.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from app.accounts.user import User
from app.db import BigId, rows
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


Names = frozenset[str]
"""The actions an inbox tells people about."""


def recipients(happening: Happening, among: Names) -> list[Recipient]:
    """The watchers of the issue who may see it, without the actor. One query, once per event.

    `among` are the actions this inbox tells people about: of a bulk act, who is told of an earlier one is left out.
    """
    kind, values = asked_for(happening, among)
    memo = f"recipients {sorted(among)}"
    if memo not in happening.memo:
        found = rows(_people(kind), **values) if kind else ()
        special = named(happening)
        happening.memo[memo] = [
            Recipient(Watcher(row.id, row.name, row.email, row.mails), special.get(row.id, row.reason))
            for row in found
        ]
    listed: list[Recipient] = happening.memo[memo]
    return listed


def count_recipients(happening: Happening, among: Names) -> int:
    """How many `recipients` there are, without fetching them."""
    kind, values = asked_for(happening, among)
    return int(rows(_count(kind), **values)[0][0]) if kind else 0


def nobody(happening: Happening) -> str:
    """Why there are no recipients, in words."""
    if happening.event.batch_id is not None:
        kind, values = asked_for(happening, frozenset())
        if kind and rows(_count(kind), **values)[0][0]:
            return "told once for the whole bulk act"
    return "nobody else is watching"


@dataclass(frozen=True, slots=True)
class Kind:
    """What the statement depends on, besides its values."""

    is_public: bool
    has_actor: bool
    among: Names = frozenset()
    """Of an event of a bulk act: the actions whose earlier events told people already."""


def asked_for(happening: Happening, among: Names) -> tuple[Kind | None, dict[str, Any]]:
    """The kind of the statement for this event and its values; None when there is nobody to look for."""
    issue, project, event = happening.issue, happening.project, happening.event
    if issue is None or project is None:
        return None, {}
    values: dict[str, Any] = {"its_issue": issue.id, "its_seq": event.seq}
    if event.actor_id is not None:
        values["its_actor"] = event.actor_id
    if not project.is_public or event.batch_id is not None:
        values["its_project"] = project.id
    if event.batch_id is None:
        among = frozenset()
    elif among:
        values |= {"its_batch": event.batch_id, "its_event": event.id}
    return Kind(project.is_public, event.actor_id is not None, among), values


def watchers_told(kind: Kind, *columns: Any) -> Select[Any]:
    """Rows of these columns of User and Subscription for the values of `asked_for`. Build it once and keep it."""
    query = (
        select(*columns)
        .select_from(User)
        .join(Subscription, Subscription.user_id == User.id)
        .where(Subscription.issue_id == bindparam("its_issue"), *_concerned(kind, bindparam("its_seq")))
    )
    return query.where(~_told_before(kind.among)) if kind.among else query


def asked_of_batch(happening: Happening, among: Names) -> tuple[Kind | None, dict[str, Any]]:
    """The kind and the values for `told_by_batch`, of the bulk act that this event is part of."""
    kind, values = asked_for(happening, among)
    return kind, {name: values[name] for name in values if name in ("its_batch", "its_project", "its_actor")}


def told_by_batch(kind: Kind, *columns: Any) -> Select[Any]:
    """The same for every event of a bulk act, of the actions in `kind.among`: a row for each person and event."""
    return (
        select(*columns)
        .select_from(Event)
        .join(Subscription, Subscription.issue_id == Event.issue_id)
        .join(User, User.id == Subscription.user_id)
        .where(*_of_batch(Event, kind.among), *_concerned(kind, Event.seq))
    )


def _concerned(kind: Kind, seq: ColumnElement[int] | Any) -> list[ColumnElement[bool]]:
    """Which watchers an event with this number concerns."""
    conditions: list[ColumnElement[bool]] = [
        Subscription.muted.is_(False),
        # who began to watch after a later event is told of that one
        Subscription.from_seq <= seq,
        User.is_active.is_(True),
        User.password_hash.is_not(None),
    ]
    if kind.has_actor:
        conditions.append(User.id != bindparam("its_actor"))
    if not kind.is_public:
        inside = select(Membership.user_id).where(Membership.project_id == bindparam("its_project"))
        conditions.append(or_(User.id.in_(inside), User.is_admin))
    return conditions


def _told_before(among: Names) -> ColumnElement[bool]:
    """An earlier event of the same bulk act concerns the person too."""
    earlier, watched = aliased(Event), aliased(Subscription)
    return (
        select(earlier.id)
        .join(watched, watched.issue_id == earlier.issue_id)
        .where(
            *_of_batch(earlier, among),
            earlier.id < bindparam("its_event", type_=BigId),
            watched.user_id == User.id,
            watched.muted.is_(False),
            watched.from_seq <= earlier.seq,
        )
        .correlate(User)
        .exists()
    )


def _of_batch(event: Any, among: Names) -> list[ColumnElement[bool]]:
    return [
        event.batch_id == bindparam("its_batch"),
        event.project_id == bindparam("its_project", type_=BigId),
        event.action.in_(sorted(among)),
        event.quiet.is_(False),
    ]


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
