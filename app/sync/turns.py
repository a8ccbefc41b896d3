"""Whose turn it is to exchange over a connection: one at a time, and not while GitHub wants to be left alone.

So an answer is written down before anything that follows from it arrives, and what we did does not come back to us as
somebody else's change.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from redis import Redis
from sqlalchemy import select

from app import broker, clock
from app.config import Settings
from app.db import after_commit, begin_write, db
from app.events.event import SYSTEM
from app.processes import taking_name
from app.projects.project import Project
from app.sealing import Unsealable, unseal
from app.sync import github
from app.sync.arrival import SyncArrival
from app.sync.connection import HOLD, SyncConnection, locked, pause
from app.worker import rq

log = logging.getLogger(__name__)

SOON = timedelta(seconds=1)
REQUEST = timedelta(seconds=12)
"""Longer than a request to GitHub may take."""
LONGEST_REST = timedelta(minutes=10)
WORK = "app.sync.working.work_off"


class NotNow(Exception):
    """The connection is not to be used at this moment; `after` says for how long."""

    def __init__(self, words: str, after: timedelta) -> None:
        super().__init__(words)
        self.after = after


class IsPaused(Exception):
    """Nothing is exchanged; the text says why."""


@contextmanager
def turn(connection_id: int, settings: Settings) -> Iterator[tuple[SyncConnection, github.GitHub]]:
    """Have the connection to oneself. Raises NotNow and IsPaused, before and for what GitHub says inside.

    `Gone`, `Rejected`, `Garbage` and `Failed` pass through: they concern what is exchanged, not the connection.
    Before each request the connection is held on to, so that long work keeps it and a death frees it soon.
    """
    connection = _take(connection_id)
    hold = _Hold(connection_id, connection.busy_until)
    try:
        yield connection, _client(connection, settings, hold)
    except github.Limited as limit:
        _give_back(hold, error=str(limit), rest=limit.after)
        raise NotNow(str(limit), limit.after) from limit
    except (github.Refused, Unsealable) as refusal:
        _give_back(hold, error=str(refusal), pause_for=str(refusal))
        raise IsPaused(str(refusal)) from refusal
    except github.Failed as failure:
        _give_back(hold, error=str(failure))
        raise
    except Exception:
        _give_back(hold)
        raise
    else:
        _give_back(hold, worked=True)


def _take(connection_id: int) -> SyncConnection:
    begin_write()
    connection = locked(connection_id)
    now = clock.now()
    try:
        if connection is None:
            raise IsPaused("The project is not connected any more")
        if connection.paused is not None:
            raise IsPaused(connection.paused)
        if connection.busy_until is not None and connection.busy_until > now:
            raise NotNow("something else is being exchanged with GitHub", SOON)
        if connection.free_at is not None and connection.free_at > now:
            raise NotNow(connection.last_error or "GitHub wants to be left alone", connection.free_at - now)
    except Exception:
        db.session.rollback()
        raise
    connection.busy_until, connection.busy_by = now + HOLD, taking_name()
    db.session.commit()
    return connection


@dataclass
class _Hold:
    """That the connection is ours until then, and nobody else's."""

    connection_id: int
    until: datetime | None

    def renew(self) -> None:
        """Hold on for another while, unless there is enough left for a request. Raises NotNow when it was lost."""
        now = clock.now()
        if self.until is not None and self.until - now > REQUEST:
            return
        begin_write()
        connection = locked(self.connection_id)
        if connection is None or connection.busy_until != self.until:
            db.session.rollback()
            raise NotNow("it took too long, and something else is being exchanged with GitHub", SOON)
        self.until = connection.busy_until = now + HOLD
        db.session.commit()


def _give_back(
    hold: _Hold,
    *,
    worked: bool = False,
    error: str | None = None,
    rest: timedelta | None = None,
    pause_for: str | None = None,
) -> None:
    """The exchange is over. After failures in a row the connection rests, each time twice as long."""
    connection_id = hold.connection_id
    db.session.rollback()
    begin_write()
    if pause_for is not None:
        _hold_project(connection_id)
    connection = locked(connection_id)
    if connection is None:
        db.session.rollback()
        return
    if connection.busy_until == hold.until:
        connection.busy_until = None
    if worked:
        connection.failures, connection.last_error, connection.free_at = 0, None, None
    if error is not None:
        connection.last_error = error[:300]
        connection.failures += 1
        connection.free_at = clock.now() + (
            rest or min(SOON * 2 ** min(connection.failures, 10), LONGEST_REST)
        )
    if pause_for is not None:
        connection.free_at = None
        pause(connection, pause_for, actor=SYSTEM)
    if rest is None and pause_for is None and _anything_arrived(connection_id):
        after_commit(f"arrived:{connection_id}", lambda: wake(connection_id))
    db.session.commit()


def wake(connection_id: int) -> None:
    """Have what arrived worked off; without Redis the next turn of the sweeper does it."""

    def enqueue(_client: Redis) -> bool:
        rq.get_queue("sync").enqueue(WORK, connection_id)
        return True

    broker.call(enqueue, False)


def _hold_project(connection_id: int) -> None:
    """The project's row first: an event about it follows."""
    query = select(Project).join(SyncConnection, SyncConnection.project_id == Project.id)
    query = query.where(SyncConnection.id == connection_id).with_for_update(of=Project)
    db.session.scalar(query.execution_options(populate_existing=True))


def _anything_arrived(connection_id: int) -> bool:
    query = select(SyncArrival.id).where(
        SyncArrival.connection_id == connection_id, SyncArrival.next_attempt_at <= clock.now()
    )
    return db.session.scalar(query.limit(1)) is not None


def _client(connection: SyncConnection, settings: Settings, hold: _Hold) -> github.GitHub:
    return github.GitHub(
        api=settings.github_api_url,
        repository=connection.repository,
        token=token_of(connection, settings),
        allowed=allowed(settings),
        before=hold.renew,
    )


def token_of(connection: SyncConnection, settings: Settings) -> str:
    """The token to call with. Raises Unsealable and Refused."""
    if connection.token is not None:
        return unseal(connection.token)
    if settings.github_token is None:
        raise github.Refused("GITHUB_TOKEN is not set any more, and this connection has no token of its own")
    return settings.github_token


def allowed(settings: Settings) -> tuple[str, ...]:
    """What may be reached: GITHUB_API_URL was named by whoever runs the installation."""
    host = settings.github_api_url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    name = host if host.startswith("[") else host.partition(":")[0]
    return (*settings.allowed_outgoing, name.strip("[]"))
