"""What Redis is told after a commit: one trip, and a job that is just as rq would have made it."""

import math

import pytest
import redis
from rq.job import Job

from app import broker
from app.db import db
from app.inboxes.waking import BROADCAST, announce, answered, tell_afterwards, wake, wake_key
from app.issues.workflow import change_status
from app.live.publish import CHANNEL
from app.worker import rq
from tests.support import world as worlds

DIFFERS = {"created_at", "enqueued_at"}


def the_job(client: redis.Redis, number: str) -> dict[bytes, bytes]:
    return client.hgetall(Job.key_for(number))  # type: ignore[return-value]


def test_the_job_is_what_enqueuing_would_have_written(world: worlds.World, valkey: str) -> None:
    client = redis.Redis.from_url(valkey)
    client.flushall()
    assert wake("mail")
    queue = rq.get_queue("mail")
    [ours] = queue.job_ids
    theirs = queue.enqueue(BROADCAST, "mail")
    prepared, enqueued = the_job(client, ours), the_job(client, theirs.id)
    assert prepared.keys() == enqueued.keys()
    different = {name.decode() for name in prepared if prepared[name] != enqueued[name]}
    assert different <= DIFFERS
    assert client.smembers("rq:queues") == {b"rq:queue:mail"}
    job = queue.fetch_job(ours)
    assert job is not None
    assert (job.func_name, list(job.args), job.timeout, job.result_ttl) == (BROADCAST, ["mail"], 300, 0)
    assert abs((job.enqueued_at - theirs.enqueued_at).total_seconds()) < 60  # type: ignore[operator]
    assert client.ttl(Job.key_for(ours)) == client.ttl(Job.key_for(theirs.id)) == -1


def test_a_queue_that_is_awake_gets_no_second_job_until_somebody_answers(
    world: worlds.World, valkey: str
) -> None:
    client = redis.Redis.from_url(valkey)
    client.flushall()
    assert wake("events", "mail")
    assert wake("events", "mail")
    assert 0 < client.ttl(wake_key("events")) <= 5  # type: ignore[operator]
    assert (rq.get_queue("events").count, rq.get_queue("mail").count) == (1, 1)
    answered("events")
    assert wake("events", "mail")
    assert (rq.get_queue("events").count, rq.get_queue("mail").count) == (2, 1)


def test_a_transaction_tells_its_news_in_one_trip(
    world: worlds.World, valkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips = []
    execute = redis.client.Pipeline.execute
    monkeypatch.setattr(redis.client.Pipeline, "execute", lambda pipe: trips.append(pipe) or execute(pipe))
    listener = redis.Redis.from_url(valkey).pubsub(ignore_subscribe_messages=True)
    listener.subscribe(CHANNEL)
    listener.get_message(timeout=5)
    for step in ("start", "stop", "start"):
        change_status(world.issue, step, actor=world.actor)
    db.session.commit()
    assert len(trips) == 1
    message = listener.get_message(timeout=5)
    assert message is not None
    assert message["data"] == b'{"t":"issue:%d","n":%d}' % (world.issue.id, world.issue.event_seq)
    assert listener.get_message(timeout=0) is None
    assert rq.get_queue("events").count == 1
    listener.close()


def test_what_is_rolled_back_is_not_told(world: worlds.World, valkey: str) -> None:
    client = redis.Redis.from_url(valkey)
    client.flushall()
    tell_afterwards({"issue:1": 5}, ["events"])
    db.session.rollback()
    db.session.commit()
    assert client.dbsize() == 0


def test_while_redis_is_away_it_says_so_and_nothing_breaks(
    world: worlds.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker.broker(), "rests_until", math.inf)
    assert announce({"issue:1": 5}, ["events"]) is False
