"""Who was told of an event and who was not, and why, in words for each person.

What was told stands in the ledger. Why somebody was not told follows from the same rules that chose the receivers
(app.inboxes.recipients), as they are for that person now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, exists, literal, or_, select

from app.accounts.user import User
from app.db import db
from app.events.event import Event
from app.inboxes.base import Happening
from app.inboxes.email_notifications import MAILED, EmailNotifications
from app.inboxes.in_app_notifications import InAppNotifications
from app.inboxes.ledger import Posting
from app.inboxes.recipients import REASONS
from app.issues.subscription import Subscription
from app.projects.membership import Membership

MOST = 200
"""People named on a page."""
SAID = {
    "mentioned": "was mentioned",
    "assigned": "it is theirs",
    "reported": "reported it",
    "commented": "commented on it",
    "manual": "watches it",
    "rule": "a rule told them",
}
assert SAID.keys() == REASONS.keys()


@dataclass(frozen=True, slots=True)
class Told:
    """One person: whether and how they were told, and why or why not."""

    user_id: int
    name: str
    username: str
    told: bool
    ways: str
    """In the product, by mail, both, or neither."""
    why: str


@dataclass(frozen=True, slots=True)
class Audience:
    """Everybody who had a reason to be told."""

    people: Sequence[Told]
    more: int
    """How many are left out of the list."""


def audience(happening: Happening, postings: Sequence[Posting], *, only: int | None = None) -> Audience:
    """The watchers of the issue and everybody who was told; `only` one person where others may not be named.

    Nobody, of what nobody is told of: what rules write down for themselves, and mere looks.
    """
    issue, project, event = happening.issue, happening.project, happening.event
    told_of = InAppNotifications.takes(event.subject, type(happening.action))
    if issue is None or project is None or not told_of:
        return Audience((), 0)
    inside, mailed = _reached(postings, InAppNotifications.name), _reached(postings, EmailNotifications.name)
    member = exists().where(Membership.project_id == project.id, Membership.user_id == User.id)
    query = (
        select(
            User.id,
            User.name,
            User.username,
            User.email,
            User.mails,
            User.is_active,
            User.is_admin,
            User.password_hash.is_not(None).label("claimed"),
            Subscription.reason,
            Subscription.muted,
            (Subscription.from_seq > event.seq).label("later"),
            (literal(project.is_public) | member).label("inside"),
        )
        .outerjoin(Subscription, and_(Subscription.user_id == User.id, Subscription.issue_id == issue.id))
        .where(or_(Subscription.issue_id.is_not(None), User.id.in_([*inside, *mailed])))
        .order_by(User.name, User.id)
    )
    if only is not None:
        query = query.where(User.id == only)
    rows: Sequence[Any] = db.session.execute(query).all()
    pending = {one.delivery.inbox for one in postings if one.delivery.next_attempt_at is not None}
    people = [_told(row, happening, inside, mailed, pending) for row in rows]
    people.sort(key=lambda one: not one.told)
    return Audience(people[:MOST], max(len(people) - MOST, 0))


def _reached(postings: Sequence[Posting], inbox: str) -> dict[int, str]:
    """Person -> the state in which the inbox has them."""
    return {
        who.user_id: who.state
        for one in postings
        if one.delivery.inbox == inbox
        for who in one.receivers
        if who.user_id is not None
    }


def _told(
    row: Any,
    happening: Happening,
    inside: dict[int, str],
    mailed: dict[int, str],
    pending: set[str],
) -> Told:
    ways = [
        words
        for words, reached in (("in the product", inside), ("by mail", mailed))
        if reached.get(row.id) == "delivered"
    ]
    refusal = _why_not(row, happening.event)
    if ways:
        why = SAID.get(row.reason or "rule", SAID["manual"])
        if len(ways) == 1:
            why += _why_no_mail(row, happening, mailed, pending) if "by mail" not in ways else ""
    elif refusal is not None:
        why = refusal
    elif happening.event.batch_id is not None and not pending:
        why = "was told once for the whole bulk act"
    else:
        why = "is about to be told" if pending else "nothing that was told reached them; see where it went"
    return Told(row.id, row.name, row.username, bool(ways), " and ".join(ways) or "no", why)


def _why_not(row: Any, event: Event) -> str | None:
    """The first rule that keeps the person out; None when they are among the receivers."""
    if row.id == event.actor_id:
        return "did it"
    rules = (
        (event.quiet, "it was done quietly"),
        (not row.is_active, "the account is closed"),
        (not row.claimed, "nobody signs in with the account yet"),
        (not (row.inside or row.is_admin), "may not see the project"),
        (row.muted, "has muted the issue"),
        (row.later, "began to watch later"),
    )
    return next((words for applies, words in rules if applies), None)


def _why_no_mail(row: Any, happening: Happening, mailed: dict[int, str], pending: set[str]) -> str:
    if type(happening.action) not in MAILED:
        return "; this is not mailed"
    if not row.mails:
        return "; wants no mails"
    if not row.email:
        return "; has no address"
    if EmailNotifications.name in pending:
        return "; the mail is on its way"
    return "; the mail could not be delivered" if mailed.get(row.id) else ""
