"""The one door through which facts are written.

`record_event` takes the subject's next number under its row lock and writes the event, its texts and, through the
subscribers, the deliveries: all in the transaction of the change itself. It never commits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import uuid_utils
from sqlalchemy import insert, select
from sqlalchemy.orm.attributes import set_committed_value

from app import clock
from app.context import cause
from app.db import Base, db, run
from app.errors import Conflict
from app.events.action import Action, Subject, split
from app.events.actions import ACTIONS, UnknownAction
from app.events.chain import GENESIS, seal
from app.events.event import Actor, Event, EventContext, EventOrigin, EventText


class Recordable(Protocol):
    """What an event can be about: an issue, a project, a person. `event_head` is the hash of its newest event."""

    id: Any
    event_seq: Any
    event_head: Any

    @property
    def event_subject(self) -> Subject: ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event that has just been written, in the transaction in hand."""

    id: int
    uid: str
    subject: Subject
    issue_id: int | None
    project_id: int | None
    user_id: int | None
    seq: int
    action: str
    actor_id: int | None
    created_at: datetime
    imported: bool = False


Subscriber = Callable[[Sequence[Recorded]], None]
subscribers: list[Subscriber] = []
"""Called with every batch recorded, inside its transaction. `inboxes.dispatch` adds the deliveries here."""


def record_event(
    subject: Recordable,
    action: Action,
    *,
    actor: Actor,
    at: datetime | None = None,
    throttle: timedelta | None = None,
    quiet: bool = False,
) -> Recorded | None:
    """Write one fact about `subject`. Returns None when `throttle` found the same act by the same actor in the window.

    The attributes of `subject` that the act changed are flushed together with its new `event_seq`, so that the
    database can refuse a change that comes without an event. Raises UnknownAction.
    """
    check(subject, action)
    with db.session.no_autoflush:
        lock(subject)
        moment = at or clock.now()
        key = _throttle_key(subject, action, actor) if throttle else None
        if throttle and _recorded_since(key, moment - throttle):
            return None
        sealed = seal_next(subject, action, actor=actor, at=moment, throttle_key=key, quiet=quiet)
        recorded = _insert(sealed)
        for subscriber in subscribers:
            subscriber([recorded])
    return recorded


def check(subject: Recordable, action: Action) -> None:
    """Raises UnknownAction when this cannot happen to such a subject, Conflict when it was deleted."""
    if ACTIONS.get((subject.event_subject.value, action.name)) is not type(action):
        raise UnknownAction(f"{type(action).__name__} is not an action of a {subject.event_subject}")
    if getattr(subject, "deleted_at", None) is not None and action.name != "deleted":
        raise Conflict("This issue was deleted")


def lock(subject: Recordable) -> None:
    """Hold the subject's row until the transaction ends, and read its newest number under the lock.

    Lock order: project, then issues by id, then user. On SQLite the write transaction itself is the lock.
    """
    held: set[tuple[str, int]] = db.session.info.setdefault("transaction", {}).setdefault("locked", set())
    name = (subject.event_subject.value, subject.id)
    if name in held:
        return
    table = Base.metadata.tables[f"{subject.event_subject.value}s"]
    query = select(table.c.event_seq, table.c.event_head).where(table.c.id == subject.id).with_for_update()
    row = db.session.execute(query).one()
    set_committed_value(subject, "event_seq", row.event_seq)
    set_committed_value(subject, "event_head", row.event_head)
    held.add(name)


def holds(subject: Recordable) -> None:
    """Remember that the row was loaded FOR UPDATE in this transaction, so that `lock` need not ask again."""
    held: set[tuple[str, int]] = db.session.info.setdefault("transaction", {}).setdefault("locked", set())
    held.add((subject.event_subject.value, subject.id))


def _throttle_key(subject: Recordable, action: Action, actor: Actor) -> str:
    return f"{subject.event_subject}:{subject.id}:{action.name}:{actor.kind}:{actor.user_id or actor.ref}"


def _recorded_since(key: str | None, moment: datetime) -> bool:
    query = select(Event.created_at).where(Event.throttle_key == key).order_by(Event.id.desc()).limit(1)
    last = db.session.scalar(query)
    return last is not None and last > moment


@dataclass(frozen=True, slots=True)
class Sealed:
    """An event ready to be written: its row (without id), and its texts as field -> (salt, text)."""

    row: dict[str, Any]
    texts: dict[str, tuple[str, str]]

    def columns(self) -> dict[str, Any]:
        """The row by the names of the table's columns."""
        return {("metadata" if name == "facts" else name): value for name, value in self.row.items()}

    def text_rows(self, event_id: int) -> list[dict[str, Any]]:
        """The rows of `event_texts`."""
        return [
            {"event_id": event_id, "field": field, "salt": salt, "text": words}
            for field, (salt, words) in self.texts.items()
        ]

    def origin(self, event_id: int) -> dict[str, Any] | None:
        """The row of `event_origins`: for what happens to people and projects, when it is known from where."""
        now = cause()
        if self.row["subject"] == Subject.issue or not (now.address or now.agent):
            return None
        return {"event_id": event_id, "address": now.address, "agent": (now.agent or "")[:300]}

    def context(self, event_id: int) -> dict[str, Any] | None:
        """The row of `event_contexts`; none for what a command does, which comes through no door."""
        now = cause()
        if now.via == "cli" and now.request_id is None:
            return None
        return {"event_id": event_id, "via": now.via, "request_id": now.request_id}

    def recorded(self, event_id: int, *, imported: bool = False) -> Recorded:
        """What the subscribers are told."""
        fields = ("uid", "issue_id", "project_id", "user_id", "seq", "action", "actor_id", "created_at")
        told = {name: self.row[name] for name in fields}
        return Recorded(id=event_id, subject=Subject(self.row["subject"]), imported=imported, **told)


def seal_next(
    subject: Recordable,
    action: Action,
    *,
    actor: Actor,
    at: datetime,
    throttle_key: str | None = None,
    quiet: bool = False,
) -> Sealed:
    """The next event of the subject's chain. The subject moves on to it; its row must be locked."""
    row = _row(subject, action, actor, at, throttle_key, quiet)
    row["facts"], texts = split(action)
    row["hash"] = seal(row, at, row["prev_hash"])
    subject.event_seq, subject.event_head = row["seq"], row["hash"]
    return Sealed(row, texts)


def _row(
    subject: Recordable, action: Action, actor: Actor, moment: datetime, key: str | None, quiet: bool
) -> dict[str, Any]:
    now = cause()
    kind = subject.event_subject
    return {
        "uid": str(uuid_utils.uuid7()),
        "subject": kind.value,
        "issue_id": subject.id if kind is Subject.issue else None,
        "project_id": subject.id if kind is Subject.project else getattr(subject, "project_id", None),
        "user_id": subject.id if kind is Subject.user else None,
        "seq": subject.event_seq + 1,
        "actor_id": actor.user_id,
        "actor_kind": actor.kind,
        "actor_ref": actor.ref,
        "on_behalf_of_id": actor.on_behalf_of_id,
        "action": action.name,
        "v": action.schema_number,
        "cause_id": now.event_id,
        "root_id": now.root_id or now.event_id,
        "depth": now.depth,
        "batch_id": now.batch_id,
        "quiet": quiet or now.quiet,
        "throttle_key": key,
        "created_at": moment,
        "prev_hash": subject.event_head or GENESIS,
    }


def _insert(sealed: Sealed) -> Recorded:
    event_id: int = run(_ADD_EVENT, sealed.columns()).inserted_primary_key[0]  # type: ignore[index] # one row
    if sealed.texts:
        run(_ADD_TEXTS, sealed.text_rows(event_id))
    if origin := sealed.origin(event_id):
        run(_ADD_ORIGIN, origin)
    if context := sealed.context(event_id):
        run(_ADD_CONTEXT, context)
    return sealed.recorded(event_id, imported=cause().imported)


_ADD_EVENT = insert(Event.__table__)  # type: ignore[arg-type]
_ADD_TEXTS = insert(EventText.__table__)  # type: ignore[arg-type]
_ADD_ORIGIN = insert(EventOrigin.__table__)  # type: ignore[arg-type]
_ADD_CONTEXT = insert(EventContext.__table__)  # type: ignore[arg-type]
