"""Tells the endpoints of a project about its events, signed as Standard Webhooks says.

The id of a message is the uid of its event, the same on every attempt and for every endpoint, and so are the bytes of
its body: they are made of the event alone. An endpoint is told what its maker may see at the moment of sending. What
happens while an endpoint is off is held, and can be sent later.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

from flask import current_app
from sqlalchemy import select, update

from app import clock, http
from app.accounts.user import User
from app.accounts.viewer import viewer_of
from app.config import Settings
from app.db import db
from app.events.action import Action, Subject
from app.events.event import Event
from app.events.issue_actions import Deleted
from app.events.webhook_actions import WHY_OFF, WebhookTestSent, WhyOff
from app.inboxes.base import Decision, Inbox, MaybeSent, Target, TryLater, Withheld
from app.inboxes.delivery import Delivery, DeliveryTarget
from app.projects.policy import Right, may
from app.projects.project import Project
from app.sealing import Unsealable
from app.webhooks.attempt import ANSWER_BYTES, Attempt, readable
from app.webhooks.endpoint import Endpoint, failed, secrets_of, succeeded, switch_off
from app.webhooks.queries import locked, test_receiver, wanting
from app.webhooks.signing import signed_headers

SECONDS = 10.0
"""For a whole exchange."""
LONGEST_PATIENCE = timedelta(hours=24)
"""Retry-After is honoured up to here."""
LONG = 1.0
"""Seconds. A failure that took longer costs the endpoint a rest of five times as long, so that an endpoint that hangs
does not keep the workers from everybody else."""
UNREADABLE = "its secret was kept under another SECRET_KEY: make a new one"
NO_ACCESS = "who made it may not see the project any more"


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


class NotTaken(Exception):
    """An endpoint that answered, and not with 2xx."""


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
            return Decision(False, "no webhook asked for it")
        return Decision(True, f"sent to {number} {'webhook' if number == 1 else 'webhooks'}")

    def plan(self) -> Sequence[Target]:
        body = self._body()
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
        return _judged(shipment, shipment.answer)

    @classmethod
    def sent(cls, target: Target, event_id: int, outcome: str) -> None:
        shipment: Shipment = target.message
        _log(shipment, event_id, None)
        if succeeded(locked(shipment.endpoint_id)):
            _wake_what_waits(target.name)

    @classmethod
    def missed(cls, target: Target, event_id: int, error: str) -> None:
        shipment: Shipment = target.message
        _log(shipment, event_id, error)
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
                test_receiver(action.endpoint_id)
                if isinstance(action, WebhookTestSent)
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

    def _body(self) -> bytes:
        """The message: the event, in the words of the API, and nothing that may be another the next time."""
        event, action = self.event, self.happening.action
        issue, project, actor = self.happening.issue, self.happening.project, self.happening.actor
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


def _judged(shipment: Shipment, answer: http.Answer) -> str:
    """What an answer means. Raises NotTaken, TryLater, Withheld."""
    status = answer.status
    if 200 <= status < 300:
        return f"answered {status}"
    if status == 410:
        shipment.gone = True
        raise Withheld("It answered 410 Gone: it wants nothing more. The webhook is off")
    if 300 <= status < 400:
        raise NotTaken(f"It answered {status}: redirects are not followed. Give the address it leads to")
    if status in (429, 503) and (asked := _patience(answer.headers.get("retry-after"))):
        shipment.patience = asked
        raise TryLater(f"It answered {status} and asked to wait {int(asked.total_seconds())} s", after=asked)
    raise NotTaken(f"It answered {status}{_meaning(status)}")


def _meaning(status: int) -> str:
    words = {
        400: ": it did not understand the message",
        401: ": it wants to know who asks, or did not accept the signature",
        403: ": it did not accept the signature, or lets nobody in",
        404: ": there is nothing at this address",
        405: ": it takes no POST",
        413: ": the message is too large for it",
        429: ": too many messages at once",
    }
    return words.get(status, ": it has a fault of its own" if status >= 500 else "")


def _patience(said: str | None) -> timedelta | None:
    """How long Retry-After asks to wait, as seconds or as a date; at most a day. None for what is neither."""
    if not said:
        return None
    if said.isascii() and said.isdigit():
        asked = timedelta(seconds=int(said[:9]))
    else:
        try:
            asked = parsedate_to_datetime(said) - clock.now()
        except (ValueError, TypeError):
            return None
    return min(asked, LONGEST_PATIENCE) if asked > timedelta() else None


def _log(shipment: Shipment, event_id: int, error: str | None) -> None:
    answer = shipment.answer
    headers = dict(shipment.headers or {})
    if signatures := headers.pop("webhook-signature", ""):
        headers["webhook-signature"] = f"v1, {len(signatures.split())} of them"
    db.session.add(
        Attempt(
            endpoint_id=shipment.endpoint_id,
            event_id=event_id,
            request_headers=headers,
            body_size=len(shipment.body),
            status=answer.status if answer else None,
            answer=readable(answer.body[:ANSWER_BYTES]) if answer else None,
            answer_size=len(answer.body) if answer else None,
            duration_ms=round(shipment.seconds * 1000),
            ok=error is None,
            error=error[:500] if error else None,
            created_at=clock.now(),
        )
    )


def _switch_off(endpoint: Endpoint, why: WhyOff) -> None:
    query = select(Project).where(Project.id == endpoint.project_id)
    switch_off(endpoint, db.session.scalars(query).one(), why=why)


def _wake_what_waits(name: str) -> None:
    """The endpoint answers again: what was put off meanwhile, and never tried, is due now."""
    now = clock.now()
    mine = (
        DeliveryTarget.target == name,
        DeliveryTarget.state == "pending",
        DeliveryTarget.next_attempt_at > now,
    )
    waiting = db.session.scalars(select(DeliveryTarget.delivery_id).where(*mine)).all()
    if not waiting:
        return
    db.session.execute(
        update(DeliveryTarget)
        .where(*mine)
        .values(next_attempt_at=None)
        .execution_options(synchronize_session=False)
    )
    db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_(waiting), Delivery.state.in_(("pending", "failed")))
        .values(next_attempt_at=now)
        .execution_options(synchronize_session=False)
    )


def _rfc3339(event: Event) -> str:
    return event.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
