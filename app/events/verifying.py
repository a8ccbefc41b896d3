"""Verifying history: every chain unbroken, every text as committed to, every row as its events say.

Reads a few hundred subjects and a thousand events at a time, in one snapshot, and writes nothing.
"""

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Select, select

from app.db import db
from app.events.action import commitment
from app.events.chain import GENESIS, hash_of
from app.events.folding import UNKNOWN, Folded, fold
from app.events.sealed_rows import ACTION, FACTS, HASH, ID, PREV, SEQ, SUBJECT_ID, Texts, sealed_rows
from app.events.surroundings import around, table_named

SUBJECTS_AT_ONCE = 400
KINDS = ("project", "issue", "user")
AUDIT_LOG = "the audit log"
Place = tuple[str, int]
"""A kind of subject and an id."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first event that does not fit. `subject`: KEY-12, the project's key, or @username."""

    subject: str
    seq: int
    reason: str
    link: str | None = None
    """A page where it can be looked at."""
    field: str | None = None
    """Where a row is not as its events say: of what."""
    event_says: str | None = None
    row_says: str | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"

    @property
    def place(self) -> str:
        """What does not fit, by name and number."""
        if self.subject == "checkpoint":
            return f"checkpoint {self.seq}"
        return f"{self.subject}, {'entry' if self.subject == AUDIT_LOG else 'event'} {self.seq}"


@dataclass
class Verified:
    """How far verifying came."""

    events: int = 0
    issues: int = 0
    projects: int = 0
    people: int = 0
    difference: Difference | None = None
    place: Place = ("project", 0)
    """The last subject that was looked at."""


def verify(
    key: str | None = None, *, after: Place = ("project", 0), at_once: int = SUBJECTS_AT_ONCE
) -> Iterator[Verified]:
    """Look at everything, or at one project and its issues; says where it stands after each page of subjects.

    Ends with the first difference. The transaction should be a snapshot: on PostgreSQL, REPEATABLE READ. With `after`
    it goes on behind that place.
    """
    done = Verified(place=after)
    kinds = KINDS[:2] if key else KINDS
    for kind in kinds[kinds.index(after[0]) :]:
        for page in _pages(kind, key, after[1] if kind == after[0] else 0, at_once):
            done.difference = _verify_page(kind, page, done)
            done.place = (kind, page[-1].id)
            yield done
            if done.difference:
                return


def _pages(kind: str, key: str | None, last: int, at_once: int) -> Iterator[Sequence[Row[Any]]]:
    """The subjects in the order of their ids."""
    while page := db.session.execute(_subjects(kind, key, last, at_once)).all():
        yield page
        last = page[-1].id


def _subjects(kind: str, key: str | None, last: int, at_once: int) -> Select[Any]:
    table, projects = table_named(f"{kind}s"), table_named("projects")
    query = select(table).where(table.c.id > last).order_by(table.c.id).limit(at_once)
    if kind == "issue":
        query = query.join(projects, projects.c.id == table.c.project_id)
        query = query.add_columns(projects.c.key.label("project_key"))
    if key and kind != "user":
        query = query.where(projects.c.key == key)
    return query


def _verify_page(kind: str, page: Sequence[Row[Any]], done: Verified) -> Difference | None:
    rows = {row.id: row for row in page}
    beside = around(kind, list(rows))
    seen: set[int] = set()
    for subject_id, events in groupby(sealed_rows(kind, list(rows)), key=lambda pair: pair[0][SUBJECT_ID]):
        seen.add(subject_id)
        chain = _Chain(kind, rows[subject_id])
        for event, texts in events:
            done.events += 1
            if wrong := chain.take(event, texts):
                return wrong
        if wrong := chain.compare(beside):
            return wrong
    unsaid = next((row for row in page if row.id not in seen), None)
    name = {"issue": "issues", "project": "projects", "user": "people"}[kind]
    setattr(done, name, getattr(done, name) + len(page))
    if unsaid is None:
        return None
    return Difference(_name(kind, unsaid), 1, "no event says that it was made", _link(kind, unsaid))


class _Chain:
    """One subject's events, taken in order."""

    def __init__(self, kind: str, row: Row[Any]) -> None:
        self.kind = kind
        self.row = row
        self.seq = 0
        self.head = GENESIS
        self.state = Folded()

    def take(self, event: Sequence[Any], texts: Texts) -> Difference | None:
        """The next event: has it the next number, does it seal the one before, is it as it was recorded?"""
        self.seq += 1
        seq, facts, known_hash = event[SEQ], event[FACTS], event[HASH]
        if seq != self.seq:
            return self._wrong(f"it is missing; the next one there has the number {seq}")
        if event[PREV] != self.head:
            return self._wrong("it does not follow the event before it")
        if hash_of(event[:ID]) != known_hash:
            return self._wrong("it was changed after it was recorded")
        words: dict[str, str] = {}
        for field, (salt, text) in texts.items():
            if _committed(facts, field) != commitment(salt, text):
                return self._wrong(f"its text “{field}” was changed after it was recorded")
            words[field] = text
        self.head = known_hash
        fold(self.state, self.kind, event[ACTION], facts, words, seq)
        return None

    def compare(self, beside: dict[str, dict[int, Any]]) -> Difference | None:
        """The row and what belongs to it against the folded events: the earliest that does not agree."""
        if self.row.event_seq > self.seq:
            self.seq += 1
            return self._wrong(f"it is missing; the {self.kind} has had {self.row.event_seq}")
        if (self.row.event_seq, self.row.event_head) != (self.seq, self.head):
            return self._wrong(f"the {self.kind} does not know it as its newest")
        odd = [
            self._field(field, expected, found)
            for field, expected in self.state.values.items()
            if expected is not UNKNOWN and (found := self._found(field, beside)) != expected
        ]
        return min(odd, key=operator.attrgetter("seq"), default=None)

    def _field(self, field: str, expected: Any, found: Any) -> Difference:
        self.seq = self.state.by[field]
        if field == "comments":
            return self._comment(expected, found)
        says, has = _said(expected), _said(found)
        wrong = self._wrong(f"it says {field} {says}, the {self.kind} has {has}")
        return replace(wrong, field=field, event_says=says, row_says=has)

    def _found(self, field: str, beside: dict[str, dict[int, Any]]) -> Any:
        if field in beside:
            empty: Any = {} if field in ("comments", "members") else frozenset()
            return beside[field].get(self.row.id, empty)
        if field == "description":
            return sha256(self.row.description.encode()).hexdigest()
        if field == "archived":
            return self.row.archived_at is not None
        if field == "deleted":
            return self.row.deleted_at is not None
        return self.row._mapping[field]

    def _comment(self, expected: dict[int, Any], found: dict[int, Any]) -> Difference:
        """The first comment that is not as its newest event says."""
        everyone = expected.keys() | found.keys()
        odd = min(comment for comment in everyone if expected.get(comment) != found.get(comment))
        self.seq = self.state.by[f"comment {odd}"] if odd in expected else found[odd][0]
        wrong = self._wrong(f"its comment {odd} is not what was recorded")
        return replace(
            wrong,
            field=f"comment {odd}",
            event_says=_version(expected.get(odd)),
            row_says=_version(found.get(odd)),
        )

    def _wrong(self, reason: str) -> Difference:
        return Difference(_name(self.kind, self.row), self.seq, reason, _link(self.kind, self.row))


def _committed(facts: Any, field: str) -> str | None:
    """The commitment in the facts for a field like `labels.0.name`."""
    try:
        if "." not in field:
            return str(facts[field]["sha256"])
        for part in field.split("."):
            facts = facts[int(part)] if part.isdigit() else facts[part]
        return str(facts["sha256"])
    except (KeyError, IndexError, TypeError):
        return None


def _name(kind: str, row: Row[Any]) -> str:
    if kind == "issue":
        return f"{row.project_key}-{row.number}"
    return str(row.key) if kind == "project" else f"@{row.username}"


def _link(kind: str, row: Row[Any]) -> str:
    if kind == "issue":
        return f"/issues/{row.project_key}-{row.number}"
    return f"/projects/{row.key}" if kind == "project" else f"/admin/people/{row.username}"


def _version(comment: tuple[int, str | None] | None) -> str:
    if comment is None:
        return "no such comment"
    return f"a text with the sha256 {comment[1][:12]}…" if comment[1] else "that it was removed"


def _said(value: Any) -> str:
    if isinstance(value, frozenset):
        return f"with the ids {', '.join(str(one) for one in sorted(value)) or 'none'}"
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
