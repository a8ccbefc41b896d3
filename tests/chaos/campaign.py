"""A kill campaign: people write through the front door while processes die at moments of no plan; then the books must
agree. Which process dies when follows from the seed and from nothing else but the machine's own pace.
"""

import os
import random
import signal
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import redis

from tests.chaos.clients import Act, Client, Log
from tests.chaos.reconcile import reconcile
from tests.chaos.sinks import mails_that_came
from tests.patience import until
from tests.runtime.processtools import children_of, is_alive
from tests.support.house import House, Person, found_project, open_issue
from tests.support.smtp import Mailbox

KINDS = {"worker child": 9, "web": 5, "worker": 3, "valkey": 3}
"""What dies, and how often beside the others. A worker is the parent of its child."""
QUIET_WITHIN = 120.0
"""After the last kill, until all deliveries are finished: a lease, the longest pause of the supervisor, and some."""


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
class Result:
    """What came of it. `delays` are seconds from the commit of an event to its last delivery, sorted."""

    seed: int
    seconds: float
    killed: Counter[str]
    acts: int
    refused: int
    asked_again: int
    rows: Counter[str]
    delays: list[float]
    mails: int
    doubled_mails: int
    marked: int

    def delay(self, share: float) -> float:
        return self.delays[min(len(self.delays) - 1, int(len(self.delays) * share))]

    @property
    def figures(self) -> dict[str, str]:
        """For people."""
        died = ", ".join(f"{number} {kind}" for kind, number in sorted(self.killed.items()))
        return {
            "seed": str(self.seed),
            "kill -9, and worse": died,
            "minutes": f"{self.seconds / 60:.1f}",
            "changes that were saved": f"{self.acts} ({self.refused} refused, asked again {self.asked_again} times)",
            "events / deliveries / notifications": f"{self.rows['events']} / {self.rows['deliveries']} / "
            f"{self.rows['notifications']}",
            "lost / doubled in the database": "0 / 0",
            "mails: taken by the server / twice / marked": f"{self.mails} / {self.doubled_mails} / {self.marked}",
            "from commit to the last delivery": f"median {self.delay(0.5):.2f} s, p99 {self.delay(0.99):.1f} s, "
            f"longest {self.delays[-1]:.1f} s",
        }


class Writer(Client):
    """One who goes on until told to stop."""

    def __init__(
        self, house: House, who: Person, shared: Sequence[str], log: Log, *, seed: int, plan: Plan
    ) -> None:
        super().__init__(house, who, shared, log, changes=0, seed=seed)
        self.plan = plan
        self.enough = threading.Event()

    def run(self) -> None:
        try:
            self._open()
            number = 0
            while not self.enough.wait(self.random.uniform(*self.plan.pace)):
                self._change(number)
                number += 1
        except BaseException as error:  # noqa: BLE001 - shown by whoever joins
            self.failed = error


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


def run(house: House, mailbox: Mailbox, plan: Plan, say: Callable[[str], None] = print) -> Result:
    """Fill the house, let them write and die, and compare the books. Raises AssertionError at what does not add up."""
    lead = house.person("ada", admin=True)
    people = [house.person(f"person{number}") for number in range(1, plan.users + 1)]
    found_project(house, lead, people)
    log = Log()
    ring = [open_issue(house, lead, f"Shared {number}") for number in range(plan.users)]
    log.acts += [Act(key, "created") for key in ring]
    writers = [
        Writer(house, who, (ring[number], ring[number - 1]), log, seed=plan.seed + number, plan=plan)
        for number, who in enumerate(people)
    ]
    for writer in writers:
        writer.sign_in()
    began = time.monotonic()
    killer = Killer(house, plan, say=say)
    for writer in writers:
        writer.start()
    try:
        killer.run()
    finally:
        for writer in writers:
            writer.enough.set()
        for writer in writers:
            writer.join(300)
    for writer in writers:
        assert not writer.is_alive(), writer.name
        if writer.failed:
            raise writer.failed
    say("all have stopped, comparing the books")
    rows = reconcile(house, log.acts, within=QUIET_WITHIN)
    came = mails_that_came(house, mailbox)
    assert came.doubled <= killer.killed["worker child"] + killer.killed["worker"], came
    assert "nothing differs" in house.flask("events", "verify")
    return Result(
        seed=plan.seed,
        seconds=time.monotonic() - began,
        killed=killer.killed,
        acts=len(log.acts),
        refused=log.refused,
        asked_again=log.asked_again,
        rows=rows,
        delays=_delays(house),
        mails=came.taken,
        doubled_mails=came.doubled,
        marked=came.marked,
    )


def _delays(house: House) -> list[float]:
    """Of each event, the seconds until the last of its deliveries was finished."""
    rows = house.rows("SELECT event_id, min(created_at), max(finished_at) FROM deliveries GROUP BY event_id")
    return sorted((_moment(last) - _moment(first)).total_seconds() for _, first, last in rows)


def _moment(value: str | datetime) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
