"""The worker: a parent that loads the app once and forks children from it, which run jobs without a fork per job.
About a hundred times the pace of Flask-RQ's own worker, which starts a `flask` process per job.

One parent serves several places, each with queues of its own and one child at a time: what was loaded is in
memory once.

What a fork per job would have given is kept in other ways: a child that crashes is replaced, and the leases
of the deliveries bring its work back; a child that hangs is killed and replaced; one that leaks leaves after
2,000 jobs or above 400 MB. Neither parent nor child ever ends because Redis is away.
"""

import logging
import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask
from rq.queue import Queue

from app import clock, processes
from app.lean_worker import GRACE_SECONDS, LONGEST_WAIT_SECONDS, Pulse
from app.worker_child import (
    RECYCLE,
    STOP_SIGNALS,
    WORKER_TTL_SECONDS,
    Child,
    leave_the_parents_connections,
)

log = logging.getLogger(__name__)

MAINTENANCE_SECONDS = 30
LAST_WORDS_SECONDS = 30.0
"""From the request to stop until a child is killed. Its leases end then as well, so nobody counts on it any more."""
TICK_SECONDS = 1.0


class Place:
    """Where one child works, and after its end the next one, in the same name."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.is_done = False
        self._pid = 0
        self._starts_at = self._born = self._wait = 0.0

    def tend(self, signals: processes.Signals) -> float:
        """Start a child when it is time, see to the one that works; the seconds until it is time again."""
        if self._pid:
            self._look_after()
        if self._pid or self.is_done:
            return TICK_SECONDS
        left = self._starts_at - clock.monotonic()
        if left > 0:
            return left
        self._fork(signals)
        return TICK_SECONDS

    def stop(self) -> None:
        """Ask its child to end. Each time one signal: at the second, rq drops the job in hand."""
        if self._pid:
            os.kill(self._pid, signal.SIGTERM)

    def has_stopped(self) -> bool:
        """Whether its child, told to stop, has ended, or there is none."""
        if self._pid and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = 0
        return not self._pid

    def end(self) -> None:
        """Kill the child that was told to stop and goes on."""
        log.error("Worker child %d was told to stop and goes on, ending it", self._pid)
        os.kill(self._pid, signal.SIGKILL)

    def replace_if_hung(self) -> None:
        """Kill a child that has not shown life for longer than it said."""
        if self._pid and self.child.pulse.is_broken():
            log.error("Worker child %d shows no life, replacing it", self._pid)
            os.kill(self._pid, signal.SIGKILL)

    def _look_after(self) -> None:
        ended, status = os.waitpid(self._pid, os.WNOHANG)
        if not ended:
            self.replace_if_hung()
            return
        self._pid = 0
        code = os.waitstatus_to_exitcode(status)
        self.is_done = code == 0 and self.child.is_limited
        if not self.is_done:
            self._back_off(code)

    def _fork(self, signals: processes.Signals) -> None:
        self.child.pulse.promise(GRACE_SECONDS)
        self._born = clock.monotonic()
        # a stop that met our handler in the child would be lost: it is held back until the child has its own
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        self._pid = processes.fork(lambda: self._run(signals))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def _run(self, signals: processes.Signals) -> int:
        signals.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        return self.child.run()

    def _back_off(self, status: int) -> None:
        """Decide how long to wait before the next child: not at all for a recycled one, longer for each early
        end."""
        now = clock.monotonic()
        self._starts_at = now
        if status == RECYCLE:
            self._wait = 0.0
            return
        early = now - self._born <= LONGEST_WAIT_SECONDS
        self._wait = min(LONGEST_WAIT_SECONDS, max(0.2, self._wait * 2)) if early else 0.2
        self._starts_at += self._wait
        log.error("Worker child ended with %s, starting another in %.1f s", status, self._wait)


class PreforkWorker:
    """What `flask rq worker` starts: keeps one child working in each place, replaces it when it ends, kills it when it
    hangs."""

    def __init__(
        self,
        app: Flask,
        places: Sequence[Sequence[str]],
        *,
        queue_class: type[Queue],
        on_start: Sequence[Callable[[Flask], None]],
        **options: Any,
    ) -> None:
        """`places` are the queues of each child. `options` are those of rq's workers, as its command line gives
        them."""
        self.app = app
        self.places = places
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

    def work(
        self,
        *,
        burst: bool = False,
        max_jobs: int | None = None,
        max_idle_time: int | None = None,
        with_scheduler: bool = False,
    ) -> bool:
        """Return when a signal says so, or when all children have done what `burst` and the limits ask for."""
        limits = {
            "burst": burst,
            "max_jobs": max_jobs,
            "max_idle_time": max_idle_time,
            "with_scheduler": with_scheduler,
        }
        places = [Place(self._child(number, limits)) for number in range(len(self.places))]
        leave_the_parents_connections(self.app)
        processes.keep_what_is_loaded()
        signals = processes.Signals(*STOP_SIGNALS, signal.SIGCHLD)
        try:
            while True:
                rest = min([place.tend(signals) for place in places])
                if all(place.is_done for place in places):
                    return True
                if signals.wait(rest).intersection(STOP_SIGNALS):
                    self._stop(places, signals)
                    return False
        finally:
            signals.close()

    def _child(self, number: int, limits: dict[str, Any]) -> Child:
        return Child(
            self.app,
            self.places[number],
            name=f"{processes.taking_name()}:{number + 1}",
            pulse=Pulse(),
            on_start=self.on_start,
            options=self.options,
            limits=limits,
        )

    def _stop(self, places: Sequence[Place], signals: processes.Signals) -> None:
        """Tell all children to end, and return when they have."""
        deadline = clock.monotonic() + LAST_WORDS_SECONDS
        for place in places:
            place.stop()
        while running := [place for place in places if not place.has_stopped()]:
            if signals.wait(TICK_SECONDS).intersection(STOP_SIGNALS):
                for place in running:
                    place.stop()
            for place in running:
                place.replace_if_hung()
                if clock.monotonic() > deadline:
                    place.end()
