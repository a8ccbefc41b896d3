"""The event: an immutable fact. Database triggers refuse every UPDATE and DELETE; see migrations and tests."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy import event as sa_event
from sqlalchemy.orm import Mapped, Mapper, ORMExecuteState, mapped_column

from app.db import Base, BigId, BigPk, Json, Session

ACTOR_KINDS = ("user", "rule", "sync", "import", "system", "email", "token")

FLOW_ACTIONS = ("created", "status_changed", "closed", "reopened")
FLOW = f"subject = 'issue' AND action IN {FLOW_ACTIONS}"
"""The events of the workflow, few among all: what charts are drawn from has an index of its own."""


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `user_id` is null for everything but a person and a person's token; `ref` names those others."""

    kind: str
    user_id: int | None = None
    ref: str | None = None
    on_behalf_of_id: int | None = None


SYSTEM = Actor("system", ref="tidings")


class Event(Base):
    """One act. Ids, enum values and commitments only; texts stand in `event_texts`."""

    __tablename__ = "events"

    id: Mapped[BigPk]
    uid: Mapped[str] = mapped_column(String(36), unique=True)
    issue_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("issues.id"))
    project_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("projects.id"))
    user_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("users.id"))
    subject: Mapped[str] = mapped_column(String(10))
    seq: Mapped[int]
    actor_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("users.id"))
    actor_kind: Mapped[str] = mapped_column(String(10))
    actor_ref: Mapped[str | None] = mapped_column(String(200))
    on_behalf_of_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("users.id"))
    action: Mapped[str] = mapped_column(String(40))
    facts: Mapped[dict[str, Any]] = mapped_column("metadata", Json)
    v: Mapped[int] = mapped_column(SmallInteger)
    cause_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("events.id"))
    root_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("events.id"))
    depth: Mapped[int] = mapped_column(SmallInteger)
    batch_id: Mapped[str | None] = mapped_column(String(36))
    quiet: Mapped[bool]
    throttle_key: Mapped[str | None] = mapped_column(String(120))
    created_at: Mapped[datetime]
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        CheckConstraint(
            "(subject = 'issue') = (issue_id IS NOT NULL) AND (subject = 'user') = (user_id IS NOT NULL) "
            "AND (subject = 'user' OR project_id IS NOT NULL)",
            name="subject",
        ),
        UniqueConstraint("issue_id", "seq"),
        Index("uq_events_project_seq", "project_id", "seq", unique=True, **_where("subject = 'project'")),
        Index("uq_events_user_seq", "user_id", "seq", unique=True, **_where("user_id IS NOT NULL")),
        Index("ix_events_project", "project_id", "created_at", "id"),
        Index("ix_events_actor", "actor_id", "created_at", "id"),
        Index("ix_events_created", "created_at", "id"),
        Index("ix_events_action", "action", "id"),
        Index("ix_events_cause", "cause_id", **_where("cause_id IS NOT NULL")),
        Index("ix_events_batch", "batch_id", "id", **_where("batch_id IS NOT NULL")),
        Index("ix_events_flow", "project_id", "created_at", "issue_id", "id", **_where(FLOW)),
        Index("ix_events_throttle", "throttle_key", "id", **_where("throttle_key IS NOT NULL")),
    )


class EventText(Base):
    """A text an event commits to. Redaction and erasure delete it; nothing changes it."""

    __tablename__ = "event_texts"

    event_id: Mapped[int] = mapped_column(BigId, ForeignKey("events.id"), primary_key=True)
    field: Mapped[str] = mapped_column(String(80), primary_key=True)
    salt: Mapped[str] = mapped_column(String(32))
    text: Mapped[str]


class EventOrigin(Base):
    """From where, for sign-in and administration only: erasable, so kept apart from the event."""

    __tablename__ = "event_origins"

    event_id: Mapped[int] = mapped_column(BigId, ForeignKey("events.id"), primary_key=True)
    address: Mapped[str | None] = mapped_column(String(60))
    agent: Mapped[str | None] = mapped_column(String(300))


class EventContext(Base):
    """Through which door an act came, and in which request: beside the sealed event, and never changed."""

    __tablename__ = "event_contexts"

    event_id: Mapped[int] = mapped_column(BigId, ForeignKey("events.id"), primary_key=True)
    via: Mapped[str] = mapped_column(String(10))
    request_id: Mapped[str | None] = mapped_column(String(64))


class EventIsImmutable(RuntimeError):
    """Somebody tried to change history. A fault of ours, never of the user."""


def _refuse(_mapper: Mapper[Event], _connection: object, _event: Event) -> None:
    raise EventIsImmutable("An event never changes and never goes away")


sa_event.listen(Event, "before_update", _refuse)
sa_event.listen(Event, "before_delete", _refuse)


@sa_event.listens_for(Session, "do_orm_execute")
def _refuse_bulk(state: ORMExecuteState) -> None:
    mapper = state.bind_mapper
    if (state.is_update or state.is_delete) and mapper is not None and mapper.class_ is Event:
        raise EventIsImmutable("An event never changes and never goes away")
