"""Keeping the audit log: entries are added at the end of one chain, in the transaction of the inbox."""

import secrets
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import insert, select

from app.accounts.user import User
from app.audit.entry import AuditEntry, AuditText
from app.db import db, take_turn
from app.events.action import Action, Family, Subject, commitment
from app.events.actions import action_class
from app.events.chain import GENESIS, canonical
from app.events.event import Event, EventOrigin
from app.events.queries import with_actions
from app.events.wording import plain
from app.projects.project import Project

FAMILIES = frozenset({Family.admin, Family.security, Family.project})
NAMES = {
    "system": "Tidings",
    "rule": "Automation",
    "sync": "External sync",
    "import": "Import",
    "email": "Mail",
}
"""How an actor that is no person is called."""
SEALED = tuple(one.name for one in AuditEntry.__table__.columns if one.name not in ("at", "hash"))


def is_audited(subject: Subject | str, action: type[Action]) -> bool:
    """Whether the audit log has an entry for every event of this kind."""
    return subject != Subject.issue or action.family in FAMILIES


def keep(event_ids: Sequence[int]) -> int:
    """Add an entry for each of these events that has none, in the order of the events; returns how many."""
    take_turn("audit")
    known = set(db.session.scalars(select(AuditEntry.event_id).where(AuditEntry.event_id.in_(event_ids))))
    query = select(Event).where(Event.id.in_(set(event_ids) - known)).order_by(Event.id)
    events = db.session.scalars(query).all()
    if not events:
        return 0
    said = _said(events)
    entries, texts = [], []
    number, head = _end()
    for event in events:
        number += 1
        text = said[event.id]
        entry = _entry(event, number, head, commitment(text["salt"], sealed_words(text)))
        entries.append(entry)
        texts.append({"entry_id": number, **text})
        head = entry["hash"]
    db.session.execute(insert(AuditEntry.__table__), entries)  # type: ignore[arg-type]
    db.session.execute(insert(AuditText.__table__), texts)  # type: ignore[arg-type]
    return len(entries)


def sealed_words(text: Mapping[str, Any]) -> str:
    """The words as the entry commits to them: actor, subject, sentence."""
    return canonical([text["actor"], text["subject"], text["words"]]).decode()


def seal_entry(entry: Mapping[str, Any]) -> str:
    """The hash of an entry over its columns and the hash before it."""
    sealed = {name: entry[name] for name in SEALED}
    sealed["at"] = entry["at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return sha256(canonical(sealed)).hexdigest()


def _end() -> tuple[int, str]:
    """Number and hash of the last entry."""
    last = db.session.execute(
        select(AuditEntry.id, AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)
    ).one_or_none()
    return (last.id, last.hash) if last else (0, GENESIS)


def _entry(event: Event, number: int, head: str, words: str) -> dict[str, Any]:
    family = _family(event)
    entry = {
        "id": number,
        "event_id": event.id,
        "event_uid": event.uid,
        "event_hash": event.hash,
        "at": event.created_at,
        "family": family,
        "action": event.action,
        "subject": event.subject,
        "project_id": event.project_id,
        "user_id": event.user_id,
        "actor_id": event.actor_id,
        "actor_kind": event.actor_kind,
        "actor_ref": event.actor_ref,
        "words_sha256": words,
        "prev_hash": head,
    }
    return {**entry, "hash": seal_entry(entry)}


def _family(event: Event) -> str:
    """The family of the event's action."""
    return action_class(event.subject, event.action).family.value


def _said(events: Sequence[Event]) -> dict[int, dict[str, Any]]:
    """By event: actor, subject and sentence in the words of now, and from where. Five queries for any number."""
    ids = [event.id for event in events]
    actions = with_actions(events)
    people = _people({event.actor_id for event in events} | {event.user_id for event in events})
    projects = _projects({event.project_id for event in events})
    query = select(EventOrigin.event_id, EventOrigin.address, EventOrigin.agent)
    origins = {row.event_id: row for row in db.session.execute(query.where(EventOrigin.event_id.in_(ids)))}
    found = {}
    for event in events:
        origin = origins.get(event.id)
        found[event.id] = {
            "salt": secrets.token_hex(16),
            "actor": people.get(event.actor_id, ("", ""))[0] or NAMES.get(event.actor_kind, "Somebody"),
            "subject": _subject(event, people, projects),
            "words": plain(actions[event.id].line(event.actor_id)),
            "address": origin.address if origin else None,
            "agent": origin.agent if origin else None,
        }
    return found


def _subject(
    event: Event, people: Mapping[int | None, tuple[str, str]], projects: Mapping[int | None, str]
) -> str:
    if event.user_id is not None:
        name, username = people.get(event.user_id, ("", ""))
        return f"{name} (@{username})"
    return projects.get(event.project_id, "")


def _people(ids: set[int | None]) -> dict[int | None, tuple[str, str]]:
    query = select(User.id, User.name, User.username).where(User.id.in_(ids - {None}))
    return {row.id: (row.name, row.username) for row in db.session.execute(query)}


def _projects(ids: set[int | None]) -> dict[int | None, str]:
    query = select(Project.id, Project.key, Project.name).where(Project.id.in_(ids - {None}))
    return {row.id: f"{row.name} ({row.key})" for row in db.session.execute(query)}
