"""A project connected with a repository on GitHub: what is exchanged, and how it goes."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import uuid_utils
from sqlalchemy import ForeignKey, Integer, String, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import clock
from app.db import Base, BigId, BigPk, Json, db
from app.errors import Conflict, Invalid
from app.events.event import Actor
from app.events.external_actions import (
    IntegrationChanged,
    IntegrationConnected,
    IntegrationDisconnected,
    IntegrationPaused,
    IntegrationResumed,
)
from app.events.recording import record_event
from app.projects.project import Project

SYNC = Actor("sync", ref="github")
"""Who makes the changes that came from GitHub."""
DIRECTIONS = {"both": "Both ways", "out": "Only from here to GitHub", "in": "Only from GitHub to here"}
CHOICES = {"all": "All issues", "label": "Issues with a label", "hand": "Those linked by hand"}
HOLD = timedelta(seconds=20)
"""Whoever exchanges has the connection to themselves for this long, unless they give it back earlier or hold on to it.

When a worker dies nobody can exchange for so long.
"""
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a lead says about the exchange. `names`: login on GitHub, in lower case, -> username here."""

    direction: str = "both"
    choice: str = "all"
    label: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


class SyncConnection(Base):
    """One project, one repository."""

    __tablename__ = "sync_connections"

    id: Mapped[BigPk]
    uid: Mapped[str] = mapped_column(String(36), unique=True)
    """Names the connection in the address GitHub calls."""
    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("projects.id"), unique=True)
    owner_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("users.id"))
    """Who connected it, and is told when it breaks."""
    repository: Mapped[str] = mapped_column(String(140))
    token: Mapped[str | None]
    """Sealed; None: the installation's token is used."""
    hint: Mapped[str] = mapped_column(String(4), default="")
    secret: Mapped[str]
    """Sealed: what GitHub signs its calls with."""
    direction: Mapped[str] = mapped_column(String(4))
    choice: Mapped[str] = mapped_column(String(5))
    label: Mapped[str] = mapped_column(String(50), default="")
    names: Mapped[dict[str, str]] = mapped_column(Json)
    paused: Mapped[str | None] = mapped_column(String(300))
    """Why nothing is exchanged for now."""
    busy_until: Mapped[datetime | None]
    """Somebody is exchanging now."""
    busy_by: Mapped[str | None] = mapped_column(String(80))
    """Who: so that the next child of a worker can give back what a dead one held."""
    free_at: Mapped[datetime | None]
    """Not to be called before: GitHub's limit is reached."""
    cursor: Mapped[datetime]
    """What changed there up to this moment is known here."""
    etag: Mapped[str | None] = mapped_column(String(200))
    failures: Mapped[int] = mapped_column(Integer, default=0)
    """In a row."""
    last_error: Mapped[str | None] = mapped_column(String(300))
    last_out_at: Mapped[datetime | None]
    last_in_at: Mapped[datetime | None]
    last_polled_at: Mapped[datetime | None]
    last_called_at: Mapped[datetime | None]
    """When GitHub last called us: while it does, polling is only a net."""
    created_at: Mapped[datetime]

    project: Mapped[Project] = relationship(lazy="raise_on_sql")

    @property
    def sends(self) -> bool:
        return self.direction in ("both", "out")

    @property
    def takes(self) -> bool:
        return self.direction in ("both", "in")


def connection_of(project_id: int) -> SyncConnection | None:
    """The project's connection."""
    return db.session.scalar(select(SyncConnection).where(SyncConnection.project_id == project_id))


def locked(connection_id: int) -> SyncConnection | None:
    """The connection, locked until the commit and read anew."""
    query = select(SyncConnection).where(SyncConnection.id == connection_id).with_for_update()
    return db.session.scalar(query.execution_options(populate_existing=True))


def connect(
    project: Project,
    *,
    repository: str,
    token: str | None,
    hint: str,
    secret: str,
    wishes: Wishes,
    history: bool,
    actor: Actor,
) -> SyncConnection:
    """Connect the project with a repository; `token` and `secret` are sealed. Raises Invalid and Conflict.

    `history`: what is there already comes in too, not only what changes from now on.
    """
    _check(wishes)
    if connection_of(project.id) is not None:
        raise Conflict("This project is connected already")
    moment = clock.now()
    connection = SyncConnection(
        uid=str(uuid_utils.uuid7()),
        project_id=project.id,
        owner_id=actor.user_id,
        repository=repository,
        token=token,
        hint=hint,
        secret=secret,
        direction=wishes.direction,
        choice=wishes.choice,
        label=wishes.label,
        names=dict(wishes.names),
        cursor=BEGINNING if history else moment.replace(microsecond=0),
        created_at=moment,
    )
    db.session.add(connection)
    record_event(project, IntegrationConnected(provider="github", scope=repository), actor=actor)
    return connection


def change(connection: SyncConnection, wishes: Wishes, *, token: str | None, hint: str, actor: Actor) -> None:
    """Exchange something else from now on, or with another token. Raises Invalid."""
    _check(wishes)
    changed = [
        words
        for name, words in (
            ("direction", "direction"),
            ("choice", "choice of issues"),
            ("label", "label"),
            ("names", "people"),
        )
        if getattr(connection, name) != getattr(wishes, name)
    ]
    connection.direction, connection.choice = wishes.direction, wishes.choice
    connection.label, connection.names = wishes.label, dict(wishes.names)
    if token is not None:
        connection.token, connection.hint = token, hint
        changed.append("token")
    if changed:
        action = IntegrationChanged(provider="github", scope=connection.repository, changed=tuple(changed))
        record_event(connection.project, action, actor=actor)


def recorded_change(connection: SyncConnection, what: str, *, actor: Actor) -> None:
    """Say that something of the connection was changed."""
    action = IntegrationChanged(provider="github", scope=connection.repository, changed=(what,))
    record_event(connection.project, action, actor=actor)


def pause(connection: SyncConnection, why: str | None, *, actor: Actor) -> None:
    """Exchange nothing until `resume`; what happens meanwhile is kept. Paused already: nothing is recorded."""
    if connection.paused is None:
        connection.paused = (why or "Paused by hand")[:300]
        action = IntegrationPaused(provider="github", scope=connection.repository, why=why)
        record_event(connection.project, action, actor=actor)


def resume(connection: SyncConnection, *, actor: Actor) -> None:
    """Go on, with what waited."""
    if connection.paused is not None:
        connection.paused = connection.last_error = connection.free_at = None
        connection.failures = 0
        action = IntegrationResumed(provider="github", scope=connection.repository)
        record_event(connection.project, action, actor=actor)


def recorded_end(connection: SyncConnection, *, actor: Actor) -> None:
    """Say that the connection has ended; what stood in its tables is the caller's."""
    action = IntegrationDisconnected(provider="github", scope=connection.repository)
    record_event(connection.project, action, actor=actor)


def new_secret() -> str:
    """What GitHub and we both know, and nobody else."""
    return secrets.token_hex(24)


def _check(wishes: Wishes) -> None:
    if wishes.direction not in DIRECTIONS:
        raise Invalid("Choose which way changes go", field="direction")
    if wishes.choice not in CHOICES:
        raise Invalid("Choose which issues are kept the same", field="choice")
    if wishes.choice == "label" and not wishes.label:
        raise Invalid("Say which label", field="label")
