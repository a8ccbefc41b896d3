"""The one mail about several events that waited for a person: issue by issue, a line for each."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select

from app.accounts.stopping_mails import stop_token
from app.accounts.user import User
from app.db import db, rows
from app.events.batch import descriptions
from app.events.event import Event
from app.events.issue_actions import Commented
from app.events.wording import plain
from app.inboxes.base import Happening
from app.inboxes.bulk_letter import LISTED, Entry
from app.inboxes.draft import render
from app.inboxes.happenings import load_happenings
from app.inboxes.letter import Letter, one_line
from app.inboxes.mail_bundles import Timed
from app.inboxes.recipients import Names, watchers_told
from app.issues.comment import Comment
from app.web.filters import plural


def bundled(message: Timed, events: Sequence[int], among: Names, *, base_url: str) -> Letter | None:
    """The mail about its own event and these; None when nothing but its own is left to be told."""
    told = _still_told(message.user_id, [message.event_id, *events], among)
    happenings = load_happenings(sorted(told))
    shown = [
        one
        for _, one in sorted(happenings.items())
        if one.issue and one.project and not one.issue.deleted_at and not _is_gone(one)
    ]
    db.session.rollback()
    if len(shown) < 2 or message.event_id not in told:
        return None
    return _written(message, shown, base_url)


def _still_told(user_id: int, events: Sequence[int], among: Names) -> set[int]:
    """Those of the events that the person may see and watches at this moment."""
    query = watchers_told(among, Event.id).where(User.id == user_id)
    return {row.id for row in rows(query, events=list(events))}


def _is_gone(happening: Happening) -> bool:
    """Whether the issue is deleted, or what was said has been removed since."""
    action = happening.action
    if happening.issue is not None and happening.issue.deleted_at is not None:
        return True
    if not isinstance(action, Commented):
        return False
    query = select(Comment.deleted_at).where(Comment.id == action.comment_id)
    found = db.session.execute(query).first()
    return found is None or found.deleted_at is not None


def _written(message: Timed, shown: Sequence[Happening], base_url: str) -> Letter:
    alone: Letter = message.draft.letter
    entries = _entries(shown, base_url)
    actors = {_actor(one) for one in shown}
    host = urlsplit(base_url).hostname or "localhost"
    number = plural(len(shown), "update")
    common: dict[str, Any] = {
        "user_id": alone.user_id,
        "message_id": alone.message_id,
        "sender": next(iter(actors)) if len(actors) == 1 else plural(len(actors), "person", "people"),
        "name": alone.name,
        "address": alone.address,
        "date": alone.date,
    }
    if len(entries) == 1:
        first = shown[0]
        assert first.issue is not None
        common |= {
            "issue_id": first.issue.id,
            "thread_id": f"<issue.{first.issue.id}@{host}>",
            "list_id": alone.list_id,
            "subject": f"Re: [{entries[0].key}] {entries[0].title} ({number})",
            "unsubscribe": alone.unsubscribe,
        }
    else:
        common |= {
            "issue_id": None,
            "thread_id": alone.message_id,
            "list_id": f"<updates.{host}>",
            "subject": f"{number} on {plural(len(entries), 'issue')}",
            "unsubscribe": f"{base_url}/unsubscribe/mails/{stop_token(alone.user_id)}",
        }
    words = {
        "leaves": f"Stop watching {entries[0].key}" if common["issue_id"] else "Stop all mails",
        "entries": entries[:LISTED],
        "more": max(len(entries) - LISTED, 0),
        "number": f"{number} on {plural(len(entries), 'issue')}",
        "home": f"{base_url}/inbox",
        "settings": f"{base_url}/settings/notifications",
        "unsubscribe": common["unsubscribe"],
    }
    return Letter(**common, text=render("mail/bundle.txt", words), html=render("mail/bundle.html", words))


def _entries(shown: Sequence[Happening], base_url: str) -> list[Entry]:
    """An entry for each issue, in the order in which something first happened to them; one for a whole bulk act."""
    found: dict[int, Entry] = {}
    bulk = descriptions([one.event.batch_id for one in shown if one.event.batch_id])
    for one in shown:
        assert one.issue is not None
        assert one.project is not None
        if one.event.batch_id in bulk:
            title = f"{_actor(one)} {bulk[one.event.batch_id]}"
            found[-one.event.id] = Entry(one.project.key, title, (), f"{base_url}/events/{one.event.uid}")
            continue
        key = f"{one.project.key}-{one.issue.number}"
        said = f"{_actor(one)} {plain(one.action.line(one.event.actor_id), issue=None)}"
        before = found.get(one.issue.id)
        link = before.link if before else f"{base_url}/issues/{key}#event-{one.event.seq}"
        sentences = (*before.sentences, said) if before else (said,)
        found[one.issue.id] = Entry(key, one_line(one.issue.title), sentences, link)
    return list(found.values())


def _actor(happening: Happening) -> str:
    return one_line(happening.actor.name) if happening.actor else "Tidings"
