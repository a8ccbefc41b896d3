"""What an administrator does to the installation.

These acts are recorded on the administrator: every event has a subject with a sequence and a chain.
"""

from typing import ClassVar

from app.events.account_actions import PersonAction
from app.events.parts import Part, strong, text


class InboxEnabled(PersonAction):
    """An administrator switched an inbox on."""

    name: ClassVar[str] = "inbox_enabled"
    icon: ClassVar[str] = "bolt"

    inbox: str

    def line(self, by: int | None) -> list[Part]:
        return [text("switched on the inbox "), strong(self.inbox)]


class InboxDisabled(PersonAction):
    """An administrator switched an inbox off; what it would have handled is kept as skipped."""

    name: ClassVar[str] = "inbox_disabled"
    icon: ClassVar[str] = "bolt"

    inbox: str

    def line(self, by: int | None) -> list[Part]:
        return [text("switched off the inbox "), strong(self.inbox)]


class DeliveriesRetried(PersonAction):
    """An administrator sent failed deliveries again."""

    name: ClassVar[str] = "delivery_retried"
    icon: ClassVar[str] = "bolt"

    inbox: str
    deliveries: int

    def line(self, by: int | None) -> list[Part]:
        return [text(f"sent {self.deliveries} deliveries of "), strong(self.inbox), text(" again")]


class DeliveriesDiscarded(PersonAction):
    """An administrator gave failed deliveries up."""

    name: ClassVar[str] = "dead_letter_purged"
    icon: ClassVar[str] = "bolt"

    inbox: str
    deliveries: int

    def line(self, by: int | None) -> list[Part]:
        return [text(f"gave up {self.deliveries} deliveries of "), strong(self.inbox)]


class DeliveriesHeld(PersonAction):
    """An administrator stopped deliveries: they wait until they are sent again or given up."""

    name: ClassVar[str] = "delivery_held"
    icon: ClassVar[str] = "bolt"

    inbox: str
    deliveries: int

    def line(self, by: int | None) -> list[Part]:
        return [text(f"held back {self.deliveries} deliveries of "), strong(self.inbox)]


class InboxReplayed(PersonAction):
    """An administrator offered past events to one inbox again."""

    name: ClassVar[str] = "inbox_replayed"
    icon: ClassVar[str] = "replay"

    inbox: str
    events: int
    since: str
    until: str
    project: str | None = None
    forced: bool = False
    imported: bool = False

    def line(self, by: int | None) -> list[Part]:
        where = f" of {self.project}" if self.project else ""
        return [text(f"offered {self.events} events{where} again to the inbox "), strong(self.inbox)]
