"""The one list of inboxes. A new one is a file beside this and a name here."""

from functools import cache

from app.automation import scheduled  # noqa: F401 - registers its turns
from app.events.actions import action_class
from app.inboxes.analytics import Analytics
from app.inboxes.audit_log import AuditLog
from app.inboxes.automation_rules import AutomationRules
from app.inboxes.base import Inbox
from app.inboxes.email_notifications import EmailNotifications
from app.inboxes.external_sync import ExternalSync
from app.inboxes.in_app_notifications import InAppNotifications
from app.inboxes.live_updates import LiveUpdates
from app.inboxes.slack_notifications import SlackNotifications
from app.inboxes.webhook_delivery import WebhookDelivery

INBOXES: tuple[type[Inbox], ...] = (
    LiveUpdates,
    InAppNotifications,
    EmailNotifications,
    AutomationRules,
    SlackNotifications,
    ExternalSync,
    WebhookDelivery,
    AuditLog,
    Analytics,
)

BY_NAME: dict[str, type[Inbox]] = {inbox.name: inbox for inbox in INBOXES}


@cache
def inboxes_for(subject: str, action: str) -> tuple[type[Inbox], ...]:
    """The inboxes that declare this action, in the order of the list."""
    kind = action_class(subject, action)
    return tuple(inbox for inbox in INBOXES if inbox.takes(subject, kind))


@cache
def names_of(queue: str) -> tuple[str, ...]:
    """The inboxes whose work this queue does."""
    return tuple(inbox.name for inbox in INBOXES if inbox.queue == queue)


@cache
def queues() -> dict[str, list[str]]:
    """Each queue with its inboxes."""
    return {inbox.queue: list(names_of(inbox.queue)) for inbox in INBOXES}
