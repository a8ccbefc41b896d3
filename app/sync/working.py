"""The work of the sync queue that no event of ours begins: what GitHub called us with, and asking it by ourselves.

Twice is harmless: one exchanges at a time, and what is no news changes nothing.
"""

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask import current_app
from redis import Redis
from sqlalchemy import or_, select

from app import broker, clock
from app.config import Settings
from app.context import caused_by
from app.db import begin_write, db, read_first
from app.errors import DomainError
from app.periodic import periodic
from app.sync import incoming
from app.sync.arrival import SyncArrival, finish, forget_old, next_arrival, try_again
from app.sync.connection import SyncConnection, locked
from app.sync.github import Failed, GitHub, Gone, Rejected
from app.sync.link import link_numbered
from app.sync.outgoing import let_go
from app.sync.payload import Garbage, read_comment, read_issue
from app.sync.turns import IsPaused, NotNow, turn, wake
from app.worker import rq

log = logging.getLogger(__name__)

AT_ONCE = 50
"""Calls worked off in one go."""
PAGES_AT_ONCE = 10
POLL = timedelta(minutes=1)
NET = timedelta(minutes=10)
"""While GitHub calls us, asking is only a net."""


@rq.job(queue="sync")
def work_off(connection_id: int) -> None:
    """Take in what GitHub called us with."""
    read_first()
    for _ in range(AT_ONCE):
        if not _work_off_one(connection_id):
            return
    wake(connection_id)


@rq.job(queue="sync")
def poll(connection_id: int) -> None:
    """Ask GitHub what is new."""
    read_first()
    settings = _settings()
    try:
        with turn(connection_id, settings) as (connection, hub), caused_by(via="job"):
            _poll(connection, hub, settings.base_url)
    except (NotNow, IsPaused):
        return
    except Failed as failure:
        log.info("Asking GitHub for connection %s failed: %s", connection_id, failure)


@periodic("sync_arrivals", every=timedelta(seconds=15))
def work_off_all() -> None:
    """Find what a lost wake-up left behind."""
    query = select(SyncArrival.connection_id).where(SyncArrival.next_attempt_at <= clock.now()).distinct()
    for connection_id in db.session.scalars(query).all():
        _have_done(work_off.func, connection_id)


@periodic("sync_poll", every=POLL)
def poll_all() -> None:
    """Ask for every connection that takes changes in, the ones GitHub calls less often."""
    now = clock.now()
    query = select(SyncConnection.id).where(
        SyncConnection.paused.is_(None),
        SyncConnection.direction != "out",
        or_(SyncConnection.last_polled_at.is_(None), SyncConnection.last_polled_at <= now - POLL / 2),
        or_(
            SyncConnection.last_called_at.is_(None),
            SyncConnection.last_called_at <= now - NET,
            SyncConnection.last_polled_at.is_(None),
            SyncConnection.last_polled_at <= now - NET,
        ),
    )
    for connection_id in db.session.scalars(query).all():
        _have_done(poll.func, connection_id)


@periodic("sync_forget", every=timedelta(hours=6))
def forget() -> None:
    """Old calls are not kept."""
    begin_write()
    forget_old()
    db.session.commit()


def _have_done(work: Any, connection_id: int) -> None:
    """As a job of the sync queue, or here when Redis is away."""

    def enqueue(client: Redis) -> bool:
        name = f"tidings:sync:{work.__name__}:{connection_id}"
        if client.set(name, 1, nx=True, ex=30):
            rq.get_queue("sync").enqueue(work, connection_id)
        return True

    if not broker.call(enqueue, False):
        work(connection_id)


def _work_off_one(connection_id: int) -> bool:
    """Take in the oldest call; False when there is none, or it is not the time."""
    settings = _settings()
    arrival = next_arrival(connection_id)
    if arrival is None:
        return False
    arrival_id, kind, body = arrival.id, arrival.kind, arrival.body
    write_down: Callable[[str], None] = partial(finish, arrival_id)
    try:
        with turn(connection_id, settings) as (connection, hub), caused_by(via="job"):
            said = _take_in(connection, hub, kind, body, settings.base_url)
    except (NotNow, IsPaused):
        return False
    except Garbage as garbage:
        write_down, said = partial(finish, arrival_id, state="failed"), str(garbage)
    except (Gone, Rejected, Failed, DomainError) as error:
        write_down, said = partial(try_again, arrival_id), str(error)
    db.session.rollback()
    begin_write()
    write_down(said)
    db.session.commit()
    return True


def _take_in(connection: SyncConnection, hub: GitHub, kind: str, body: str, base_url: str) -> str:
    try:
        said = json.loads(body)
        action, who = str(said["action"]), str(said["sender"]["login"])[:100]
        told = said["issue"] if kind == "issues" else said["comment"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Garbage("Not what GitHub sends") from error
    if kind == "issues":
        issue = read_issue(told)
        if action in ("deleted", "transferred"):
            link = link_numbered(connection, issue.number)
            return let_go(connection, link.id, f"It was {action} on GitHub") if link else "it was not linked"
        return incoming.hear_issue(connection, issue, hub, who=who, base_url=base_url)
    comment = read_comment(told)
    if action == "deleted":
        return incoming.hear_comment_gone(connection, comment)
    if link_numbered(connection, comment.number) is None:
        incoming.hear_issue(connection, read_issue(said["issue"]), hub, who=who, base_url=base_url)
    return incoming.hear_comment(connection, comment, hub, who=who)


def _poll(connection: SyncConnection, hub: GitHub, base_url: str) -> None:
    """What changed since the cursor, the oldest first; where it got stuck it goes on next time."""
    start = connection.cursor
    page = hub.issues_since(start, etag=connection.etag)
    etag, seen, more = page.etag, start, False
    if not page.same:
        for number in range(PAGES_AT_ONCE):
            for item in page.items:
                seen = max(seen, _hear(connection, hub, item, base_url) or seen)
            following = hub.next_page(page)
            if following is None:
                break
            page, more = following, number == PAGES_AT_ONCE - 1
    _poll_comments(connection, hub, start, until=seen if more else None)
    _note_polled(connection, seen, None if more or seen > start else etag)


def _hear(connection: SyncConnection, hub: GitHub, item: object, base_url: str) -> datetime | None:
    """One issue of a list; one that cannot be taken in does not keep the others out."""
    try:
        issue = read_issue(item)
    except Garbage as garbage:
        log.warning("GitHub said of an issue of %s: %s", connection.repository, garbage)
        return None
    try:
        incoming.hear_issue(connection, issue, hub, who=None, base_url=base_url)
    except (Gone, Rejected, DomainError) as error:
        db.session.rollback()
        log.warning("Issue %s of %s could not be taken in: %s", issue.number, connection.repository, error)
    return issue.updated_at


def _poll_comments(
    connection: SyncConnection, hub: GitHub, since: datetime, *, until: datetime | None
) -> None:
    page = hub.comments_since(since)
    for _ in range(PAGES_AT_ONCE * 4):
        for item in page.items:
            try:
                comment = read_comment(item)
            except Garbage as garbage:
                log.warning("GitHub said of a comment of %s: %s", connection.repository, garbage)
                continue
            if until is not None and comment.updated_at > until:
                return
            incoming.hear_comment(connection, comment, hub, who=comment.author)
        following = hub.next_page(page)
        if following is None:
            return
        page = following


def _note_polled(connection: SyncConnection, seen: datetime, etag: str | None) -> None:
    begin_write()
    same = locked(connection.id)
    if same is not None:
        same.cursor, same.etag, same.last_polled_at = seen, etag, clock.now()
    db.session.commit()


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
