"""Whom an event concerns, and why: the one answer that notifications, mails and the event page share.

A bulk act tells each person once: at the first of its events that concerns them. The others say that it did.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, or_, select
from sqlalchemy.orm import aliased

from app.accounts.pace import Pace
from app.accounts.user import User
from app.db import rows
from app.events.deleted import is_there
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
    pace: Pace


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person who is told, and the reason: a key of REASONS."""

    user: Watcher
    reason: str


USUAL = Pace()
"""Shared by all who wait for nothing: there may be ten thousand."""
Names = frozenset[str]
"""The actions an inbox tells people about."""


def recipients(happening: Happening, among: Names) -> list[Recipient]:
    """The watchers of the issue who may see it, without the actor. One query, once per event.

    `among` are the actions this inbox tells people about: of a bulk act, who is told of an earlier one is left out.
    """
    memo = ("recipients", among)
    if memo not in happening.memo:
        special = named(happening)
        happening.memo[memo] = [
            Recipient(_watcher(row), special.get(row.id, row.reason))
            for row in rows(_people(among), events=[happening.event.id])
        ]
    listed: list[Recipient] = happening.memo[memo]
    return listed


def _watcher(row: Any) -> Watcher:
    pace = Pace(row.mail_pace, row.zone, row.quiet_from, row.quiet_to)
    return Watcher(row.id, row.name, row.email, row.mails, USUAL if pace.is_plain else pace)


def count_all(happenings: Sequence[Happening], among: Names) -> None:
    """Count the recipients of all these events in one query, for `count_recipients` to answer from."""
    events = [one.event.id for one in happenings]
    found = {row.id: row.number for row in rows(_numbers(among), events=events)} if events else {}
    for one in happenings:
        one.memo[("their number", among)] = found.get(one.event.id, 0)


def count_recipients(happening: Happening, among: Names) -> int:
    """How many `recipients` there are, without fetching them."""
    memo = ("their number", among)
    if memo not in happening.memo:
        count_all([happening], among)
    return int(happening.memo[memo])


def nobody(happening: Happening) -> str:
    """Why there are no recipients, in words."""
    if happening.event.batch_id is not None and count_recipients(happening, frozenset()):
        return "told once for the whole bulk act"
    return "nobody else is watching"


def watchers_told(among: Names, *columns: Any) -> Select[Any]:
    """Rows of these columns, one for each person who is told of each of the `events`, a parameter with their ids.

    Without `among` those whom an earlier event of the same bulk act told are there too.
    """
    query = _concerned(*columns).where(Event.id.in_(bindparam("events", expanding=True)))
    return query.where(or_(Event.batch_id.is_(None), ~_told_before(among))) if among else query


def told_by_batch(among: Names, *columns: Any) -> Select[Any]:
    """The same for every event of these actions of a bulk act, the parameter `batch`."""
    there = is_there(Event.issue_id)
    return _concerned(*columns).where(there, *_of_batch(Event, bindparam("batch"), among))


def _concerned(*columns: Any) -> Select[Any]:
    """Rows of these columns for each event and each watcher whom it concerns."""
    inside = exists().where(Membership.project_id == Event.project_id, Membership.user_id == User.id)
    return (
        select(*columns)
        .select_from(Event)
        .join(Project, Project.id == Event.project_id)
        .join(Subscription, Subscription.issue_id == Event.issue_id)
        .join(User, User.id == Subscription.user_id)
        .where(
            Subscription.muted.is_(False),
            # who began to watch after a later event is told of that one
            Subscription.from_seq <= Event.seq,
            User.is_active.is_(True),
            User.password_hash.is_not(None),
            or_(Event.actor_id.is_(None), User.id != Event.actor_id),
            or_(Project.visibility == "public", User.is_admin, inside),
        )
    )


def _told_before(among: Names) -> ColumnElement[bool]:
    """An earlier event of the same bulk act concerns the person too."""
    earlier, watched = aliased(Event), aliased(Subscription)
    return (
        select(earlier.id)
        .join(watched, watched.issue_id == earlier.issue_id)
        .where(
            *_of_batch(earlier, Event.batch_id, among),
            earlier.project_id == Event.project_id,
            earlier.id < Event.id,
            watched.user_id == User.id,
            watched.muted.is_(False),
            watched.from_seq <= earlier.seq,
        )
        .correlate(Event, User)
        .exists()
    )


def _of_batch(event: Any, batch: Any, among: Names) -> list[ColumnElement[bool]]:
    return [event.batch_id == batch, event.action.in_(sorted(among)), event.quiet.is_(False)]


@cache
def _people(among: Names) -> Select[Any]:
    columns = (User.id, User.name, User.email, User.mails, Subscription.reason)
    when = (User.mail_pace, User.zone, User.quiet_from, User.quiet_to)
    return watchers_told(among, *columns, *when).order_by(User.id)


@cache
def _numbers(among: Names) -> Select[Any]:
    return watchers_told(among, Event.id, func.count().label("number")).group_by(Event.id)


def named(happening: Happening) -> dict[int, str]:
    """Those whom the event itself names, with the reason that goes before that of their subscription."""
    action = happening.action
    if isinstance(action, Commented):
        return {person.id: "mentioned" for person in action.mentions}
    if isinstance(action, Assigned):
        return {person.id: "assigned" for person in action.assignees}
    return {}
