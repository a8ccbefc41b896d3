"""Telling the live processes that a topic has moved. Called after the commit; never raises, never waits long.

A signal that is lost (Redis away, a crash in between) costs a delay of at most two seconds, nothing else:
every live process compares the numbers in the database as well.
"""

import json
from collections.abc import Mapping
from itertools import islice

from redis import Redis
from redis.client import Pipeline

from app import broker

CHANNEL = "live"
PART = 500


def publish(topic: str, n: int) -> None:
    """Say that the topic is now at `n`. The number must grow with every change: one not larger is ignored."""
    _send({"t": topic, "n": n})


def publish_many(heads: Mapping[str, int]) -> None:
    """The same for many topics: one trip to Redis for every few hundred."""
    waiting = iter(heads.items())
    while part := dict(islice(waiting, PART)):
        broker.call(lambda client, part=part: _publish_all(client, part), None)  # type: ignore[misc]


def publish_in(pipe: Pipeline, heads: Mapping[str, int]) -> None:
    """Put the same into a trip to Redis that is made anyway."""
    for topic, n in heads.items():
        pipe.publish(CHANNEL, _text({"t": topic, "n": n}))


def _publish_all(client: Redis, heads: Mapping[str, int]) -> None:
    with client.pipeline(transaction=False) as pipe:
        publish_in(pipe, heads)
        pipe.execute()


def kick(user_id: int) -> None:
    """End this person's streams: signed out, switched off, or with other rights. Raise their epoch first."""
    _send({"kick": user_id})


def _send(message: dict[str, str | int]) -> None:
    broker.call(lambda client: client.publish(CHANNEL, _text(message)), None)


def _text(message: dict[str, str | int]) -> str:
    return json.dumps(message, separators=(",", ":"))
