"""rq's worker without a fork per job and without the bookkeeping that jobs of milliseconds do not need."""

import mmap
import resource
from collections.abc import Sequence
from typing import Any

from flask import Flask
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.registry import StartedJobRegistry
from rq.worker import SimpleWorker, WorkerStatus

from app import clock, processes

RECYCLE_RSS_BYTES = 400 * 1024 * 1024
LOOK_AT_MEMORY_EVERY = 50
LONGEST_WAIT_SECONDS = 5.0
"""Between two tries to reach Redis."""
GRACE_SECONDS = 60.0
"""What a child may take beyond the time it announced before it counts as hung."""


class Pulse:
    """A number shared by parent and child: the moment by which the child will have shown life again."""

    def __init__(self) -> None:
        self._memory = memoryview(mmap.mmap(-1, 8)).cast("d")
        self.promise(GRACE_SECONDS)

    def promise(self, seconds: float) -> None:
        """Say: I am alive, and will say so again within this time."""
        self._memory[0] = clock.monotonic() + seconds

    def is_broken(self) -> bool:
        """Whether the time that was promised, and the grace on top, are over."""
        return clock.monotonic() > self._memory[0] + GRACE_SECONDS


class LeanSimpleWorker(SimpleWorker):
    """rq's worker without a fork per job, minus the bookkeeping in Redis that a job of milliseconds does not
    need.

    4 round trips per job instead of 20: that it begins is written in one, what it leaves is taken away in another,
    heartbeats at most once a second, suspension looked up once a second, idle and busy not written, no channel for rq's
    remote commands (signals stop a worker; a switch stops an inbox).
    """

    log_result_lifespan = False
    max_connection_wait_time = LONGEST_WAIT_SECONDS

    def __init__(self, app: Flask, pulse: Pulse, queues: Sequence[str], **options: Any) -> None:
        super().__init__(queues, log_job_description=False, **options)
        self.app = app
        self.pulse = pulse
        self.done = 0
        self._has_job = False
        self._beat_at = self._looked_at = 0.0

    @property
    def was_told_to_stop(self) -> bool:
        """Whether it ended by a signal, not for a reason of its own."""
        return self._shutdown_requested_date is not None

    @property
    def is_worn(self) -> bool:
        """Whether it has grown so much that a fresh one should take over."""
        return self.done % LOOK_AT_MEMORY_EVERY == 0 and _resident_bytes() > RECYCLE_RSS_BYTES

    def execute_job(self, job: Job, queue: Queue) -> None:
        timeout = float(job.timeout or self.worker_ttl)
        self.pulse.promise(timeout if timeout > 0 else float("inf"))
        self._has_job = (
            True  # rq beats the heart while it prepares the job: that promise would replace this one
        )
        super().execute_job(job, queue)
        self._has_job = False
        self.pulse.promise(self.worker_ttl)
        self.done += 1
        if self.is_worn:
            self._stop_requested = True

    def perform_job(self, job: Job, queue: Queue, execution: Any) -> bool:
        with self.app.app_context():  # one per job: its end removes the session, so none lives across jobs
            return super().perform_job(job, queue, execution)

    def prepare_execution(self, job: Job) -> Execution:
        """Not sent yet: it goes with what `perform_job` has to write first."""
        self._beginning = self.connection.pipeline()
        lasts = self.get_heartbeat_ttl(job)
        execution = Execution.create(job, lasts, pipeline=self._beginning, worker_name=self.name)
        self.executions[execution.id] = execution
        self.set_state(WorkerStatus.BUSY)  # a stop now lets the job finish
        return execution

    def prepare_job_execution(self, job: Job, remove_from_intermediate_queue: bool = False) -> None:
        """Write that the job begins, in one transaction with the execution prepared for it."""
        with self._beginning as pipeline:
            self.heartbeat(self.get_heartbeat_ttl(job), pipeline=pipeline)
            job.prepare_for_execution(self.name, pipeline=pipeline)
            pipeline.persist(job.key)
            if remove_from_intermediate_queue:
                pipeline.lrem(Queue(job.origin, connection=self.connection).intermediate_queue_key, 1, job.id)
            pipeline.execute()

    def handle_execution_ended(self, job: Job, queue: Queue, heartbeat_ttl: int) -> None:  # noqa: ARG002
        """No heartbeat of a job that is over."""
        job.ended_at = clock.now()

    def handle_job_success(
        self, job: Job, queue: Queue, started_job_registry: StartedJobRegistry, execution: Execution
    ) -> None:
        """Take away all that a job leaves, in one transaction. One whose result somebody wants, or that comes again, is
        rq's to end. Others depend on none: our queues take no such job.
        """
        special = job.repeats_left or job.group_id or job.has_rate_limit
        if job.get_result_ttl(self.default_result_ttl) != 0 or special:
            super().handle_job_success(job, queue, started_job_registry, execution)
            return
        assert job.started_at is not None  # noqa: S101 - rq has set both
        assert job.ended_at is not None  # noqa: S101
        with self.connection.pipeline() as pipeline:
            self.increment_successful_job_count(pipeline=pipeline)
            self.increment_total_working_time(job.ended_at - job.started_at, pipeline)
            self.cleanup_execution(job, pipeline=pipeline, execution=execution)
            pipeline.delete(job.key, job.dependents_key, job.dependencies_key)
            pipeline.execute()

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        if not self._has_job:
            self.pulse.promise(self.worker_ttl)
        if pipeline is None:
            if clock.monotonic() - self._beat_at < 1.0:
                return
            self._beat_at = clock.monotonic()
        super().heartbeat(timeout, pipeline)

    def check_for_suspension(self, burst: bool) -> None:
        if clock.monotonic() - self._looked_at >= 1.0:
            self._looked_at = clock.monotonic()
            super().check_for_suspension(burst)

    def set_state(self, state: str, pipeline: Any = None) -> None:
        if pipeline is None and state in ("idle", "busy"):
            self._state = state
        else:
            super().set_state(state, pipeline)

    def handle_warm_shutdown_request(self) -> None:
        """The job in hand ends at its next resting place and hands back what it has not begun."""
        processes.ask_to_stop()
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]

    def set_shutdown_requested_date(self) -> None:
        """Not written: a signal handler in the middle of a job is no place to wait for Redis."""

    def subscribe(self) -> None:
        """Not done, see above."""


def _resident_bytes() -> int:
    """What this process takes now; where the system does not say that, the most it ever took."""
    try:
        with open("/proc/self/statm", "rb") as facts:  # noqa: PTH123 - read once in fifty jobs
            return int(facts.read().split()[1]) * mmap.PAGESIZE
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
