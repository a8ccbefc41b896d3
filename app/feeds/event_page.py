"""Everything the page of one event shows: the fact, where it went, what caused it and what it caused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from app.accounts.viewer import Viewer
from app.db import db
from app.events.action import Action
from app.events.event import Event
from app.events.wording import STATUS_WORDS
from app.feeds.event_log import visible_event
from app.feeds.lines import Line, lines_query, read_lines, with_projects
from app.feeds.receipts import REASONS, TONES, WORDS, duration
from app.inboxes.ledger import Posting, Receiver, postings_of
from app.inboxes.registry import BY_NAME
from app.projects.policy import Right, Standing, may, standing_of

MOST_CAUSED = 50
LANE = 200.0
"""Width of the drawing of waiting and running, in its own units."""
ACTED_AS = {
    "user": "Signed in",
    "token": "API token",
    "rule": "A rule",
    "sync": "External sync",
    "import": "An import",
    "system": "Tidings itself",
    "email": "A mail",
}
HIDDEN_FACTS = frozenset({"excerpt", "sha256", "comment_id", "version", "now", "token_id", "triggered_by"})
"""Facts that tell a reader nothing, or less than what stands beside them."""


@dataclass(frozen=True, slots=True)
class Change:
    """One fact, before and after; without `before` it is only stated."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One inbox: how it went, and how long it waited and ran, drawn on a common scale."""

    icon: str
    title: str
    state: str
    tone: str
    reason: str
    error: str | None
    attempts: int
    waited: str
    ran: str
    wait_width: float
    run_width: float
    finished_at: datetime | None
    next_attempt_at: datetime | None
    receivers: Sequence[Receiver]


@dataclass(frozen=True, slots=True)
class EventPage:
    """The page."""

    line: Line
    event: Event
    subject: str
    acted_as: str
    changes: list[Change]
    lanes: list[Lane]
    scale: str
    """What the whole width of a lane stands for."""
    cause: Line | None
    caused: list[Line]
    before: str | None
    """The uid of the subject's event before this one."""
    after: str | None
    knows_all: bool


def event_page(viewer: Viewer, uid: str) -> EventPage:
    """The page of an event. Its rights are those of what it is about. Raises NotFound."""
    entry = visible_event(viewer, uid)
    event = entry.event
    [line] = with_projects(read_lines(lines_query().where(Event.id == event.id)))
    knows_all = _knows_all(viewer, line)
    lanes, scale = _lanes(postings_of(event.id), viewer, knows_all)
    return EventPage(
        line=line,
        event=event,
        subject=entry.issue_key or (line.project.name if line.project else "An account"),
        acted_as=ACTED_AS.get(event.actor_kind, event.actor_kind),
        changes=changes(entry.action),
        lanes=lanes,
        scale=scale,
        cause=_cause(viewer, event),
        caused=_caused(viewer, event),
        before=_neighbour(event, event.seq - 1),
        after=_neighbour(event, event.seq + 1),
        knows_all=knows_all,
    )


def changes(action: Action) -> list[Change]:
    """The facts as rows: what was before and is after first, then what was only stated."""
    facts = action.model_dump(by_alias=True, mode="json", exclude_none=True)
    found = []
    if "from" in facts or "to" in facts:
        name = action.name.removesuffix("_changed")
        field = "status" if name in ("closed", "reopened") else name.replace("_", " ")
        found.append(Change(field, _value(facts.pop("from", None)), _value(facts.pop("to", None))))
    for name, value in facts.items():
        if name not in HIDDEN_FACTS and value not in ((), [], "", False):
            found.append(Change(name.replace("_", " "), "", _value(value)))
    return found


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(_value(one) for one in value)
    if isinstance(value, dict):
        return str(value.get("name", ""))
    return STATUS_WORDS.get(value, str(value)) if isinstance(value, str) else str(value)


def _knows_all(viewer: Viewer, line: Line) -> bool:
    """Whether the viewer reads who else was told: administrators and leads of the project."""
    if viewer.is_admin:
        return True
    return line.project is not None and standing_of(viewer, line.project) is Standing.lead


def _lanes(postings: Sequence[Posting], viewer: Viewer, knows_all: bool) -> tuple[list[Lane], str]:
    longest = max((_age(one) for one in postings), default=0.0) or 0.001
    lanes = []
    for one in postings:
        row, kind = one.delivery, BY_NAME.get(one.delivery.inbox)
        started = row.started_at or row.finished_at
        waited = (started - row.created_at).total_seconds() if started else 0.0
        ran = (row.finished_at - started).total_seconds() if started and row.finished_at else 0.0
        known = [who for who in one.receivers if knows_all or who.user_id == viewer.user_id]
        lanes.append(
            Lane(
                icon=kind.icon if kind else "bolt",
                title=kind.title if kind else row.inbox,
                state=WORDS.get(row.state, row.state),
                tone=TONES.get(row.state, ""),
                reason=REASONS.get(row.reason or "", row.reason or ""),
                error=row.last_error if knows_all else None,
                attempts=row.attempts,
                waited=duration(waited),
                ran=duration(ran),
                wait_width=round(waited / longest * LANE, 1),
                run_width=round(max(ran / longest * LANE, 2.0), 1),
                finished_at=row.finished_at,
                next_attempt_at=row.next_attempt_at,
                receivers=known,
            )
        )
    return lanes, duration(longest)


def _age(one: Posting) -> float:
    end = one.delivery.finished_at or one.delivery.started_at
    return (end - one.delivery.created_at).total_seconds() if end else 0.0


def _cause(viewer: Viewer, event: Event) -> Line | None:
    if event.cause_id is None:
        return None
    found = _visible(viewer, Event.id == event.cause_id)
    return found[0] if found else None


def _caused(viewer: Viewer, event: Event) -> list[Line]:
    return _visible(viewer, Event.cause_id == event.id)


def _visible(viewer: Viewer, where: ColumnElement[bool]) -> list[Line]:
    """Those of these events whose project the viewer sees."""
    query = lines_query().where(where, Event.subject != "user")
    lines = with_projects(read_lines(query.order_by(Event.id).limit(MOST_CAUSED)))
    return [line for line in lines if line.project is not None and may(viewer, Right.see, line.project)]


def _neighbour(event: Event, seq: int) -> str | None:
    about = {
        "issue": Event.issue_id == event.issue_id,
        "project": Event.project_id == event.project_id,
        "user": Event.user_id == event.user_id,
    }[event.subject]
    return db.session.scalar(select(Event.uid).where(about, Event.subject == event.subject, Event.seq == seq))
