"""The channel a project tells its news to, and the one turn at a time it is called in.

The address is a secret (whoever has it can write there): it is kept sealed, and pages show its last four characters.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.db import Base, BigId, BigPk, Json, db
from app.errors import Invalid
from app.events.action import Family
from app.events.event import Actor
from app.events.external_actions import IntegrationChanged, IntegrationConnected, IntegrationDisconnected
from app.events.recording import record_event
from app.projects.project import Project

INSTANCE = "instance"
"""The name of the channel of the whole installation."""
FAMILIES: dict[Family, str] = {
    Family.content: "Issues opened and rewritten",
    Family.status: "Status: started, resolved, closed, reopened",
    Family.discussion: "Comments",
    Family.people: "Who has it, who joined the project",
    Family.planning: "Labels and priority",
    Family.external: "GitHub and other places outside",
    Family.project: "The project itself",
}
"""What a channel may be told about."""
USUAL: tuple[str, ...] = (Family.content.value, Family.status.value, Family.discussion.value)
HOLD = timedelta(seconds=20)
"""Somebody who calls has the channel to themselves for this long, unless they give it back earlier."""
PACE = timedelta(seconds=1)
"""Slack takes about one message a second in a channel."""
TITLE_MAX = 60


class SlackChannel(Base):
    """Where news go: one row for each project that has its own channel, one for the installation's."""

    __tablename__ = "slack_channels"

    id: Mapped[BigPk]
    name: Mapped[str] = mapped_column(String(40), unique=True)
    """`project:12` or `instance`."""
    project_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("projects.id"), unique=True)
    title: Mapped[str] = mapped_column(String(TITLE_MAX), default="")
    address: Mapped[str | None]
    """Sealed; None for the installation's, whose address is a setting."""
    hint: Mapped[str] = mapped_column(String(4), default="")
    families: Mapped[list[str]] = mapped_column(Json)
    created_at: Mapped[datetime]
    busy_until: Mapped[datetime | None]
    """Somebody is calling now."""
    busy_by: Mapped[str | None] = mapped_column(String(80))
    """Who: so that the next child of a worker can give back what a dead one held."""
    free_at: Mapped[datetime | None]
    """Not to be called before: Slack asked for patience, or a message has just been sent."""
    last_sent_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(300))
    broken: Mapped[str | None] = mapped_column(String(300))
    """Why it is not called any more until somebody gives a new address."""


def channel_of(project: Project) -> SlackChannel | None:
    """The project's own channel."""
    return db.session.scalar(select(SlackChannel).where(SlackChannel.project_id == project.id))


def instance_channel() -> SlackChannel | None:
    """The installation's channel, as far as it was used."""
    return db.session.scalar(select(SlackChannel).where(SlackChannel.name == INSTANCE))


def connected_channels() -> Sequence[tuple[SlackChannel, Project]]:
    """The channels of projects, by the project's name: for administrators."""
    query = (
        select(SlackChannel, Project)
        .join(Project, Project.id == SlackChannel.project_id)
        .order_by(func.lower(Project.name))
    )
    return [(channel, project) for channel, project in db.session.execute(query)]  # noqa: C416 - as types


def connect(
    project: Project,
    *,
    sealed: str | None,
    hint: str,
    title: str,
    families: Sequence[str],
    actor: Actor,
) -> SlackChannel:
    """Give the project a channel, or change it; without a new address the old one stays. Raises Invalid."""
    wanted = [family.value for family in FAMILIES if family.value in families]
    if not wanted:
        raise Invalid("Choose at least one kind of news", field="families")
    channel = channel_of(project)
    if channel is None:
        if sealed is None:
            raise Invalid("Give the address that Slack made for the channel", field="address")
        channel = SlackChannel(
            name=f"project:{project.id}",
            project_id=project.id,
            title=title,
            address=sealed,
            hint=hint,
            families=wanted,
            created_at=clock.now(),
        )
        db.session.add(channel)
        record_event(project, IntegrationConnected(provider="slack", scope=title), actor=actor)
        return channel
    changed = tuple(_change(channel, sealed=sealed, hint=hint, title=title, families=wanted))
    if changed:
        action = IntegrationChanged(provider="slack", scope=title, changed=changed)
        record_event(project, action, actor=actor)
    return channel


def _change(
    channel: SlackChannel, *, sealed: str | None, hint: str, title: str, families: list[str]
) -> list[str]:
    changed = []
    if sealed is not None:
        channel.address, channel.hint = sealed, hint
        channel.broken = channel.last_error = channel.free_at = None
        changed.append("address")
    if title != channel.title:
        channel.title = title
        changed.append("name")
    if families != channel.families:
        channel.families = families
        changed.append("kinds of news")
    return changed


def disconnect(project: Project, *, actor: Actor) -> None:
    """Take the project's channel away; without one nothing happens."""
    channel = channel_of(project)
    if channel is not None:
        db.session.delete(channel)
        record_event(project, IntegrationDisconnected(provider="slack", scope=channel.title), actor=actor)


def locked(name: str) -> SlackChannel | None:
    """The channel, locked until the commit; that of the installation is made when it is first asked for."""
    query = select(SlackChannel).where(SlackChannel.name == name).with_for_update()
    channel = db.session.scalar(query.execution_options(populate_existing=True))
    if channel is None and name == INSTANCE:
        channel = SlackChannel(name=INSTANCE, families=list(USUAL), created_at=clock.now())
        db.session.add(channel)
        db.session.flush()
    return channel


def give_back(
    name: str, *, wait: timedelta = PACE, error: str | None = None, broken: bool = False, sent: bool = False
) -> None:
    """The call is over: when the next one may be made, and how this one ended."""
    channel = locked(name)
    if channel is None:
        return
    moment = clock.now()
    channel.busy_until = None
    channel.free_at = moment + wait
    channel.last_error = error[:300] if error else None
    if broken:
        channel.broken = channel.last_error
    if sent:
        channel.last_sent_at, channel.broken = moment, None
