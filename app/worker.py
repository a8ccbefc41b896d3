"""`rq`: Flask-RQ with our queues, our serializer and our worker behind its own commands."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast
from weakref import WeakKeyDictionary

import click
import redis
from flask import Flask
from flask_rq import RQ
from flask_rq._job_class import FlaskJob
from rq import Queue
from rq.cron import CronJob, CronScheduler
from rq.job import Job
from rq.serializers import JSONSerializer

from app import broker
from app.db import db
from app.migrating import mismatch_if_known
from app.prefork import PreforkWorker

QUEUES = ("events", "mail", "webhooks", "sync")
NEXT_CHILD = "/"
JOB_TIMEOUT_SECONDS = 300
FAILURE_SECONDS = 24 * 3600
"""How long RQ keeps a failed job. What failed for good stays in the deliveries, not here."""


class TidingsQueue(Queue):
    """A queue whose jobs are JSON, end within five minutes and leave no result behind.

    JSON because with pickle whoever can write to Redis runs code in the worker.
    """

    DEFAULT_TIMEOUT = JOB_TIMEOUT_SECONDS

    def __init__(self, name: str, connection: redis.Redis, **options: Any) -> None:
        options["serializer"] = JSONSerializer
        options["job_class"] = FlaskJob
        super().__init__(name, connection, **options)

    def create_job(self, *args: Any, **options: Any) -> Job:
        if options.get("depends_on"):
            raise ValueError(
                "A job of these queues depends on no other: what follows from it belongs in the deliveries"
            )
        if options.get("result_ttl") is None:
            options["result_ttl"] = 0
        if options.get("failure_ttl") is None:
            options["failure_ttl"] = FAILURE_SECONDS
        return super().create_job(*args, **options)


class TidingsRQ(RQ):
    """Flask-RQ whose enqueuing gives up after 0.2 s and whose `flask rq worker` keeps the app loaded."""

    _queues: WeakKeyDictionary[Any, dict[str, Queue]]

    def __init__(self) -> None:
        super().__init__()
        self.child_starters: list[Callable[[Flask], None]] = []

    def init_app(self, app: Flask) -> None:
        super().init_app(app)
        connection = broker.connect(app.config["RQ_CONNECTION"])
        self._queues[app] = {
            name: TidingsQueue(name, connection) for name in app.config.get("RQ_QUEUES", QUEUES)
        }

    def on_child_start(self, call: Callable[[Flask], None]) -> Callable[[Flask], None]:
        """Run `call(app)` once in each worker child, after the fork and before Redis is asked for anything.

        What needs to work while Redis is away starts here: the sweeper's thread. No app context is pushed.
        """
        self.child_starters.append(call)
        return call

    # rq's own worker talks to Redis when it is made; ours starts without, so it is none of rq's classes.
    def make_worker(  # type: ignore[override]
        self, queues: list[str] | tuple[str, ...] | None = None, **options: Any
    ) -> PreforkWorker:
        """The worker behind `flask rq worker [QUEUE...] [/ QUEUE...]`: one child, and one more after each stroke, each
        with its queues. Without names a child watches every queue. Raises ClickException for a queue nobody knows.
        """
        app = cast("Flask", self._get_current_app())
        places = [self._known(names) for names in _parts(queues or [])]
        if len(places) > 1 and options.get("name"):
            raise click.ClickException("One name cannot be that of several children: leave --name away")
        _fits(app)
        return PreforkWorker(app, places, queue_class=TidingsQueue, on_start=self.child_starters, **options)

    def _known(self, names: Sequence[str]) -> list[str]:
        queues = self.queues
        for name in names:
            if name not in queues:
                raise click.ClickException(f"No queue is called {name}. There are: {', '.join(queues)}")
        return list(names or queues)

    def make_cron_scheduler(self) -> CronScheduler:
        """Flask-RQ's scheduler, enqueuing through our queues (its own way is pickle)."""
        scheduler = super().make_cron_scheduler()
        for job in scheduler.get_jobs():
            job.enqueue = partial(_enqueue_cron_job, job)  # type: ignore[method-assign]
        return scheduler


def _parts(names: Sequence[str]) -> list[list[str]]:
    """The names between the strokes."""
    parts: list[list[str]] = [[]]
    for name in names:
        if name == NEXT_CHILD:
            parts.append([])
        else:
            parts[-1].append(name)
    return parts


def _fits(app: Flask) -> None:
    """Raises ClickException with a sentence when the tables are those of another release."""
    if "sqlalchemy" not in app.extensions:
        return
    words = mismatch_if_known()
    db.engine.dispose()  # no connection may be shared with the children
    if words:
        raise click.ClickException(f"The worker cannot start: {words}")


def _enqueue_cron_job(job: CronJob, connection: redis.Redis) -> Job:
    options = {name: value for name, value in job.job_options.items() if name != "result_ttl"}
    queue = TidingsQueue(job.queue_name, connection)
    return queue.enqueue(job.func_name, args=job.args, kwargs=job.kwargs, **options)


rq = TidingsRQ()
