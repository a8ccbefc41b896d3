"""Broadcast: from the committed event to every inbox.

1. Recording calls `add_deliveries` inside its transaction: a row per inbox that declares the action.
2. After the commit: a wake-up on the queue, and the issue's new number to the live pages (waking.py). Neither may fail
   the request.
3. `broadcast(queue)`, an RQ job, claims what is due and runs it, until nothing is due or its time is up.
4. The sweeper, a thread in every worker, finds each second what a crash or a lost Redis left behind. It, and not the
   wake-up, carries the promise. It starts the periodic work too.
"""

import logging
import random
import threading
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from flask import Flask
from redis import Redis
from sqlalchemy import insert
from sqlalchemy.exc import SQLAlchemyError

from app import broker, clock, periodic
from app.db import db, read_first, run
from app.events.recording import Recorded, subscribers
from app.inboxes import left_behind
from app.inboxes.base import Inbox
from app.inboxes.delivery import Delivery
from app.inboxes.due import queues_with_work
from app.inboxes.registry import inboxes_for, queues
from app.inboxes.runner import run_due
from app.inboxes.setting import switched_off
from app.inboxes.waking import PASSED_ON, answered, tell_afterwards, wake
from app.processes import taking_name
from app.worker import rq

log = logging.getLogger(__name__)

JOB_SECONDS = 20
"""A job gives its place up after this long and queues itself again, so that recycling and shutdown get a turn."""
OUTSIDE_SECONDS = 2
"""The same for what reaches outside: those queues share a worker, which takes them in turn, and a mail server that is
slow for hours is not to hold up the webhooks."""
SWEEP_SECONDS = 1.0
TURN_SECONDS = 30
"""Periodic work that nobody has begun after this long is asked for again."""


def add_deliveries(batch: Sequence[Recorded]) -> None:
    """Write a delivery for every inbox that declares the action, in the event's own transaction."""
    off = switched_off()
    taken = _take_imported([event for event in batch if event.imported], off)
    rows = [
        _delivery(event, inbox, off=inbox.name in off, taken=taken.get(inbox.name))
        for event in batch
        for inbox in inboxes_for(event.subject.value, event.action)
    ]
    if rows:
        run(_ADD, rows)
    moved = {f"issue:{event.issue_id}": event.seq for event in batch if event.issue_id and not event.imported}
    tell_afterwards(moved, {str(row["queue"]) for row in rows if row["state"] == "pending"})


_ADD = insert(Delivery.__table__)  # type: ignore[arg-type]


def _take_imported(events: Sequence[Recorded], off: set[str]) -> dict[str, str]:
    """Let the inboxes that take history take it now: name -> what became of it."""
    concerned: dict[type[Inbox], list[Recorded]] = {}
    for event in events:
        for inbox in inboxes_for(event.subject.value, event.action):
            if inbox.name not in off:
                concerned.setdefault(inbox, []).append(event)
    answers = {inbox.name: inbox.take_imported(theirs) for inbox, theirs in concerned.items()}
    return {name: words for name, words in answers.items() if words}


def _delivery(event: Recorded, inbox: type[Inbox], *, off: bool, taken: str | None) -> dict[str, object]:
    done = taken if event.imported else None
    skipped = None if done else "imported" if event.imported else "off" if off else None
    return {
        "event_id": event.id,
        "inbox": inbox.name,
        "queue": inbox.queue,
        "state": "delivered" if done else "skipped" if skipped else "pending",
        "reason": done or skipped,
        "attempts": 0,
        "created_at": event.created_at,
        "next_attempt_at": None if done or skipped else event.created_at,
        "finished_at": event.created_at if done or skipped else None,
    }


@rq.job(queue="events")
def broadcast(queue: str) -> None:
    """Deliver what is due on this queue. Twice is harmless: a delivery is claimed by one and marked once."""
    answered(queue)
    if not drain(queue, seconds=_seconds(queue)):
        wake(queue)
    if queue == "events":
        waiting = queues_with_work(PASSED_ON)
        db.session.rollback()
        if waiting:
            wake(*waiting)


def drain(queue: str, *, seconds: float) -> bool:
    """Run due deliveries of the queue until there are none (True) or the time is up (False)."""
    read_first()
    end = clock.monotonic() + seconds
    while run_due(queue, by=taking_name()):
        if clock.monotonic() > end:
            return False
    return True


def _seconds(queue: str) -> float:
    return JOB_SECONDS if queue == "events" else OUTSIDE_SECONDS


def sweep() -> list[str]:
    """Wake the queues that have due work, or do it here when Redis is away; returns their names."""
    read_first()
    due = queues_with_work(queues())
    turns = periodic.due()
    db.session.rollback()
    for queue in due:
        if not wake(queue):
            drain(queue, seconds=_seconds(queue))
    for name in turns:
        if not broker.call(partial(_enqueue_turn, name), False):
            periodic.run_turn(name)
    return due


def _enqueue_turn(name: str, client: Redis) -> bool:
    """Have the turn run as a job, once however many sweepers see it due."""
    if client.set(f"tidings:turn:{name}", 1, nx=True, ex=TURN_SECONDS):
        rq.get_queue("events").enqueue(run_periodic.func, name)
    return True


@rq.job(queue="events")
def run_periodic(name: str) -> None:
    """Run one turn of periodic work. Twice is harmless: the turn is claimed by one."""
    read_first()
    periodic.run_turn(name)
    broker.call(lambda redis: redis.delete(f"tidings:turn:{name}"), 0)


def start_sweeper(app: Flask) -> None:
    """Sweep each second in a thread of this worker, from before Redis answers until the process ends."""
    began = clock.now()
    threading.Thread(target=_sweep_forever, args=(app, began), name="sweeper", daemon=True).start()


def _sweep_forever(app: Flask, began: datetime) -> None:
    pause, freed = threading.Event(), False
    while not pause.wait(SWEEP_SECONDS * random.uniform(0.8, 1.2)):  # noqa: S311 - jitter, not a secret
        try:
            with app.app_context():
                if not freed:
                    left_behind.free(taking_name(), before=began)
                    freed = True
                sweep()
        except SQLAlchemyError:
            log.exception("The sweep failed; the next one is in a second")
        except Exception:  # the sweeper carries the promise: nothing may end it
            log.exception("The sweep failed in an unexpected way; the next one is in a second")


subscribers.append(add_deliveries)
rq.on_child_start(start_sweeper)
