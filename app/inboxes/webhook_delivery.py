"""Tells the endpoints of a project about its events, signed as Standard Webhooks says.

The id of a message is the uid of its event, the same on every attempt and for every endpoint, and so are the bytes of
its body: they are made of the event alone. An endpoint is told what its maker may see at the moment of sending. What
happens while an endpoint is off is held, and can be sent later.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from flask import current_app
from sqlalchemy import select

from app import clock, http
from app.accounts.user import User
from app.accounts.viewer import viewer_of
from app.config import Settings
from app.db import db
from app.events.action import Action, Subject
from app.events.issue_actions import Deleted
from app.events.webhook_actions import WHY_OFF, WhyOff
from app.inboxes.base import Decision, Inbox, MaybeSent, Target
from app.inboxes.webhook_answer import judged
from app.inboxes.webhook_log import keep_attempt, wake_what_waits
from app.inboxes.webhook_message import Shipment, body_of
from app.projects.policy import Right, may
from app.projects.project import Project
from app.sealing import Unsealable
from app.webhooks.endpoint import FOR_ONE, Endpoint, failed, secrets_of, succeeded, switch_off
from app.webhooks.queries import locked, receiver, wanting
from app.webhooks.signing import signed_headers

SECONDS = 10.0
"""For a whole exchange."""
LONG = 1.0
"""Seconds. A failure that took longer costs the endpoint a rest of five times as long, so that an endpoint that hangs
does not keep the workers from everybody else."""
UNREADABLE = "its secret was kept under another SECRET_KEY: make a new one"
NO_ACCESS = "who made it may not see the project any more"


class WebhookDelivery(Inbox):
    """A message to every endpoint that wants to know."""

    name: ClassVar[str] = "webhook_delivery"
    title: ClassVar[str] = "Webhooks"
    description: ClassVar[str] = (
        "Sends events to the addresses that projects set up, signed, and tries again for days."
    )
    icon: ClassVar[str] = "hook"
    queue: ClassVar[str] = "webhooks"
    outside: ClassVar[bool] = True
    threads: ClassVar[int] = 8
    backoff: ClassVar[Sequence[timedelta]] = (
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=5),
        timedelta(hours=10),
        timedelta(hours=14),
        timedelta(hours=20),
        timedelta(hours=24),
    )

    @classmethod
    def takes(cls, subject: Subject | str, action: type[Action]) -> bool:
        return subject != Subject.user and action.name != "viewed"

    def minds_deleted(self) -> bool:
        """Programs that keep a copy learn that it was deleted, and nothing else about it any more."""
        return isinstance(self.happening.action, Deleted)

    def should_process(self) -> Decision:
        number = len(self._endpoints())
        if not number:
            gone = isinstance(self.happening.action, FOR_ONE)
            return Decision(False, "the webhook was removed" if gone else "no webhook asked for it")
        return Decision(True, f"sent to {number} {'webhook' if number == 1 else 'webhooks'}")

    def plan(self) -> Sequence[Target]:
        body = body_of(self.happening)
        return [self._target(endpoint, maker, body) for endpoint, maker in self._endpoints()]

    @classmethod
    def send(cls, target: Target) -> str:
        shipment: Shipment = target.message
        signed = signed_headers(
            shipment.secrets,
            webhook_id=shipment.uid,
            timestamp=int(clock.now().timestamp()),
            body=shipment.body,
        )
        shipment.headers = {"content-type": "application/json", "user-agent": http.AGENT, **signed}
        began = clock.monotonic()
        try:
            shipment.answer = http.request(
                "POST",
                shipment.url,
                headers=shipment.headers,
                body=shipment.body,
                allowed=shipment.allowed,
                seconds=SECONDS,
            )
        except http.Unreachable as error:
            if error.handed_over:
                raise MaybeSent(str(error)) from error
            raise
        finally:
            shipment.seconds = clock.monotonic() - began
        return judged(shipment, shipment.answer)

    @classmethod
    def sent(cls, target: Target, event_id: int, outcome: str) -> None:
        shipment: Shipment = target.message
        keep_attempt(shipment, event_id, None)
        if succeeded(locked(shipment.endpoint_id)):
            wake_what_waits(target.name)

    @classmethod
    def missed(cls, target: Target, event_id: int, error: str) -> None:
        shipment: Shipment = target.message
        keep_attempt(shipment, event_id, error)
        rest = shipment.patience or timedelta()
        if shipment.seconds > LONG:
            rest = max(rest, timedelta(seconds=5 * shipment.seconds))
        endpoint = locked(shipment.endpoint_id)
        hopeless = failed(endpoint, error, rest=rest)
        if shipment.gone or hopeless:
            _switch_off(endpoint, "gone" if shipment.gone else "failing")

    @classmethod
    def kept_back(cls, target: Target) -> None:
        shipment: Shipment = target.message
        if shipment.off is not None:
            _switch_off(locked(shipment.endpoint_id), shipment.off)

    def _endpoints(self) -> list[tuple[Endpoint, User]]:
        event, memo = self.event, self.happening.memo
        if "endpoints" not in memo:
            action = self.happening.action
            found = (
                receiver(action.endpoint_id)
                if isinstance(action, FOR_ONE)
                else wanting(event.project_id or 0, action=event.action, family=action.family.value)
            )
            memo["endpoints"] = found
        endpoints: list[tuple[Endpoint, User]] = memo["endpoints"]
        return endpoints

    def _target(self, endpoint: Endpoint, maker: User, body: bytes) -> Target:
        settings = _settings()
        shipment = Shipment(
            endpoint_id=endpoint.id,
            url=endpoint.url,
            secrets=[],
            uid=self.event.uid,
            body=body,
            allowed=settings.allowed_outgoing,
        )
        held = None
        if not endpoint.enabled:
            held = f"the webhook is off: {WHY_OFF[endpoint.why_off or 'by_hand']}"
        elif not self._may_see(maker):
            held, shipment.off = f"the webhook is off: {NO_ACCESS}", "no_access"
        else:
            try:
                shipment.secrets = secrets_of(endpoint)
            except Unsealable:
                held = UNREADABLE
        return Target(
            f"endpoint:{endpoint.id}",
            shipment,
            held=held,
            after=endpoint.rests_until,
            sick=endpoint.failures > 0,
        )

    def _may_see(self, maker: User) -> bool:
        project = self.happening.project
        return maker.is_active and project is not None and may(viewer_of(maker), Right.see, project)


def _switch_off(endpoint: Endpoint, why: WhyOff) -> None:
    query = select(Project).where(Project.id == endpoint.project_id)
    switch_off(endpoint, db.session.scalars(query).one(), why=why)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
