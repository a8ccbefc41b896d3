"""Verifying checkpoints: their own chain, their roots, and that every head they name is still there as it was."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, and_, false, or_, select

from app.db import Base, db
from app.events.chain import GENESIS
from app.events.checkpoint import (
    AT_ONCE,
    AUDIT,
    EVENTS,
    HEADS,
    KINDS,
    Checkpoint,
    heads_of,
    root_of,
    seal_checkpoint,
)
from app.events.verifying import AUDIT_LOG, Difference

TABLE: Table = Checkpoint.__table__  # type: ignore[assignment]


@dataclass(slots=True)
class Compared:
    """How many checkpoints and heads were looked at."""

    checkpoints: int = 0
    heads: int = 0
    difference: Difference | None = None


def verify_checkpoints(project_id: int | None = None) -> Compared:
    """Look at every checkpoint; with a project, at the heads of its own chains only. Reads only, in the snapshot."""
    done, head = Compared(), GENESIS
    for row in db.session.execute(select(TABLE).order_by(TABLE.c.number)).all():
        done.checkpoints += 1
        done.difference = _look(row, done.checkpoints, head)
        if done.difference:
            return done
        head = row.hash
    for kind in (*KINDS, AUDIT):
        for gone in _gone(kind, project_id, done):
            done.difference = gone
            return done
    return done


def _look(row: Row[Any], number: int, head: str) -> Difference | None:
    """One checkpoint: follows it the one before, is it as it was made, do its heads give its root?"""
    if row.number != number:
        return _wrong(number, f"it is missing; the next one there has the number {row.number}")
    if row.prev_hash != head:
        return _wrong(number, "it does not follow the checkpoint before it")
    if seal_checkpoint(row._mapping) != row.hash:
        return _wrong(number, "it was changed after it was made")
    count, root = root_of(heads_of(number))
    if (count, root) != (row.heads, row.root):
        return _wrong(number, f"its {row.heads} heads are not those it was made of; there are {count}")
    return None


def _gone(kind: str, project_id: int | None, done: Compared) -> Iterator[Difference]:
    """The heads of this kind whose event is not there any more, or is another one; counts what it looks at."""
    query = _heads(kind, project_id)
    if query is None:
        return
    with db.session.execute(query.execution_options(yield_per=AT_ONCE)) as rows:
        for row in rows:
            done.heads += 1
            if row.now != row.head:
                name = AUDIT_LOG if kind == AUDIT else f"the {kind} with the id {row.subject_id}"
                became = "is gone" if row.now is None else "is another one"
                reason = f"checkpoint {row.checkpoint} of {_moment(row.at)} saw it; it {became}"
                yield Difference(name, row.seq, reason, "/admin/integrity")
                return


def _heads(kind: str, project_id: int | None) -> Select[Any] | None:
    """Every head of this kind beside the event that has its place now."""
    if kind == AUDIT:
        if project_id is not None:
            return None
        entries = Base.metadata.tables["audit_entries"]
        there, now = entries, entries.c.hash
        on: ColumnElement[bool] = entries.c.id == HEADS.c.seq
    else:
        there, now = EVENTS, EVENTS.c.hash
        owner = EVENTS.c[f"{kind}_id"]
        on = and_(owner == HEADS.c.subject_id, EVENTS.c.seq == HEADS.c.seq, EVENTS.c.subject == kind)
    query = (
        select(
            HEADS.c.subject_id, HEADS.c.seq, HEADS.c.head, HEADS.c.checkpoint, TABLE.c.at, now.label("now")
        )
        .select_from(HEADS.outerjoin(there, on).join(TABLE, TABLE.c.number == HEADS.c.checkpoint))
        .where(HEADS.c.subject == kind)
        .order_by(HEADS.c.subject_id, HEADS.c.seq)
    )
    return query if project_id is None else query.where(_of_project(kind, project_id))


def _of_project(kind: str, project_id: int) -> ColumnElement[bool]:
    if kind == "project":
        return HEADS.c.subject_id == project_id
    if kind != "issue":
        return false()
    issues = Base.metadata.tables["issues"]
    there = select(issues.c.id).where(issues.c.project_id == project_id)
    known = select(EVENTS.c.issue_id).where(EVENTS.c.project_id == project_id, EVENTS.c.subject == "issue")
    return or_(HEADS.c.subject_id.in_(there), HEADS.c.subject_id.in_(known))


def _wrong(number: int, reason: str) -> Difference:
    return Difference("checkpoint", number, reason, "/admin/integrity")


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
