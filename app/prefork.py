"""The worker: a parent that loads the app once and forks children from it, and the child that runs jobs
without a fork per job. About a hundred times the pace of Flask-RQ's own worker, which starts a `flask`
process per job.

What a fork per job would have given is kept in other ways: a child that crashes is replaced, and the leases
of the deliveries bring its work back; a child that hangs is killed and replaced; one that leaks leaves after
2,000 jobs or above 400 MB. Neither parent nor child ever ends because Redis is away.
"""

import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from flask import Flask
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq.queue import Queue
from rq.worker import DequeueStrategy

from app import broker, clock, processes
from app.db import db
from app.lean_worker import GRACE_SECONDS, LONGEST_WAIT_SECONDS, LeanSimpleWorker, Pulse

log = logging.getLogger(__name__)

RECYCLE_JOBS = 2000
WORKER_TTL_SECONDS = 60
MAINTENANCE_SECONDS = 30
RECYCLE = 75
"""Exit status of a child that asks to be replaced at once."""


STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
LAST_WORDS_SECONDS = 30.0
"""From the request to stop until the child is killed. Its leases end then as well, so nobody counts on it any more."""


class Stopped(BaseException):  # noqa: N818
    """A signal asked this child to end while it was waiting. No `except Exception` on the way may keep it."""


@dataclass(frozen=True)
class Child:
    """What one forked process does: start what needs no Redis, then work whenever there is a Redis."""

    app: Flask
    queues: Sequence[str]
    pulse: Pulse
    on_start: Sequence[Callable[[Flask], None]]
    options: dict[str, Any]
    """What rq's worker is made with."""
    limits: dict[str, Any]
    """What rq's worker is told to do: burst, max_jobs, max_idle_time, with_scheduler."""

    def run(self) -> int:
        """Work until told to stop, until the queues are empty in a burst, or until it is time to be
        replaced."""
        try:
            _raise_when_stopped()
            signal.pthread_sigmask(
                signal.SIG_UNBLOCK, STOP_SIGNALS
            )  # the parent held them back over the fork
            _leave_the_parents_connections(self.app)
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


class PreforkWorker:
    """What `flask rq worker` starts: keeps one child working, replaces it when it ends, kills it when it
    hangs."""

    def __init__(
        self,
        app: Flask,
        queues: Sequence[str],
        *,
        queue_class: type[Queue],
        on_start: Sequence[Callable[[Flask], None]],
        **options: Any,
    ) -> None:
        """`options` are those of rq's workers, as its command line gives them."""
        self.app = app
        self.queues = queues
        self.on_start = on_start
        self.options: dict[str, Any] = {
            **{name: value for name, value in options.items() if name in ("name", "job_monitoring_interval")},
            "worker_ttl": min(WORKER_TTL_SECONDS, options.get("worker_ttl", WORKER_TTL_SECONDS)),
            "maintenance_interval": min(
                MAINTENANCE_SECONDS, options.get("maintenance_interval", MAINTENANCE_SECONDS)
            ),
            "queue_class": queue_class,
            "job_class": next(iter(app.extensions["rq"].queues.values())).job_class,
            "serializer": "json",
        }
        self._pulse = Pulse()
        self._born = 0.0
        self._wait = 0.0

    def work(
        self,
        *,
        burst: bool = False,
        max_jobs: int | None = None,
        max_idle_time: int | None = None,
        with_scheduler: bool = False,
    ) -> bool:
        """Return when a signal says so, or when the child has done what `burst` and the limits ask for."""
        limits = {
            "burst": burst,
            "max_jobs": max_jobs,
            "max_idle_time": max_idle_time,
            "with_scheduler": with_scheduler,
        }
        _leave_the_parents_connections(self.app)
        gc.collect()
        gc.freeze()  # the collector would touch, and so copy, the pages that child and parent share
        signals = processes.Signals(*STOP_SIGNALS, signal.SIGCHLD)
        try:
            while True:
                status = self._watch(signals, limits)
                if status in (None, 0):
                    return status == 0
                self._back_off(status)
                if signals.wait(self._wait).intersection(STOP_SIGNALS):
                    return False
        finally:
            signals.close()

    def _watch(self, signals: processes.Signals, limits: dict[str, Any]) -> int | None:
        """Fork a child and wait for its end. The exit status, or None when it ended because we were told to
        stop."""
        self._pulse.promise(GRACE_SECONDS)
        self._born = clock.monotonic()
        child = Child(
            self.app,
            self.queues,
            pulse=self._pulse,
            on_start=self.on_start,
            options=self.options,
            limits=limits,
        )
        signal.pthread_sigmask(
            signal.SIG_BLOCK, STOP_SIGNALS
        )  # one that met our handler in the child would be lost
        pid = processes.fork(lambda: self._run(child, signals))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        over = float("inf")
        while True:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return None if over < float("inf") else os.waitstatus_to_exitcode(status)
            if signals.wait(1.0).intersection(STOP_SIGNALS):
                over = min(over, clock.monotonic() + LAST_WORDS_SECONDS)
                os.kill(pid, signal.SIGTERM)  # one for each we get: at a second one rq drops the job in hand
            if self._pulse.is_broken():
                log.error("Worker child %d shows no life, replacing it", pid)
                os.kill(pid, signal.SIGKILL)
            elif clock.monotonic() > over:
                log.error("Worker child %d was told to stop and goes on, ending it", pid)
                os.kill(pid, signal.SIGKILL)

    def _run(self, child: Child, signals: processes.Signals) -> int:
        signals.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        return child.run()

    def _back_off(self, status: int | None) -> None:
        """Decide how long to wait before the next child: not at all for a recycled one, longer for each early
        end."""
        if status == RECYCLE:
            self._wait = 0.0
            return
        lived = clock.monotonic() - self._born
        self._wait = (
            0.2 if lived > LONGEST_WAIT_SECONDS else min(LONGEST_WAIT_SECONDS, max(0.2, self._wait * 2))
        )
        log.error("Worker child ended with %s, starting another in %.1f s", status, self._wait)


def _raise_when_stopped() -> None:
    """Signals end a wait for Redis. While rq works it has handlers of its own: they let a job finish."""

    def stop(_number: int, _frame: object) -> None:
        raise Stopped

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _leave_the_parents_connections(app: Flask) -> None:
    """Forget database connections made before a fork: neither use nor close what another process holds."""
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose(close=False)
