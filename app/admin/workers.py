"""What RQ keeps in Redis: workers with their heartbeats, queues with their lengths, jobs that failed.

All of it may be away: every function answers None then, and the pages say so. Deliveries do not depend on it.
"""

import mmap
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis
from rq.exceptions import NoSuchJobError
from rq.job import Job

from app import broker, clock
from app.errors import Conflict, NotFound
from app.worker import QUEUES, rq

SILENT = timedelta(seconds=90)
"""A worker that has not shown life for so long is not counted on."""
MOST_JOBS = 50


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """One worker as Redis knows it."""

    name: str
    host: str
    pid: int
    queues: str
    state: str
    jobs: int
    failed: int
    born_at: datetime | None
    beat_at: datetime | None
    memory: int | None
    """Bytes resident; None for a worker on another machine."""

    @property
    def is_alive(self) -> bool:
        return self.beat_at is not None and clock.now() - self.beat_at < SILENT


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One of RQ's queues."""

    name: str
    waiting: int
    running: int
    failed: int


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that ended with an exception."""

    id: str
    queue: str
    what: str
    error: str
    trace: str
    ended_at: datetime | None


def workers() -> list[WorkerLine] | None:
    """Every worker that registered, the living first. Two trips to Redis; None when it is away."""
    return broker.call(_workers, None)


def queues() -> list[QueueLine] | None:
    """Every queue. One trip to Redis; None when it is away."""
    return broker.call(_queues, None)


def failed_jobs() -> list[FailedJob] | None:
    """The newest failed jobs of all queues, at most MOST_JOBS of each; None when Redis is away."""

    def work(client: Redis) -> list[FailedJob]:
        client.ping()  # rq's own client is another one, which does not rest after a failure
        return [one for name in QUEUES for one in _failed(name)]

    return broker.call(work, None)


def retry_job(queue: str, job_id: str) -> None:
    """Put a failed job back into its queue. Raises NotFound, and Conflict when Redis is away."""
    _with_job(queue, job_id, lambda registry, _job: registry.requeue(job_id))


def remove_job(queue: str, job_id: str) -> None:
    """Forget a failed job. Raises NotFound, and Conflict when Redis is away."""
    _with_job(queue, job_id, lambda registry, job: registry.remove(job, delete_job=True))


def _with_job(queue: str, job_id: str, act: Any) -> None:
    if queue not in QUEUES:
        raise NotFound

    def work(client: Redis) -> bool:
        client.ping()
        registry = rq.get_queue(queue).failed_job_registry
        if job_id not in registry.get_job_ids():
            raise NotFound
        try:
            act(registry, _job(queue, job_id))
        except NoSuchJobError:
            raise NotFound from None
        return True

    if not broker.call(work, False):
        raise Conflict("Redis is away: nothing can be done with jobs until it is back")


def _workers(client: Redis) -> list[WorkerLine]:
    keys: Any = sorted(client.smembers("rq:workers"))
    with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.hgetall(key)
        found = [
            _worker(key, {k.decode(): v.decode("utf-8", "replace") for k, v in facts.items()})
            for key, facts in zip(keys, pipe.execute(), strict=True)
            if facts
        ]
    return sorted(found, key=lambda one: (not one.is_alive, one.queues, one.name))


def _worker(key: bytes, facts: dict[str, str]) -> WorkerLine:
    host, pid = facts.get("hostname", ""), int(facts.get("pid") or 0)
    return WorkerLine(
        name=key.decode().removeprefix("rq:worker:"),
        host=host,
        pid=pid,
        queues=facts.get("queues", "").replace(",", ", "),
        state=facts.get("state", "?"),
        jobs=int(facts.get("successful_job_count") or 0),
        failed=int(facts.get("failed_job_count") or 0),
        born_at=_moment(facts.get("birth")),
        beat_at=_moment(facts.get("last_heartbeat")),
        memory=_resident(pid) if host == socket.gethostname() else None,
    )


def _queues(client: Redis) -> list[QueueLine]:
    with client.pipeline(transaction=False) as pipe:
        for name in QUEUES:
            pipe.llen(f"rq:queue:{name}")
            pipe.zcard(f"rq:wip:{name}")
            pipe.zcard(f"rq:failed:{name}")
        numbers: Sequence[int] = pipe.execute()
    return [QueueLine(name, *numbers[3 * place : 3 * place + 3]) for place, name in enumerate(QUEUES)]


def _failed(queue: str) -> list[FailedJob]:
    registry = rq.get_queue(queue).failed_job_registry
    found = []
    for job_id in registry.get_job_ids(desc=True, end=MOST_JOBS - 1, cleanup=False):
        try:
            job = _job(queue, job_id)
        except NoSuchJobError:
            continue
        trace = _trace(job)
        lines = [line for line in trace.splitlines() if line.strip()]
        found.append(
            FailedJob(
                job_id, queue, str(job.description), lines[-1] if lines else "", trace, _utc(job.ended_at)
            )
        )
    return found


def _job(queue: str, job_id: str) -> Job:
    one = rq.get_queue(queue)
    return one.job_class.fetch(job_id, connection=one.connection, serializer=one.serializer)


def _trace(job: Job) -> str:
    result = job.latest_result()
    return (result.exc_string if result else None) or ""


def _resident(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/statm", "rb") as facts:  # noqa: PTH123 - as the worker reads its own
            return int(facts.read().split()[1]) * mmap.PAGESIZE
    except (OSError, IndexError, ValueError):
        return None


def _moment(text: str | None) -> datetime | None:
    try:
        return _utc(datetime.fromisoformat(text)) if text else None
    except ValueError:
        return None


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
