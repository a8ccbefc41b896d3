"""Issues as they were: events read back in their order and folded, for the dry run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from app import clock
from app.automation.checking import Known
from app.automation.conditions import Occasion, State, fits
from app.automation.definition import TRIGGERS, Definition
from app.automation.happened import marks, states_of
from app.automation.scheduled import quiet_issues, quiet_time
from app.db import db
from app.events.action import join
from app.events.event import Event
from app.events.folding import UNKNOWN, Folded, fold
from app.events.queries import texts_of
from app.issues.comment import Comment
from app.issues.issue import Issue
from app.projects.project import Project

CHUNK = 500
"""Events held in memory at a time, with their texts."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event with its texts, and with the comment it brought where that was asked for."""

    id: int
    uid: str
    issue_id: int
    seq: int
    action: str
    facts: dict[str, Any]
    actor_id: int | None
    actor_kind: str
    root_id: int | None
    depth: int
    created_at: datetime
    texts: dict[str, str]
    comment: str


_COLUMNS = (
    Event.id,
    Event.uid,
    Event.issue_id,
    Event.seq,
    Event.action,
    Event.facts.label("facts"),
    Event.actor_id,
    Event.actor_kind,
    Event.root_id,
    Event.depth,
    Event.created_at,
)


def issues_of(ids: Sequence[int]) -> dict[int, Row[Any]]:
    """What the log does not tell of these issues, or not in full."""
    query = select(
        Issue.id, Issue.number, Issue.title, Issue.description, Issue.reporter_id, Issue.created_at
    ).where(Issue.id.in_(ids))
    found: dict[int, Row[Any]] = {row.id: row for row in db.session.execute(query)}  # type: ignore[misc]
    return found


def events_of(ids: Sequence[int], *, comments: bool) -> Iterator[EventRow]:
    """Every event of these issues, issue by issue, oldest first. A chunk of them is in memory, never all."""
    after = (0, 0)
    ordered = sorted(ids)
    while ordered:
        rows = _chunk(ordered, after)
        if not rows:
            return
        texts = texts_of([row.id for row in rows])
        bodies = _bodies(rows) if comments else {}
        for row in rows:
            body = bodies.get((row.issue_id, row.seq), "")
            yield EventRow(**row._mapping, texts=texts.get(row.id, {}), comment=body)  # noqa: SLF001
        after = (rows[-1].issue_id, rows[-1].seq)
        ordered = [one for one in ordered if one >= after[0]]


def _chunk(ids: Sequence[int], after: tuple[int, int]) -> Sequence[Row[Any]]:
    issue_id, seq = after
    later = (Event.issue_id > issue_id) | ((Event.issue_id == issue_id) & (Event.seq > seq))
    query = select(*_COLUMNS).where(Event.issue_id.in_(ids), later)
    return db.session.execute(query.order_by(Event.issue_id, Event.seq).limit(CHUNK)).all()


def _bodies(rows: Sequence[Row[Any]]) -> dict[tuple[int, int], str]:
    query = select(Comment.issue_id, Comment.event_seq, Comment.body).where(
        Comment.issue_id.in_({row.issue_id for row in rows}),
        Comment.event_seq.in_({row.seq for row in rows if row.action == "commented"}),
    )
    return {(row.issue_id, row.event_seq): row.body for row in db.session.execute(query)}


class Past:
    """One issue on its way through time."""

    def __init__(self, issue: Row[Any]) -> None:
        self.issue = issue
        self.last_by_people: EventRow | None = None
        """The last event that no rule made: where a quiet time begins."""
        self._folded = Folded()
        self._last: dict[str, datetime] = {}
        self._before: dict[str, datetime] = {}

    def take(self, row: EventRow) -> None:
        """One more event has happened."""
        fold(self._folded, "issue", row.action, row.facts, row.texts, row.seq)
        self._before = dict(self._last)
        self._last.update(dict.fromkeys(marks(row.action, row.facts), row.created_at))
        if row.action in TRIGGERS and row.actor_kind != "rule":
            self.last_by_people = row

    def occasion(self, row: EventRow, *, facts: bool) -> Occasion:
        """The event that was just taken; what it says only where a condition asks for it."""
        said: dict[str, Any] = {}
        if facts:
            action = join(TRIGGERS[row.action], row.facts, row.texts)
            said = action.model_dump(by_alias=True, mode="json", exclude_none=True)
        return Occasion(
            at=row.created_at,
            action=row.action,
            facts=said,
            actor_id=row.actor_id,
            actor_kind=row.actor_kind,
            comment=lambda: row.comment or row.texts.get("excerpt", ""),
            before=self._before.get,
        )

    def quiet_time(self, at: datetime) -> Occasion:
        """That nothing came after the events so far."""
        return Occasion(at=at, before=dict(self._last).get)

    def state(self) -> State:
        """The issue as it was at this point."""
        values = self._folded.values
        title = values.get("title", UNKNOWN)
        return State(
            status=values.get("status", "open"),
            priority=values.get("priority", "none"),
            labels=values.get("labels", frozenset()),
            assignees=values.get("assignees", frozenset()),
            reporter_id=self.issue.reporter_id,
            kind=values.get("kind", "issue"),
            title=title if isinstance(title, str) else "",
            description=self.issue.description,
            created_at=self.issue.created_at,
            comments=values.get("comment_count", 0),
            milestone=values.get("milestone_id"),
            is_sub_issue=values.get("parent_id") is not None,
        )

    def pretend(self, state: State) -> None:
        """Go on as if this had become of the issue, until an event says otherwise."""
        for name in ("status", "priority", "labels", "assignees"):
            self._folded.values[name] = getattr(state, name)
        self._folded.values["milestone_id"] = state.milestone


def quiet_now(project: Project, definition: Definition, known: Known, now: datetime, *, until: float) -> int:
    """How many issues have been quiet for so long already, and fit."""
    count, after = 0, 0
    query = quiet_issues(project.id, definition, now)
    while clock.monotonic() < until:
        rows = db.session.execute(query.where(Issue.id > after).limit(CHUNK)).all()
        states = states_of([row.Issue for row in rows])
        count += sum(
            fits(definition, quiet_time(row.Issue, now), states[row.Issue.id], known) for row in rows
        )
        if len(rows) < CHUNK:
            break
        after = rows[-1].Issue.id
    return count
