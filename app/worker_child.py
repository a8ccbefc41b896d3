"""What a forked worker process does: start what needs no Redis, then run jobs whenever there is a Redis."""

import logging
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from flask import Flask
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq.worker import DequeueStrategy

from app import broker, processes
from app.db import db
from app.lean_worker import GRACE_SECONDS, LONGEST_WAIT_SECONDS, LeanSimpleWorker, Pulse

log = logging.getLogger(__name__)

RECYCLE_JOBS = 2000
WORKER_TTL_SECONDS = 60
RECYCLE = 75
"""Exit status of a child that asks to be replaced at once."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):  # noqa: N818
    """A signal asked this child to end while it was waiting. No `except Exception` on the way may keep it."""


@dataclass(frozen=True)
class Child:
    """What one forked process does: start what needs no Redis, then work whenever there is a Redis."""

    app: Flask
    queues: Sequence[str]
    name: str
    """In whose name it takes things for a while, like those that worked in its place before it."""
    pulse: Pulse
    on_start: Sequence[Callable[[Flask], None]]
    options: dict[str, Any]
    """What rq's worker is made with."""
    limits: dict[str, Any]
    """What rq's worker is told to do: burst, max_jobs, max_idle_time, with_scheduler."""

    @property
    def is_limited(self) -> bool:
        """Whether there is an end to its work; if not, who ends is replaced."""
        wanted = self.limits
        return bool(wanted["burst"] or wanted["max_jobs"]) or wanted["max_idle_time"] is not None

    def run(self) -> int:
        """Work until told to stop, until the queues are empty in a burst, or until it is time to be
        replaced."""
        processes.take_as(self.name)
        processes.call_this_process(f"rq:{self.queues[0]}")
        try:
            _raise_when_stopped()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)  # held back over the fork
            leave_the_parents_connections(self.app)
            for start in self.on_start:
                start(self.app)
            while True:
                connection = self._reach_redis()
                worker = self._make_worker(connection)
                self._work(worker)
                if worker.was_told_to_stop:
                    return 0
                if worker.done >= RECYCLE_JOBS or worker.is_worn:
                    return RECYCLE
                if self.limits["burst"] or self._is_spent(worker):
                    return 0
                _raise_when_stopped()
                time.sleep(1.0)
        except Stopped:
            return 0

    def _reach_redis(self) -> redis.Redis:
        """A connection of this child's own to a Redis that answers, however long that takes.

        Its timeout is longer than rq's wait for a job; the client's own default would end that wait each 5 s.
        """
        url = self.app.config["RQ_CONNECTION"]
        wait = 0.1
        while True:
            self.pulse.promise(GRACE_SECONDS)
            try:
                with broker.connect(url) as probe:
                    probe.ping()
            except redis.RedisError as error:
                log.warning("No Redis (%s), trying again in %.1f s", error, wait)
                time.sleep(wait)
                wait = min(LONGEST_WAIT_SECONDS, wait * 2)
            else:
                return redis.Redis.from_url(
                    url,
                    socket_timeout=WORKER_TTL_SECONDS,
                    socket_connect_timeout=LONGEST_WAIT_SECONDS,
                    retry=Retry(NoBackoff(), 0),
                )

    def _make_worker(self, connection: redis.Redis) -> LeanSimpleWorker:
        return LeanSimpleWorker(self.app, self.pulse, self.queues, connection=connection, **self.options)

    def _work(self, worker: LeanSimpleWorker) -> None:
        jobs = min(RECYCLE_JOBS, self.limits["max_jobs"] or RECYCLE_JOBS)
        try:
            worker.work(
                **{**self.limits, "max_jobs": jobs},
                logging_level="WARNING",
                dequeue_strategy=DequeueStrategy.ROUND_ROBIN,  # one full queue does not hold up the others
            )
        except redis.RedisError as error:  # it could not be told that this worker comes or goes: no matter
            log.warning("Lost Redis: %s", error)

    def _is_spent(self, worker: LeanSimpleWorker) -> bool:
        wanted = self.limits["max_jobs"]
        return bool(wanted and worker.done >= wanted) or self.limits["max_idle_time"] is not None


def _raise_when_stopped() -> None:
    """Signals end a wait for Redis. While rq works it has handlers of its own: they let a job finish."""

    def stop(_number: int, _frame: object) -> None:
        raise Stopped

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def leave_the_parents_connections(app: Flask) -> None:
    """Forget database connections made before a fork: neither use nor close what another process holds."""
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose(close=False)
