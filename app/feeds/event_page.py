"""Everything the page of one event shows: the fact, where it went, what caused it and what it caused."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app.accounts.viewer import Viewer
from app.db import db
from app.events.action import Action
from app.events.batch import descriptions
from app.events.event import Event, EventContext
from app.events.wording import STATUS_WORDS
from app.feeds.consequences import COUNTED, Tree, chain_above, seen_of, tree_below
from app.feeds.event_log import visible_event
from app.feeds.lines import Line, lines_query, read_lines, with_projects
from app.feeds.waterfall import Lane, lanes_of
from app.inboxes.audience import Audience, audience
from app.inboxes.base import Happening
from app.inboxes.ledger import postings_of
from app.issues.bulk_undo import may_take_back
from app.issues.issue import Issue
from app.projects.policy import Right, Standing, may, standing_of

ACTED_AS = {
    "user": "Signed in",
    "token": "API token",
    "rule": "A rule",
    "sync": "External sync",
    "import": "An import",
    "system": "Tidings itself",
    "email": "A mail",
}
VIA = {"web": "The web pages", "api": "The API", "cli": "A command", "job": "A worker"}
"""The doors."""
LISTED = 500
"""Events of a bulk act that its page lists."""
HIDDEN_FACTS = frozenset(
    {
        "excerpt",
        "sha256",
        "comment_id",
        "version",
        "now",
        "token_id",
        "triggered_by",
        "endpoint_id",
        "matched",
    }
)
"""Facts that tell a reader nothing, or less than what stands beside them."""
SHOWN_OF_SNAPSHOT = ("status", "priority", "labels", "assignees", "reporter", "comment_count")
"""Of a deleted issue as it was."""


@dataclass(frozen=True, slots=True)
class Change:
    """One fact, before and after; without `before` it is only stated."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Batch:
    """A bulk act: in words, how many events it made, and each of them as far as the reader may see it."""

    id: str
    description: str
    number: int
    lines: list[Line]
    project: str | None
    """The key of the project, for its actor: they may take the act back."""


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
    because: list[Line]
    """The cause first, then its cause."""
    tree: Tree
    audience: Audience
    context: EventContext | None
    """Through which door it came; None for a command, and for events from before this was kept."""
    batch: Batch | None
    raw: str | None
    """The event as it is stored, for administrators."""
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
    postings = postings_of(event.id)
    lanes, scale = lanes_of(postings, viewer, knows_all)
    return EventPage(
        line=line,
        event=event,
        subject=entry.issue_key or (line.project.name if line.project else "An account"),
        acted_as=ACTED_AS.get(event.actor_kind, event.actor_kind),
        changes=changes(entry.action),
        lanes=lanes,
        scale=scale,
        because=chain_above(viewer, event),
        tree=tree_below(viewer, event),
        audience=audience(
            _happening(event, entry.action, line), postings, only=None if knows_all else viewer.user_id
        ),
        context=db.session.get(EventContext, event.id),
        batch=_batch(viewer, event),
        raw=_raw(event, entry.action) if viewer.is_admin else None,
        before=_neighbour(event, event.seq - 1),
        after=_neighbour(event, event.seq + 1),
        knows_all=knows_all,
    )


def changes(action: Action) -> list[Change]:
    """The facts as rows: what was before and is after first, then what was only stated."""
    facts = action.model_dump(by_alias=True, mode="json", exclude_none=True)
    snapshot = facts.pop("snapshot", {})
    facts |= {name: snapshot[name] for name in SHOWN_OF_SNAPSHOT if name in snapshot}
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
        if "name" in value:
            return str(value["name"])
        return " ".join(str(part) for name, part in value.items() if name != "id") or "none"
    return STATUS_WORDS.get(value, str(value)) if isinstance(value, str) else str(value)


def _knows_all(viewer: Viewer, line: Line) -> bool:
    """Whether the viewer reads who else was told: administrators and leads of the project."""
    if viewer.is_admin:
        return True
    return line.project is not None and standing_of(viewer, line.project) is Standing.lead


def _happening(event: Event, action: Action, line: Line) -> Happening:
    issue = db.session.get(Issue, event.issue_id) if event.issue_id is not None else None
    return Happening(event=event, action=action, project=line.project, issue=issue, actor=None)


def _batch(viewer: Viewer, event: Event) -> Batch | None:
    """The bulk act the event belongs to."""
    if event.batch_id is None:
        return None
    ids = select(Event.id).where(Event.batch_id == event.batch_id).limit(COUNTED).subquery()
    number = db.session.scalar(select(func.count()).select_from(ids)) or 0
    query = lines_query().where(Event.batch_id == event.batch_id).order_by(Event.id).limit(LISTED)
    lines = seen_of(viewer, read_lines(query))
    project = lines[0].project if lines and may_take_back(event.batch_id, actor=viewer.actor) else None
    return Batch(
        event.batch_id,
        descriptions([event.batch_id]).get(event.batch_id, "A bulk act"),
        number,
        lines,
        project.key if project is not None and may(viewer, Right.triage, project) else None,
    )


def _raw(event: Event, action: Action) -> str:
    """The event as it is stored, texts put in: what a program gets, and the seal."""
    stored = {
        name: getattr(event, name)
        for name in (
            *("uid", "subject", "seq", "action", "v", "actor_kind", "actor_ref", "depth"),
            *("batch_id", "quiet", "throttle_key", "prev_hash", "hash"),
        )
    }
    facts = action.model_dump(by_alias=True, mode="json", exclude_none=True)
    whole = {**stored, "created_at": event.created_at.isoformat(), "metadata": facts}
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _neighbour(event: Event, seq: int) -> str | None:
    about = {
        "issue": Event.issue_id == event.issue_id,
        "project": Event.project_id == event.project_id,
        "user": Event.user_id == event.user_id,
    }[event.subject]
    return db.session.scalar(select(Event.uid).where(about, Event.subject == event.subject, Event.seq == seq))
