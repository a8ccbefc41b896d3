"""Checkpoints: now and then the heads of all chains that moved are hashed into one root, and the roots are chained.

A chain of hashes shows that an event in its middle was changed. It does not show that its last events are gone, or
that a whole issue is. The next checkpoint remembers both; and a checkpoint that was carried elsewhere proves that
nobody wrote all of it anew.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    Select,
    String,
    Table,
    and_,
    exists,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.db import Base, BigId, begin_write, db, take_turn
from app.events.chain import GENESIS, canonical
from app.events.event import Event
from app.periodic import periodic

OVERLAP = 10_000
"""Events before the last one seen are looked at again: on PostgreSQL a lower number may become visible later."""
AT_ONCE = 2_000
KINDS = ("issue", "project", "user")
AUDIT = "audit"
"""The chain of the audit log counts as one more subject, with the id 0."""


class Checkpoint(Base):
    """The state of everything that moved since the checkpoint before."""

    __tablename__ = "checkpoints"

    number: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    heads: Mapped[int]
    last_event_id: Mapped[int] = mapped_column(BigId)
    root: Mapped[str] = mapped_column(String(64))
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class CheckpointHead(Base):
    """How far one subject's chain had come."""

    __tablename__ = "checkpoint_heads"

    subject: Mapped[str] = mapped_column(String(10), primary_key=True)
    subject_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    head: Mapped[str] = mapped_column(String(64))
    checkpoint: Mapped[int] = mapped_column(
        BigId, ForeignKey("checkpoints.number", deferrable=True, initially="DEFERRED")
    )

    __table_args__ = (Index("ix_checkpoint_heads_checkpoint", "checkpoint", "subject", "subject_id", "seq"),)


EVENTS: Table = Event.__table__  # type: ignore[assignment]
HEADS: Table = CheckpointHead.__table__  # type: ignore[assignment]
OF_CHECKPOINT = (HEADS.c.checkpoint, HEADS.c.subject, HEADS.c.subject_id, HEADS.c.seq)


@dataclass(frozen=True, slots=True)
class Head:
    """A subject's newest event at a checkpoint."""

    subject: str
    subject_id: int
    seq: int
    head: str


def make_checkpoint() -> Checkpoint | None:
    """Write the next checkpoint in a transaction of its own; None when nothing moved since the last.

    The heads are copied within the database and read back in order, so that memory stays small; the first checkpoint
    of a long history is the only large one.
    """
    begin_write()
    take_turn("checkpoint")
    before = last_checkpoint()
    number = before.number + 1 if before else 1
    newest = db.session.scalar(select(func.max(Event.id))) or 0
    since = before.last_event_id - OVERLAP if before else 0
    for kind in KINDS:
        db.session.execute(insert(HEADS).from_select(_COLUMNS, _moved(kind, since, number)))
    db.session.execute(insert(HEADS).from_select(_COLUMNS, _audit_moved(number)))
    count, root = root_of(heads_of(number))
    if count == 0:
        db.session.rollback()
        return None
    made = {
        "number": number,
        "at": clock.now(),
        "heads": count,
        "last_event_id": newest,
        "root": root,
        "prev_hash": before.hash if before else GENESIS,
    }
    checkpoint = Checkpoint(**made, hash=seal_checkpoint(made))
    db.session.add(checkpoint)
    db.session.commit()
    return checkpoint


_COLUMNS = ("checkpoint", "subject", "subject_id", "seq", "head")


def seal_checkpoint(row: Any) -> str:
    """The hash of a checkpoint: over its number, its moment, its root and the hash before it."""
    sealed = {name: row[name] for name in ("number", "heads", "last_event_id", "root", "prev_hash")}
    sealed["at"] = row["at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return sha256(canonical(sealed)).hexdigest()


def root_of(heads: Iterable[Head]) -> tuple[int, str]:
    """How many there are, and one hash over all of them in their order."""
    number, whole = 0, sha256()
    for one in heads:
        number += 1
        whole.update(f"{one.subject}:{one.subject_id}:{one.seq}:{one.head}\n".encode())
    return number, whole.hexdigest()


def heads_of(number: int) -> Iterator[Head]:
    """The heads of a checkpoint in their order, a few at a time."""
    query = (
        select(HEADS.c.subject, HEADS.c.subject_id, HEADS.c.seq, HEADS.c.head)
        .where(HEADS.c.checkpoint == number)
        .order_by(*OF_CHECKPOINT[1:])
        .execution_options(yield_per=AT_ONCE)
    )
    with db.session.execute(query) as rows:
        for row in rows:
            yield Head(*row)


def last_checkpoint() -> Checkpoint | None:
    """The newest checkpoint."""
    return db.session.scalar(select(Checkpoint).order_by(Checkpoint.number.desc()).limit(1))


def checkpoints(*, limit: int = 20) -> Sequence[Checkpoint]:
    """The newest ones, newest first."""
    return db.session.scalars(select(Checkpoint).order_by(Checkpoint.number.desc()).limit(limit)).all()


def _moved(kind: str, since: int, number: int) -> Select[Any]:
    """The newest event of every subject of this kind that has none in a checkpoint yet."""
    owner = EVENTS.c[f"{kind}_id"]
    moved = (
        select(owner.label("subject_id"), func.max(EVENTS.c.seq).label("seq"))
        .where(EVENTS.c.id > since, EVENTS.c.subject == kind)
        .group_by(owner)
        .subquery()
    )
    newest = and_(
        owner == moved.c.subject_id, EVENTS.c.seq == moved.c.seq, EVENTS.c.subject == kind, owner.is_not(None)
    )
    known = exists().where(
        HEADS.c.subject == kind, HEADS.c.subject_id == moved.c.subject_id, HEADS.c.seq >= moved.c.seq
    )
    return (
        select(literal(number), literal(kind), moved.c.subject_id, EVENTS.c.seq, EVENTS.c.hash)
        .select_from(moved.join(EVENTS, newest))
        .where(~known)
    )


def _audit_moved(number: int) -> Select[Any]:
    """The last entry of the audit log, known here by its table's name only."""
    entries = Base.metadata.tables["audit_entries"]
    known = exists().where(HEADS.c.subject == AUDIT, HEADS.c.subject_id == 0, HEADS.c.seq >= entries.c.id)
    last = select(func.max(entries.c.id)).scalar_subquery()
    columns = (literal(number), literal(AUDIT), literal(0), entries.c.id, entries.c.hash)
    return select(*columns).where(entries.c.id == last, ~known)


@periodic("checkpoint", every=timedelta(hours=1))
def hourly_checkpoint() -> None:
    """Once an hour, when something happened. A missed turn only makes the next checkpoint larger."""
    make_checkpoint()
