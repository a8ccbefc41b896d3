"""What can happen to the webhooks of a project. Never the secret, and of the address the host alone."""

from typing import ClassVar, Literal

from app.events.action import Action, Family, Subject, Text
from app.events.parts import Part, strong, text

WhyOff = Literal["by_hand", "gone", "failing", "no_access"]
WHY_OFF: dict[str, str] = {
    "by_hand": "switched off by hand",
    "gone": "it answered 410 Gone",
    "failing": "every delivery failed for five days",
    "no_access": "who made it may not see the project any more",
}


class WebhookAction(Action):
    subject: ClassVar[Subject] = Subject.project
    family: ClassVar[Family] = Family.admin
    icon: ClassVar[str] = "hook"
    shown: ClassVar[bool] = False
    small: ClassVar[bool] = False
    verb: ClassVar[str]

    endpoint_id: int
    host: Text

    def line(self, by: int | None) -> list[Part]:
        return [text(f"{self.verb} "), strong(self.host)]


class WebhookCreated(WebhookAction):
    """An address was set up to be told about events."""

    name: ClassVar[str] = "webhook_created"
    verb: ClassVar[str] = "set up the webhook to"

    actions: list[str]


class WebhookChanged(WebhookAction):
    """The address of a webhook, or what it is told, was changed. Holds what it is from now on."""

    name: ClassVar[str] = "webhook_changed"
    verb: ClassVar[str] = "changed the webhook to"

    actions: list[str]
    address_changed: bool


class WebhookEnabled(WebhookAction):
    """A webhook was switched on."""

    name: ClassVar[str] = "webhook_enabled"
    verb: ClassVar[str] = "switched on the webhook to"


class WebhookDisabled(WebhookAction):
    """A webhook was switched off: by somebody, or because it cannot go on."""

    name: ClassVar[str] = "webhook_disabled"
    verb: ClassVar[str] = "switched off the webhook to"

    why: WhyOff

    def line(self, by: int | None) -> list[Part]:
        words = [] if self.why == "by_hand" else [text(f": {WHY_OFF[self.why]}")]
        return [*super().line(by), *words]


class WebhookDeleted(WebhookAction):
    """A webhook was removed."""

    name: ClassVar[str] = "webhook_deleted"
    verb: ClassVar[str] = "removed the webhook to"


class WebhookSecretRotated(WebhookAction):
    """A webhook got a new secret; the old one signs along for a day."""

    name: ClassVar[str] = "webhook_secret_rotated"
    verb: ClassVar[str] = "made a new secret for the webhook to"


class WebhookTestSent(WebhookAction):
    """Somebody asked for a test event: it goes to this webhook and to no other."""

    name: ClassVar[str] = "webhook_test_sent"
    verb: ClassVar[str] = "sent a test event to"


WEBHOOK_ACTIONS: tuple[type[Action], ...] = (
    WebhookCreated,
    WebhookChanged,
    WebhookEnabled,
    WebhookDisabled,
    WebhookDeleted,
    WebhookSecretRotated,
    WebhookTestSent,
)
