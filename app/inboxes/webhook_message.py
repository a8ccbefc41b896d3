"""A message to an endpoint: made of the event alone, so that it has the same bytes on every attempt."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app import http
from app.events.event import Event
from app.events.webhook_actions import WhyOff
from app.inboxes.base import Happening


@dataclass
class Shipment:
    """A message to one endpoint, and what became of the attempt to deliver it."""

    endpoint_id: int
    url: str
    secrets: list[str]
    uid: str
    body: bytes
    allowed: tuple[str, ...]
    off: WhyOff | None = None
    """Why the endpoint is to be switched off, as found while planning."""
    headers: dict[str, str] | None = None
    answer: http.Answer | None = None
    seconds: float = 0.0
    patience: timedelta | None = None
    gone: bool = False


def body_of(happening: Happening) -> bytes:
    """The message: the event, in the words of the API, and nothing that may be another the next time."""
    event, action = happening.event, happening.action
    issue, project, actor = happening.issue, happening.project, happening.actor
    data: dict[str, Any] = {
        "uid": event.uid,
        "seq": event.seq,
        "subject": event.subject,
        "action": event.action,
        "family": action.family.value,
        "actor": {"kind": event.actor_kind, "username": actor.username if actor else None},
        "issue": f"{project.key}-{issue.number}" if project and issue else None,
        "project": project.key if project else None,
        "metadata": action.model_dump(mode="json", by_alias=True, exclude_none=True),
        "depth": event.depth,
        "batch": event.batch_id,
        "quiet": event.quiet,
        "created_at": _rfc3339(event),
    }
    message = {"type": f"{event.subject}.{event.action}", "timestamp": _rfc3339(event), "data": data}
    return json.dumps(message, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _rfc3339(event: Event) -> str:
    return event.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
