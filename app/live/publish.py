"""Telling the live processes that a topic has moved. Called after the commit; never raises, never waits long.

A signal that is lost (Redis away, a crash in between) costs a delay of at most two seconds, nothing else:
every live process compares the numbers in the database as well.
"""

import json

from app import broker

CHANNEL = "live"


def publish(topic: str, n: int) -> None:
    """Say that the topic is now at `n`. The number must grow with every change: one not larger is ignored."""
    _send({"t": topic, "n": n})


def kick(user_id: int) -> None:
    """End this person's streams: signed out, switched off, or with other rights. Raise their epoch first."""
    _send({"kick": user_id})


def _send(message: dict[str, str | int]) -> None:
    text = json.dumps(message, separators=(",", ":"))
    broker.call(lambda client: client.publish(CHANNEL, text), None)
