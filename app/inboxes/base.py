"""What an inbox is: it says which actions it takes, decides about each event, and acts.

Two kinds. An inbox that writes in our database has its effect and its mark in one transaction: exactly once. One that
reaches outside (mail, chat, webhooks) plans its targets first, then sends to each with no transaction open, and marks
each: at least once, under one idempotency key.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

from app.accounts.user import User
from app.events.action import Action, Subject
from app.events.event import Event
from app.events.recording import Recorded
from app.issues.issue import Issue
from app.projects.project import Project

DELETED = "the issue was deleted"
LEASE = timedelta(seconds=30)
"""A claimed delivery is due again after this long unless it is marked or its lease renewed (decisions §11)."""
FINISHED = ("delivered", "skipped", "dead", "discarded")
"""The states of a target that nothing more happens to by itself or by a switch."""
AT_REST = (*FINISHED, "held")
"""The states of a target that is not tried again by itself."""
UNDER_WAY = "processing"
UNSURE = "may have been sent"
TWICE = "may have been sent twice"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether an inbox acts on an event, and why, in words a person understands."""

    process: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Signal:
    """A live topic and the number it has reached, told once the transaction is durable."""

    topic: str
    head: int


@dataclass(frozen=True, slots=True)
class Target:
    """One receiver of one event: `name` tells it apart from others, `message` is plain data ready to be sent.

    `held` says why nothing is sent for now (its endpoint is off): it waits until somebody sends it again.
    `after`: not before then, and that is no failed attempt. Of an inbox with several threads `sick`: it failed last
    time, and such receivers get half of the threads at most.
    """

    name: str
    message: Any
    held: str | None = None
    after: datetime | None = None
    sick: bool = False


class Undeliverable(Exception):
    """A target that cannot be reached, ever. The text says why; it is not tried again."""


class Withheld(Exception):
    """A target that waits until somebody sends it again: its receiver wants nothing more. The text says why."""


class TryLater(Exception):
    """A receiver that asked to be left alone for a while (Retry-After). The text says so in words."""

    def __init__(self, words: str, *, after: timedelta) -> None:
        super().__init__(words)
        self.after = after


class NotYet(TryLater):
    """The receiver may not be called at this moment, though nothing went wrong: its turn has not come.

    The delivery waits and spends no attempt.
    """


class MaybeSent(Exception):
    """The receiver was given everything and never answered: it may have it. Tried again, and marked as such."""


@dataclass
class Happening:
    """An event with what the inboxes need of its surroundings, loaded for the whole batch at once."""

    event: Event
    action: Action
    project: Project | None
    issue: Issue | None
    actor: User | None
    memo: dict[object, Any] = field(default_factory=dict)
    """What one inbox worked out and another may use in the same batch."""


class Inbox:
    """The base of every inbox. One instance serves one event."""

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    icon: ClassVar[str] = "bolt"
    queue: ClassVar[str] = "events"
    outside: ClassVar[bool] = False
    """Reaches beyond our database: it implements `plan` and `send` in place of `handle`."""
    threads: ClassVar[int] = 1
    """How many targets are reached at the same moment; one target of a name at a time. `send` of an inbox that has
    several runs in a thread with an app context and a session of its own."""
    tells_people: ClassVar[bool] = False
    """What it does reaches people: past events are only offered again when somebody insists."""
    backoff: ClassVar[Sequence[timedelta]] = tuple(
        min(timedelta(seconds=2**attempt), timedelta(hours=1)) for attempt in range(1, 8)
    )
    """The wait after each failed attempt; after the last one the delivery is dead."""
    locked: ClassVar[str | None] = None
    """Why it cannot be switched off, nor its deliveries given up; None for those that can."""

    def __init__(self, happening: Happening) -> None:
        self.happening = happening

    @classmethod
    def takes(cls, subject: Subject | str, action: type[Action]) -> bool:
        """Whether this inbox declares the action: it then gets a delivery for every such event."""
        raise NotImplementedError(f"{cls.__name__} does not say what it takes")

    def decide(self) -> Decision:
        """The decision, asked by those who run inboxes: of a deleted issue most have nothing to tell any more."""
        issue = self.happening.issue
        if issue is not None and issue.deleted_at is not None and not self.minds_deleted():
            return Decision(False, DELETED)
        return self.should_process()

    def minds_deleted(self) -> bool:
        """Whether this event is worked on although its issue has been deleted: what is written stays out of sight."""
        return False

    def should_process(self) -> Decision:
        """Decide. Reads only; asked again on each attempt, so that rights of the moment count."""
        raise NotImplementedError(f"{type(self).__name__} does not decide")

    def handle(self) -> Sequence[Signal]:
        """Act inside the marking transaction. Safe to be asked again when the transaction was rolled back.

        Those that act on all events of a transaction at once have `together` in its place.
        """
        return ()

    @classmethod
    def acts_alone(cls) -> bool:
        """Whether it has a `handle` of its own."""
        return cls.handle is not Inbox.handle

    @classmethod
    def ahead(cls, happenings: Sequence[Happening]) -> None:
        """Read at once what `should_process` of all these needs, into their `memo`. Before the first is decided."""

    @property
    def weight(self) -> int:
        """About how many rows acting on the event writes: a transaction takes only so many."""
        return 1

    @classmethod
    def together(cls, done: Sequence["Inbox"]) -> Sequence[Signal]:  # noqa: ARG003 - for those that do
        """Do once, for all that were handled in one transaction, what is better done at once. Before the marks."""
        return ()

    @classmethod
    def take_imported(cls, events: Sequence[Recorded]) -> str | None:  # noqa: ARG003 - for those that do
        """Take history that is brought in, in the transaction that records it: what became of it, in words.

        None, as for most inboxes: it is left alone, and its deliveries are finished rows that say so.
        """
        return None

    def plan(self) -> Sequence[Target]:
        """Whom to reach, with everything ready to be sent as plain data. Reads only."""
        raise NotImplementedError(f"{type(self).__name__} has no targets")

    @classmethod
    def send(cls, target: Target) -> str:
        """Reach one target with no transaction open; returns what became of it in a few words.

        Raises Undeliverable when it is hopeless, TryLater when the receiver named a time, NotYet when it is not its
        turn, MaybeSent when nobody knows whether it arrived, Withheld when it has to wait for somebody (of an inbox
        with several threads); any other exception is tried again. The text names the receiver and says in words what
        went wrong: administrators read it.
        """
        raise NotImplementedError(f"{cls.__name__} sends nothing")

    @classmethod
    def sent(cls, target: Target, event_id: int, outcome: str) -> None:
        """Write down what was sent, inside the transaction that marks the target."""

    @classmethod
    def missed(cls, target: Target, event_id: int, error: str) -> None:
        """Write down that an attempt failed, inside the transaction that marks it. Of several threads only."""

    @classmethod
    def kept_back(cls, target: Target) -> None:
        """Write down that a target is held, inside the transaction that holds it. Of several threads only."""

    @cached_property
    def event(self) -> Event:
        return self.happening.event

    @classmethod
    def attempts_allowed(cls) -> int:
        return len(cls.backoff) + 1
