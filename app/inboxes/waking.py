"""What Redis is told once a transaction is durable: that live topics have moved, and that workers have something to do.

One trip for all of it, since a request waits for it. Nothing here is certain, and nothing depends on it: what gets lost
is found in the database, by the sweeper and by the live tail.

Workers are woken by a job on the queue. Having rq make it takes longer than the trip (0.4 ms), and it differs in its
number and its moment only: so what rq would write is made once for each queue and kept.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

from redis import Redis
from redis.client import Pipeline
from rq.job import Job
from rq.utils import now, utcformat

from app import broker
from app.db import after_commit, db
from app.live.publish import publish_in
from app.worker import rq

BROADCAST = "app.inboxes.dispatch.broadcast"
WAKE_SECONDS = 5
"""A wake-up that nobody answered counts as lost after this long."""
PASSED_ON = ("mail", "webhooks", "sync")
"""Queues that the job of the events wakes when it is done with its own, so that a request pays for fewer wake-ups."""
ALL_QUEUES = "rq:queues"

_WAKE = """
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then return 0 end
redis.call('SADD', KEYS[2], KEYS[3])
redis.call('HSET', KEYS[4], unpack(ARGV, 3))
redis.call('RPUSH', KEYS[3], ARGV[2])
return 1
"""
"""A job, unless one is on its way already."""


@dataclass
class News:
    """What a transaction has to tell when it is durable."""

    heads: dict[str, int] = field(default_factory=dict)
    queues: set[str] = field(default_factory=set)

    def tell(self) -> None:
        """After the commit. Queues that are passed on are woken here only when there is no other to do it."""
        announce(self.heads, sorted(self.queues.difference(PASSED_ON) or self.queues))


def tell_afterwards(heads: Mapping[str, int], queues: Iterable[str]) -> None:
    """Announce this once the transaction in hand is durable, together with what else it has to tell."""
    news: News = db.session.info.setdefault("transaction", {}).setdefault("news", News())
    news.heads.update(heads)
    news.queues.update(queues)
    if news.heads or news.queues:
        after_commit("news", news.tell)


def wake(*queues: str) -> bool:
    """Ask workers to look at the queues, once for many commits. False when Redis did not take it."""
    return announce({}, queues)


def announce(heads: Mapping[str, int], queues: Iterable[str]) -> bool:
    """Tell it now. False when Redis did not take it."""
    return broker.call(partial(_announce, heads, list(queues)), False)


def answered(queue: str) -> None:
    """Say that somebody looks at the queue now: what comes from here on needs a wake-up of its own."""
    broker.call(lambda redis: redis.delete(wake_key(queue)), 0)


def wake_key(queue: str) -> str:
    """Where it stands that the queue was woken and nobody has answered."""
    return f"tidings:wake:{queue}"


def _announce(heads: Mapping[str, int], queues: list[str], client: Redis) -> bool:
    with client.pipeline(transaction=False) as pipe:
        publish_in(pipe, heads)
        for queue in queues:
            _wake_in(pipe, queue)
        pipe.execute()
    return True


def _wake_in(pipe: Pipeline, queue: str) -> None:
    key, fields = _prepared(queue)
    number, moment = str(uuid.uuid4()), utcformat(now())
    keys = [wake_key(queue), ALL_QUEUES, key, Job.key_for(number)]
    times = ["created_at", moment, "enqueued_at", moment]
    pipe.eval(_WAKE, len(keys), *keys, WAKE_SECONDS, number, *fields, *times)


@cache
def _prepared(queue: str) -> tuple[str, tuple[bytes | str | int | float, ...]]:
    """The queue's key, and the fields of its job in Redis one after the other, without those that differ each time."""
    its_queue = rq.get_queue(queue)
    job = its_queue.create_job(BROADCAST, args=(queue,))
    its_queue._prepare_for_queue(job)  # noqa: SLF001 - test_waking.py compares with what enqueuing writes
    fields = job.to_dict()
    del fields["created_at"], fields["enqueued_at"]
    return its_queue.key, tuple(word for pair in fields.items() for word in pair)
