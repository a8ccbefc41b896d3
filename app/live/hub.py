"""Who listens to what in this process, and the news on their way to them.

Level-triggered: a topic has one latest number and one frame that says it, shared by all listeners; a listener
has a set of topics it has not been told about. A slow one costs a few names, and lost, doubled or reordered
signals do no harm. Everything here runs on the event loop; nothing is locked.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Literal

Owner = tuple[Literal["user", "address"], int | str]

LONGEST_SPREAD_MS = 5000
SPREAD_PER_LISTENER_MS = 2


class Listener:
    """One open stream."""

    __slots__ = ("_wake", "ended", "owner", "pending", "topics")

    def __init__(self, owner: Owner, topics: Iterable[str]) -> None:
        self.owner = owner
        self.topics = tuple(topics)
        self.pending: set[str] = set()
        self.ended = False
        self._wake: asyncio.Future[None] | None = None

    def tell(self, topic: str) -> None:
        """There is news about this topic."""
        self.pending.add(topic)
        self._rouse()

    def end(self) -> None:
        """Close the stream as soon as it has said what it is saying."""
        self.ended = True
        self._rouse()

    async def news(self, seconds: float) -> None:
        """Return when there is news, when the stream is to end, or after so many seconds."""
        if self.pending or self.ended:
            return
        loop = asyncio.get_running_loop()
        self._wake = loop.create_future()
        timer = loop.call_later(seconds, self._rouse)
        try:
            await self._wake
        finally:
            timer.cancel()
            self._wake = None

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class Topic:
    """What this process knows about one topic that somebody listens to."""

    __slots__ = ("frame", "listeners", "n")

    def __init__(self) -> None:
        self.listeners: set[Listener] = set()
        self.n = -1
        self.frame = b""


class Hub:
    """The listeners of this process."""

    def __init__(self) -> None:
        self.topics: dict[str, Topic] = {}
        self.listeners: dict[Owner, list[Listener]] = {}
        self.count = 0

    def add(self, owner: Owner, topics: Iterable[str], *, most: int) -> Listener:
        """A new listener. The oldest streams of its owner end so that they are at most `most`."""
        listener = Listener(owner, topics)
        streams = self.listeners.setdefault(owner, [])
        for oldest in streams[: max(0, len(streams) + 1 - most)]:
            oldest.end()
        streams.append(listener)
        self.count += 1
        for name in listener.topics:
            self.topics.setdefault(name, Topic()).listeners.add(listener)
        return listener

    def remove(self, listener: Listener) -> None:
        """The stream is closed; a topic without listeners is forgotten."""
        self.count -= 1
        streams = self.listeners[listener.owner]
        streams.remove(listener)
        if not streams:
            del self.listeners[listener.owner]
        for name in listener.topics:
            topic = self.topics[name]
            topic.listeners.discard(listener)
            if not topic.listeners:
                del self.topics[name]

    def learn(self, heads: Mapping[str, int]) -> None:
        """Take note of topics' numbers, wherever they come from, and pass on those that are news."""
        for name, n in heads.items():
            topic = self.topics.get(name)
            if topic is None or n <= topic.n:
                continue
            topic.n = n
            topic.frame = _frame(name, n, len(topic.listeners))
            for listener in topic.listeners:
                listener.tell(name)

    def greeting(self, listener: Listener) -> dict[str, int]:
        """Where all the listener's topics are now; news about them so far is covered by that."""
        listener.pending.clear()
        return {name: self.topics[name].n for name in listener.topics if self.topics[name].n >= 0}

    def frames(self, listener: Listener) -> bytes:
        """The news the listener has not been told yet, as one piece of the stream."""
        names, listener.pending = listener.pending, set()
        return b"".join(self.topics[name].frame for name in names)

    def kick(self, user_id: int) -> None:
        """End all streams of one person."""
        for listener in self.listeners.get(("user", user_id), []):
            listener.end()

    def drain(self) -> None:
        """End all streams: the process is about to stop, and the browsers come back to another one."""
        for streams in self.listeners.values():
            for listener in streams:
                listener.end()


def _frame(name: str, n: int, listeners: int) -> bytes:
    spread = min(LONGEST_SPREAD_MS, SPREAD_PER_LISTENER_MS * listeners)
    data = json.dumps({"t": name, "n": n, "w": spread}, separators=(",", ":"))
    return f"event: live\ndata: {data}\n\n".encode()
