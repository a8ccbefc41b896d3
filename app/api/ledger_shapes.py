"""The shapes of what the API says of events, deliveries and inboxes."""

from typing import Any, Literal

from pydantic import Field

from app.api.shapes import Moment, Page, Shape
from app.inboxes.delivery import State


class ActorShape(Shape):
    """Who acted. A token acts for its owner; others that are no person have no username."""

    kind: Literal["user", "rule", "sync", "import", "system", "email", "token"]
    username: str | None
    name: str


class EventShape(Shape):
    """One act: a fact that never changes."""

    uid: str
    seq: int = Field(description="Its number on its subject: 1, 2, 3 … without a gap.")
    subject: Literal["issue", "project", "user"]
    action: str
    family: str
    actor: ActorShape
    issue: str | None
    project: str | None
    metadata: dict[str, Any] = Field(description="The facts of the action.")
    cause: str | None = Field(description="The uid of the event that led to this one.")
    depth: int
    batch: str | None
    quiet: bool
    created_at: Moment


class Events(Page):
    """A page of events, oldest first."""

    items: list[EventShape]


class TargetShape(Shape):
    """One receiver of a delivery."""

    target: str
    state: str
    reason: str | None
    attempts: int
    finished_at: Moment | None


class DeliveryShape(Shape):
    """What one inbox decided about one event, and how it went."""

    id: int
    event: str = Field(description="The uid of the event.")
    inbox: str
    state: State
    reason: str | None
    attempts: int
    next_attempt_at: Moment | None
    last_error: str | None
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    targets: list[TargetShape] = Field(
        description="Its receivers: all of them for leads and administrators, else at most oneself."
    )


class Deliveries(Page):
    """A page of deliveries."""

    items: list[DeliveryShape]


class InboxShape(Shape):
    """Something that reacts to events, with its switch."""

    name: str
    title: str
    description: str
    enabled: bool


class Inboxes(Page):
    """Every inbox."""

    items: list[InboxShape]
