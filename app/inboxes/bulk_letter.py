"""The one mail about a bulk act: every issue of it that the person is told of, in a line each.

It goes with the first event of the act that concerns them (app.inboxes.recipients); the others send them nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Select, bindparam, select

from app.accounts.stopping_mails import stop_token
from app.accounts.user import User
from app.db import db, rows
from app.events.batch import descriptions
from app.events.event import Event
from app.events.wording import plain
from app.inboxes.base import Happening
from app.inboxes.delivery import Delivery, DeliveryTarget
from app.inboxes.draft import render
from app.inboxes.happenings import load_happenings
from app.inboxes.letter import Letter, one_line
from app.inboxes.recipients import Names, Recipient, told_by_batch

LISTED = 50
"""Issues named in a mail; the rest is a number."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One issue of the act, as its mail says it."""

    key: str
    title: str
    sentences: tuple[str, ...]
    link: str


@dataclass(frozen=True)
class BulkDraft:
    """A mail about a bulk act, written when its turn comes."""

    common: Mapping[str, Any]
    """What all who are told of the act read."""
    entries: Mapping[int, Entry]
    issues: Sequence[int]
    """The issues of the act that this person is told of."""
    head: Mapping[str, Any]
    """What the letter has in common with those to others."""
    to: Recipient
    message_id: str

    @cached_property
    def letter(self) -> Letter:
        """The mail itself. Asks no database."""
        stop = f"{self.common['base_url']}/unsubscribe/mails/{stop_token(self.to.user.id)}"
        words = {
            **self.common,
            "unsubscribe": stop,
            "entries": [self.entries[one] for one in self.issues[:LISTED]],
            "more": max(len(self.issues) - LISTED, 0),
            "number": len(self.issues),
        }
        return Letter(
            **self.head,
            user_id=self.to.user.id,
            issue_id=None,
            message_id=self.message_id,
            name=self.to.user.name,
            address=self.to.user.email or "",
            text=render("mail/bulk.txt", words),
            html=render("mail/bulk.html", words),
            unsubscribe=stop,
        )


def bulk_drafts(
    happening: Happening, people: Sequence[Recipient], among: Names, *, base_url: str, inbox: str
) -> dict[int, BulkDraft]:
    """Person -> their mail about the whole act; without those whom the act tells of a single issue."""
    event, project = happening.event, happening.project
    if event.batch_id is None or project is None or not people:
        return {}
    told = _told(happening, people, among)
    several = {who: issues for who, issues in told.items() if len(issues) > 1}
    if not several:
        return {}
    entries = _entries(event.batch_id, among, base_url)
    actor = one_line(happening.actor.name) if happening.actor else "Tidings"
    said = descriptions([event.batch_id]).get(event.batch_id, "changed several issues")
    host = urlsplit(base_url).hostname or "localhost"
    common = {
        "base_url": base_url,
        "actor": actor,
        "said": said,
        "link": f"{base_url}/events/{event.uid}",
        "settings": f"{base_url}/settings/notifications",
    }
    head = {
        "thread_id": f"<batch.{event.batch_id}@{host}>",
        "list_id": f"<{project.key.lower()}.{host}>",
        "sender": actor,
        "subject": f"[{project.key}] {actor} {said}",
        "date": event.created_at,
    }
    return {
        one.user.id: BulkDraft(
            common, entries, several[one.user.id], head, one, f"<{event.uid}.{inbox}.{one.user.id}@{host}>"
        )
        for one in people
        if one.user.id in several
    }


def mailed_before(event: Event, inbox: str) -> set[int]:
    """Who got the act's mail with another of its events: who mutes an issue in between gets no second one."""
    if event.batch_id is None:
        return set()
    found = rows(_MAILED_BEFORE, batch=event.batch_id, event=event.id, inbox=inbox)
    return {int(row.target) for row in found if row.target.isdigit()}


_MAILED_BEFORE = (
    select(DeliveryTarget.target)
    .join(Delivery, Delivery.id == DeliveryTarget.delivery_id)
    .join(Event, Event.id == Delivery.event_id)
    .where(
        Event.batch_id == bindparam("batch"),
        Event.id != bindparam("event"),
        Delivery.inbox == bindparam("inbox"),
        DeliveryTarget.state == "delivered",
    )
)


def _told(happening: Happening, people: Sequence[Recipient], among: Names) -> dict[int, list[int]]:
    """Person -> the issues of the act they are told of, in its order."""
    wanted = {one.user.id for one in people}
    told: dict[int, dict[int, None]] = {}
    for row in rows(_pairs(among), batch=happening.event.batch_id):
        if row.user_id in wanted:
            told.setdefault(row.user_id, {})[row.issue_id] = None
    return {who: list(issues) for who, issues in told.items()}


@cache
def _pairs(among: Names) -> Select[Any]:
    return told_by_batch(among, User.id.label("user_id"), Event.issue_id).order_by(Event.id)


def _entries(batch_id: str, among: Names, base_url: str) -> dict[int, Entry]:
    """Issue id -> what the act did to it."""
    query = select(Event.id).where(Event.batch_id == batch_id, Event.action.in_(sorted(among)))
    happenings = load_happenings(db.session.scalars(query).all())
    found: dict[int, Entry] = {}
    for event_id in sorted(happenings):
        one = happenings[event_id]
        if one.issue is None or one.project is None:
            continue
        key = f"{one.project.key}-{one.issue.number}"
        said = plain(one.action.line(one.event.actor_id), quotes=False)
        before = found[one.issue.id].sentences if one.issue.id in found else ()
        link = f"{base_url}/issues/{key}#event-{one.event.seq}"
        found[one.issue.id] = Entry(key, one_line(one.issue.title), (*before, said), link)
    return found
