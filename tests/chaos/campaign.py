"""A kill campaign: people write through the front door while processes die at moments of no plan; then the books must
agree, ours and those of everybody outside. Which process dies when follows from the seed and from nothing else but the
machine's own pace.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.chaos.clients import Act, Client, Log
from tests.chaos.delays import Delays, delays, share
from tests.chaos.github_books import github_that_came
from tests.chaos.killer import KINDS, Killer, Plan
from tests.chaos.octocat import Octocat, Post
from tests.chaos.outside import LABEL, Outside
from tests.chaos.reconcile import reconcile
from tests.chaos.sinks import Came, all_that_came
from tests.support.house import House, Person, found_project

QUIET_WITHIN = 150.0
"""After the last kill, until all deliveries are finished: a lease, the longest pause of the supervisor, and some."""
CALM = 3
"""Who writes on GitHub takes so many times longer than the people here."""
LINKED = 4
"""One issue in so many is kept the same on GitHub."""


@dataclass
class Result:
    """What came of it."""

    seed: int
    seconds: float
    killed: Counter[str]
    acts: int
    refused: int
    asked_again: int
    rows: Counter[str]
    delays: Delays
    sinks: dict[str, Came]

    def delay(self, part: float) -> float:
        """From commit to the last receiver, as far as it is ours to hurry."""
        return share(self.delays.ours, part)

    @property
    def figures(self) -> dict[str, str]:
        """For people."""
        died = ", ".join(f"{number} {kind}" for kind, number in sorted(self.killed.items()))
        doubled = sum(came.doubled for came in self.sinks.values())
        return {
            "seed": str(self.seed),
            "kill -9, and worse": died,
            "minutes": f"{self.seconds / 60:.1f}",
            "changes that were saved": f"{self.acts} ({self.refused} refused, asked again {self.asked_again} times)",
            "events / deliveries / notifications": f"{self.rows['events']} / {self.rows['deliveries']} / "
            f"{self.rows['notifications']}",
            "lost / doubled in the database": "0 / 0",
            **{
                f"{name}: taken / twice / marked": f"{came.taken} / {came.doubled} / {came.marked}"
                + (f" ({came.more})" if came.more else "")
                for name, came in self.sinks.items()
            },
            "twice outside, all together": f"{doubled}, each one marked",
            "from commit to the last receiver": spread(self.delays.ours),
            "from commit to the message in Slack": spread(self.delays.slack),
            "from a refusal of the stumbling webhook to being taken": spread(self.delays.refused),
        }


def spread(seconds: list[float]) -> str:
    return f"median {share(seconds, 0.5):.2f} s, p99 {share(seconds, 0.99):.1f} s, longest {share(seconds, 1):.1f} s"


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


def run(house: House, beyond: Outside, plan: Plan, say: Callable[[str], None] = print) -> Result:
    """Fill the house, let them write and die, and compare the books. Raises AssertionError at what does not add up."""
    log = Log()
    writers = _people(house, beyond, plan, log)
    slow, slower = plan.pace
    octocat = Octocat(beyond.github, seed=plan.seed, pace=(CALM * slow, CALM * slower))
    post = Post(beyond.github, house.url + beyond.connection, seed=plan.seed)
    post.start()
    try:
        began = time.monotonic()
        killed = _while_they_write(house, [*writers, octocat], plan, say)
        say("all have stopped, comparing the books")
        rows = reconcile(
            house, log.acts, within=QUIET_WITHIN, is_quiet=lambda: _nothing_comes(house, beyond, post)
        )
    finally:
        _stop([post])
    sinks = all_that_came(house, beyond)
    sinks["GitHub"] = github_that_came(house, beyond.github, octocat.did)
    _no_more_than_one_twice_per_death(killed, sinks)
    assert "nothing differs" in house.flask("events", "verify")
    return Result(
        seed=plan.seed,
        seconds=time.monotonic() - began,
        killed=killed,
        acts=len(log.acts),
        refused=log.refused,
        asked_again=log.asked_again,
        rows=rows,
        delays=delays(house),
        sinks=sinks,
    )


def _people(house: House, beyond: Outside, plan: Plan, log: Log) -> list[Writer]:
    """Everybody signed in, each with two issues shared with neighbours; one in four issues goes to GitHub."""
    lead = house.person("ada", admin=True)
    people = [house.person(f"person{number}") for number in range(1, plan.users + 1)]
    found_project(house, lead, people)
    beyond.join(house, lead)
    ring = [_shared(house, lead, number) for number in range(plan.users)]
    log.acts += [Act(key, "created") for key in ring]
    writers = [
        Writer(house, who, (ring[number], ring[number - 1]), log, seed=plan.seed + number, plan=plan)
        for number, who in enumerate(people)
    ]
    for number, writer in enumerate(writers):
        writer.labels = _labels(number)
        writer.sign_in()
    return writers


def _shared(house: House, lead: Person, number: int) -> str:
    wanted = {"title": f"Shared {number}", "labels": _labels(number)}
    return str(house.ok(lead, "POST", "/projects/ORC/issues", wanted)["key"])


def _labels(number: int) -> list[str]:
    return [LABEL] if number % LINKED == 0 else []


def _while_they_write(
    house: House, people: Sequence[Writer | Octocat], plan: Plan, say: Callable[[str], None]
) -> Counter[str]:
    """Carry the plan out; returns what died."""
    killer = Killer(house, plan, say=say)
    for one in people:
        one.start()
    try:
        killer.run()
    finally:
        _stop(people)
    return killer.killed


def _stop(people: Sequence[Writer | Octocat | Post]) -> None:
    """Let them finish what they are at, and raise what went wrong with one of them."""
    for one in people:
        one.enough.set()
    for one in people:
        one.join(300)
    for one in people:
        assert not one.is_alive(), one.name
        if one.failed:
            raise one.failed


def _no_more_than_one_twice_per_death(killed: Counter[str], sinks: dict[str, Came]) -> None:
    """A receiver is told one thing at a time, so a worker's death leaves one doubt there, and each has its own."""
    deaths, kills = killed["worker child"] + killed["worker"], sum(killed[kind] for kind in KINDS)
    assert all(came.doubled <= deaths for came in sinks.values()), (killed, sinks)
    assert sum(came.doubled for came in sinks.values()) <= kills, (killed, sinks)


def _nothing_comes(house: House, beyond: Outside, post: Post) -> bool:
    """Whether GitHub has called with everything, and all of it is worked off."""
    assert post.failed is None, post.failed
    waiting = "SELECT count(*) FROM sync_arrivals WHERE next_attempt_at IS NOT NULL"
    return not beyond.github.calls and post.idle.is_set() and house.rows(waiting) == [(0,)]
