"""Who dies when: a plan drawn once from a seed, and the hand that carries it out."""

import os
import random
import signal
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis

from tests.patience import until
from tests.runtime.processtools import children_of, is_alive
from tests.support.house import House

KINDS = {"worker child": 9, "web": 5, "worker": 3, "valkey": 3}
"""What dies, and how often beside the others. A worker is the parent of its children."""


@dataclass(frozen=True)
class Plan:
    """How bad it gets."""

    seed: int = 20261123
    kills: int = 300
    users: int = 20
    flushes: int = 3
    freezes: int = 3
    stops: int = 30
    """Polite ends (SIGTERM) of a worker in the middle of whatever it does."""
    frozen_seconds: float = 5.0
    pause: tuple[float, float] = (0.6, 2.8)
    """Seconds between two kills."""
    pace: tuple[float, float] = (1.5, 4.0)
    """Seconds between two changes of one person."""


@dataclass
class Killer:
    """Kills, freezes and flushes by a plan drawn once from the seed."""

    house: House
    plan: Plan
    killed: Counter[str] = field(default_factory=Counter)
    say: Callable[[str], None] = lambda _text: None

    def run(self) -> None:
        dice = random.Random(self.plan.seed)
        acts = dice.choices(list(KINDS), weights=list(KINDS.values()), k=self.plan.kills)
        for name, times in (
            ("flush", self.plan.flushes),
            ("freeze", self.plan.freezes),
            ("stop", self.plan.stops),
        ):
            every = len(acts) / max(1, times)
            for part in range(times):
                acts.insert(int((part + 0.5) * every) + part, name)
        rest = threading.Event()
        for number, act in enumerate(acts, start=1):
            rest.wait(dice.uniform(*self.plan.pause))
            {"flush": self._flush, "freeze": self._freeze, "stop": self._stop}.get(
                act, lambda act=act: self._kill(act)
            )()  # type: ignore[misc]
            if number % 25 == 0:
                self.say(f"{number} of {len(acts)}: {dict(self.killed)}")

    def _kill(self, kind: str) -> None:
        """Who is not up yet is spared, so that people get an answer now and then; another dies in its place."""
        others = [kind, "worker child", "web", "valkey"]
        kind = until(lambda: next((one for one in others if self._is_up(one)), ""), seconds=60)
        pid = self._victim(kind)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.killed[kind] += 1

    def _is_up(self, kind: str) -> bool:
        if kind in ("worker", "worker child"):
            return bool(self._victim("worker child"))
        if kind == "valkey":
            return bool(self._victim(kind))
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f"{self.house.url}/healthz", timeout=0.5
            ) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _victim(self, kind: str) -> int:
        """A living process of this kind; 0 while there is none."""
        assert self.house.program is not None
        top = Path(f"/proc/{self.house.program.pid}/task/{self.house.program.pid}/children").read_text()
        direct = {int(pid): self._command(int(pid)) for pid in top.split()}
        text = {"web": "app.serve", "valkey": "valkey-server"}.get(kind, "rq worker")
        found = [pid for pid, command in direct.items() if text in command and is_alive(pid)]
        if kind == "worker":
            found = [pid for pid in found if children_of(pid)] or found
        elif kind == "worker child":
            found = [pid for parent in found for pid in children_of(parent) if is_alive(pid)]
        return found[self.killed[kind] % len(found)] if found else 0

    def _command(self, pid: int) -> str:
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        return ""

    def _stop(self) -> None:
        with suppress(ProcessLookupError):
            until(lambda: self._is_up("worker"), seconds=60)
            os.kill(self._victim("worker"), signal.SIGTERM)
            self.killed["SIGTERM of a worker"] += 1

    def _flush(self) -> None:
        def flushed() -> bool:
            with suppress(redis.RedisError):
                return bool(redis.Redis.from_url(self.house.redis_url, socket_timeout=2).flushall())
            return False

        until(flushed, seconds=60)
        self.killed["FLUSHALL"] += 1

    def _freeze(self) -> None:
        pid = until(lambda: self._victim("valkey"), seconds=60)
        os.kill(pid, signal.SIGSTOP)
        try:
            threading.Event().wait(self.plan.frozen_seconds)
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.killed["SIGSTOP of Valkey"] += 1
