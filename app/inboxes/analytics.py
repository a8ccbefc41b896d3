"""Counts every event per day, project, action and person."""

from collections.abc import Sequence
from typing import ClassVar

from app.analytics.counting import count
from app.events.action import Action, Subject
from app.events.recording import Recorded
from app.inboxes.base import Decision, Inbox, Signal


class Analytics(Inbox):
    """Adds to the counters, once for all events of a transaction."""

    name: ClassVar[str] = "analytics"
    title: ClassVar[str] = "Analytics"
    description: ClassVar[str] = "Counts what happens per day, project, action and person."
    icon: ClassVar[str] = "chart"

    @classmethod
    def takes(cls, subject: Subject | str, action: type[Action]) -> bool:  # noqa: ARG003 - all of them
        return True

    def minds_deleted(self) -> bool:
        return True

    def should_process(self) -> Decision:
        return Decision(True, "counted")

    @classmethod
    def together(cls, done: Sequence[Inbox]) -> Sequence[Signal]:
        count(inbox.event for inbox in done)
        return ()

    @classmethod
    def take_imported(cls, events: Sequence[Recorded]) -> str | None:
        count(events)
        return "counted with the import"
