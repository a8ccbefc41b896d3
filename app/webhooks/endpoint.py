"""An endpoint: an address that is told about the events of a project, and what can be done with it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import ForeignKey, Index, String, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.accounts.user import User
from app.db import Base, BigId, BigPk, Json, db
from app.errors import Conflict, Invalid
from app.events.action import Family, Subject
from app.events.actions import ACTIONS
from app.events.event import SYSTEM, Actor
from app.events.recording import record_event
from app.events.rule_actions import WebhookCalled
from app.events.webhook_actions import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDisabled,
    WebhookEnabled,
    WebhookSecretRotated,
    WebhookTestSent,
    WhyOff,
)
from app.projects.project import Project
from app.sealing import seal, unseal
from app.webhooks.signing import new_secret

MOST = 20
"""Endpoints of a project."""
OLD_SECRET_SIGNS_FOR = timedelta(hours=24)
GIVES_UP_AFTER = timedelta(days=5)
"""Nothing but failures for this long switches an endpoint off."""
EVERYTHING = "*"

FOR_ONE = (WebhookTestSent, WebhookCalled)
"""What goes to the endpoint it names, whatever that asked for, and to no other."""


class Endpoint(Base):
    """An address with what it wants to be told. `failing_since`: nothing but failures from then on."""

    __tablename__ = "webhook_endpoints"

    id: Mapped[BigPk]
    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("projects.id"))
    maker_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"))
    """Sees with whose eyes: it is told what its maker may see."""
    url: Mapped[str] = mapped_column(String(2_000))
    actions: Mapped[list[str]] = mapped_column(Json)
    """Names of actions and families, or "*"."""
    enabled: Mapped[bool]
    why_off: Mapped[str | None] = mapped_column(String(10))
    secret: Mapped[str] = mapped_column(String(300))
    """Sealed, as the older one is."""
    secret_hint: Mapped[str] = mapped_column(String(8))
    old_secret: Mapped[str | None] = mapped_column(String(300))
    old_secret_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    """In a row."""
    failing_since: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(500))
    last_success_at: Mapped[datetime | None]
    rests_until: Mapped[datetime | None]
    """Not asked before then: it said so, or it took long to fail."""

    __table_args__ = (
        Index(
            "ix_webhook_endpoints_project",
            "project_id",
            "id",
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def state(self) -> str:
        """on, failing or off."""
        if not self.enabled:
            return "off"
        return "failing" if self.failures else "on"

    def wants(self, action: str, family: str) -> bool:
        """Whether it is told about such an event."""
        return EVERYTHING in self.actions or action in self.actions or family in self.actions


def choices() -> dict[str, dict[str, str]]:
    """What can be subscribed to: family -> name of the action -> what it says about itself."""
    found: dict[str, dict[str, str]] = {family.value: {} for family in Family}
    for (subject, name), kind in ACTIONS.items():
        if subject != Subject.user and kind not in FOR_ONE:
            found[kind.family.value].setdefault(name, (kind.__doc__ or "").splitlines()[0])
    return {family: names for family, names in found.items() if names}


def create_endpoint(
    project: Project, *, url: str, actions: Sequence[str], maker: User, actor: Actor
) -> tuple[Endpoint, str]:
    """A new endpoint and its secret, to be shown once. The address was checked before. Raises Invalid, Conflict."""
    mine = select(func.count()).where(Endpoint.project_id == project.id, Endpoint.deleted_at.is_(None))
    if (db.session.scalar(mine) or 0) >= MOST:
        raise Conflict(f"A project can have {MOST} webhooks")
    secret = new_secret()
    endpoint = Endpoint(
        project_id=project.id,
        maker_id=maker.id,
        url=url,
        actions=clean_actions(actions),
        enabled=True,
        secret=seal(secret),
        secret_hint=secret[-4:],
        created_at=clock.now(),
        failures=0,
    )
    db.session.add(endpoint)
    db.session.flush()
    fact = WebhookCreated(endpoint_id=endpoint.id, host=endpoint.host, actions=endpoint.actions)
    record_event(project, fact, actor=actor)
    return endpoint, secret


def change_endpoint(
    endpoint: Endpoint, project: Project, *, url: str, actions: Sequence[str], actor: Actor
) -> None:
    """Give it another address or other actions. A new address starts with a clean record. Raises Invalid."""
    wanted = clean_actions(actions)
    moved = url != endpoint.url
    if not moved and wanted == endpoint.actions:
        return
    endpoint.url, endpoint.actions = url, wanted
    if moved:
        _forget_failures(endpoint)
    fact = WebhookChanged(endpoint_id=endpoint.id, host=endpoint.host, actions=wanted, address_changed=moved)
    record_event(project, fact, actor=actor)


def switch_on(endpoint: Endpoint, project: Project, *, maker: User, actor: Actor) -> None:
    """Send again from now on; what was held meanwhile stays held until somebody sends it.

    Who switches it on answers for it: from now on it is told what they may see.
    """
    if endpoint.enabled:
        return
    endpoint.enabled, endpoint.why_off, endpoint.maker_id = True, None, maker.id
    _forget_failures(endpoint)
    record_event(project, WebhookEnabled(endpoint_id=endpoint.id, host=endpoint.host), actor=actor)


def switch_off(
    endpoint: Endpoint, project: Project, *, why: WhyOff = "by_hand", actor: Actor = SYSTEM
) -> None:
    """Send nothing from now on; what happens meanwhile is held and can be sent later."""
    if not endpoint.enabled:
        return
    endpoint.enabled, endpoint.why_off = False, why
    fact = WebhookDisabled(endpoint_id=endpoint.id, host=endpoint.host, why=why)
    record_event(project, fact, actor=actor)


def delete_endpoint(endpoint: Endpoint, project: Project, *, actor: Actor) -> None:
    """Remove it for good. Its row stays for the log, without its secrets and its address."""
    host = endpoint.host
    endpoint.deleted_at, endpoint.enabled, endpoint.why_off = clock.now(), False, "by_hand"
    endpoint.secret, endpoint.old_secret, endpoint.old_secret_until = "", None, None
    endpoint.url = f"https://{host}"
    record_event(project, WebhookDeleted(endpoint_id=endpoint.id, host=host), actor=actor)


def rotate_secret(endpoint: Endpoint, project: Project, *, actor: Actor) -> str:
    """A new secret, to be shown once; the one until now signs along for a day."""
    secret = new_secret()
    endpoint.old_secret, endpoint.old_secret_until = endpoint.secret, clock.now() + OLD_SECRET_SIGNS_FOR
    endpoint.secret, endpoint.secret_hint = seal(secret), secret[-4:]
    record_event(project, WebhookSecretRotated(endpoint_id=endpoint.id, host=endpoint.host), actor=actor)
    return secret


def send_test(endpoint: Endpoint, project: Project, *, actor: Actor) -> None:
    """Record a test event, which goes to this endpoint alone. Raises Conflict while it is off."""
    if not endpoint.enabled:
        raise Conflict("This webhook is off; switch it on first")
    record_event(project, WebhookTestSent(endpoint_id=endpoint.id, host=endpoint.host), actor=actor)


def secrets_of(endpoint: Endpoint) -> list[str]:
    """The secrets that sign now, the newest first. Raises Unsealable."""
    found = [unseal(endpoint.secret)]
    if endpoint.old_secret and endpoint.old_secret_until and endpoint.old_secret_until > clock.now():
        found.append(unseal(endpoint.old_secret))
    return found


def succeeded(endpoint: Endpoint) -> bool:
    """Write down that it took a message; whether it was failing before."""
    was_failing = endpoint.failures > 0
    _forget_failures(endpoint)
    endpoint.last_success_at = clock.now()
    return was_failing


def failed(endpoint: Endpoint, error: str, *, rest: timedelta) -> bool:
    """Write down that it did not take a message; whether it has failed for so long that it is to be switched off."""
    now = clock.now()
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    endpoint.last_error = error[:500]
    if rest:
        endpoint.rests_until = now + rest
    return now - endpoint.failing_since >= GIVES_UP_AFTER


def clean_actions(actions: Sequence[str]) -> list[str]:
    """What was chosen, each once. Raises Invalid for nothing and for what does not exist."""
    known = {name for family, names in choices().items() for name in (family, *names)} | {EVERYTHING}
    for one in actions:
        if one not in known:
            raise Invalid(f"There is no action and no family {one[:40]!r}", field="actions")
    if not actions:
        raise Invalid("Choose what it is told about", field="actions")
    return [EVERYTHING] if EVERYTHING in actions else sorted(set(actions))


def _forget_failures(endpoint: Endpoint) -> None:
    endpoint.failures, endpoint.failing_since = 0, None
    endpoint.last_error = endpoint.rests_until = None
