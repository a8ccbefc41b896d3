"""Runs what was claimed: the inboxes that write in our database together, those that reach outside one by one."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy.exc import DBAPIError

from app import clock, processes
from app.context import caused_by
from app.db import after_commit, begin_write, db
from app.events.event import Event
from app.inboxes import outside
from app.inboxes.base import LEASE, Happening, Inbox, Signal
from app.inboxes.claiming import Claim, LostLease, claim_due, hand_back, renew
from app.inboxes.happenings import load_happenings
from app.inboxes.lanes import Lanes
from app.inboxes.marking import Mark, after_failure, mark
from app.inboxes.registry import BY_NAME, INBOXES, names_of
from app.inboxes.setting import switched_off
from app.live.publish import publish_many

log = logging.getLogger(__name__)

BATCH = 1_000
"""Rows a claim takes, written in about a tenth of a second. One of those that reach outside: each may take long, and a
lease must not run out while its delivery waits its turn behind others."""
LONGEST_WRITE_SECONDS = 0.5
"""A transaction that has taken longer is committed, and the rest of the batch goes into another: on SQLite all writers
wait meanwhile, and an event that thousands of people are told of takes its time."""
MOST_ROWS = 2_000
"""The same by what is written at the end for all of them: it cannot be stopped half way."""


def run_due(queue: str, *, by: str) -> int:
    """Claim due deliveries of the queue and run them; returns how many were claimed."""
    inboxes = names_of(queue)
    many = [name for name in inboxes if BY_NAME[name].threads > 1]
    count = _run_in_lanes(queue, many, by=by) if many else 0
    if few := [name for name in inboxes if name not in many]:
        count += _run_one_by_one(queue, few, by=by)
    return count


def _run_in_lanes(queue: str, inboxes: Sequence[str], *, by: str) -> int:
    lanes = Lanes(
        queue,
        inboxes,
        take=lambda most: _claim(queue, inboxes, limit=most, by=by),
        fail=_failed,
        load=load_happenings,
        threads=max(BY_NAME[name].threads for name in inboxes),
    )
    return lanes.run()


def _claim(queue: str, inboxes: Sequence[str], *, limit: int, by: str) -> list[Claim]:
    """Due deliveries, in our hands now. One that killed its worker each time it was tried is dead."""
    begin_write()
    claims = claim_due(queue, inboxes, limit=limit, by=by)
    db.session.commit()
    worn = [claim for claim in claims if claim.attempt > BY_NAME[claim.inbox].attempts_allowed()]
    for claim in worn:
        outside.finish(Mark(claim, "dead", error="the worker died each time it tried this"))
    ready = [claim for claim in claims if claim not in worn]
    return ready if ready or not claims else _claim(queue, inboxes, limit=limit, by=by)


def _run_one_by_one(queue: str, inboxes: Sequence[str], *, by: str) -> int:
    slow = all(BY_NAME[name].outside for name in inboxes)
    ready = _claim(queue, inboxes, limit=1 if slow else BATCH, by=by)
    ours = [claim for claim in ready if not BY_NAME[claim.inbox].outside]
    if ours:
        _run_together(ours)
    for claim in ready:
        if BY_NAME[claim.inbox].outside:
            _run_outside(claim)
    return len(ready)


def _run_together(claims: list[Claim]) -> None:
    """Effects and marks in one transaction; when one fails, in halves, until it fails alone."""
    try:
        while claims:
            claims = _run_in_one_transaction(claims)
            if claims and processes.is_asked_to_stop():
                _hand_back(claims)
                return
    except Exception as error:  # noqa: BLE001 - the edge: whatever an inbox raises is kept with its delivery
        db.session.rollback()
        if len(claims) == 1:
            _failed(claims[0], error)
        else:
            middle = len(claims) // 2
            _run_together(claims[:middle])
            _run_together(claims[middle:])


def _hand_back(claims: list[Claim]) -> None:
    begin_write()
    for claim in claims:
        hand_back(claim)
    db.session.commit()


def _run_in_one_transaction(claims: Sequence[Claim]) -> list[Claim]:
    """Run of these as many as fit into the time a transaction may take; returns those that are left.

    Inbox after inbox, so that each reads and writes once for all of its events.
    """
    begin_write()
    _keep_leases(claims)
    turn = _Turn(load_happenings([claim.event_id for claim in claims]), switched_off())
    for kind in INBOXES:
        turn.take([claim for claim in claims if claim.inbox == kind.name], kind)
    if not mark(turn.marks):
        raise LostLease("a delivery of this batch was claimed again meanwhile")
    after_commit("signals", partial(publish_many, turn.heads))
    db.session.commit()
    done = {one.claim.id for one in turn.marks}
    return [claim for claim in claims if claim.id not in done]


def _keep_leases(claims: Sequence[Claim]) -> None:
    """Hold the leases of a batch that has been running for a while. Raises LostLease."""
    if clock.now() - claims[0].since > LEASE / 3:
        for claim in claims:
            renew(claim)


@dataclass
class _Turn:
    """One transaction: what is done in it, until it has taken long enough or written enough."""

    happenings: dict[int, Happening]
    off: set[str]
    marks: list[Mark] = field(default_factory=list)
    heads: dict[str, int] = field(default_factory=dict)
    weight: int = 0
    began: float = field(default_factory=clock.monotonic)

    @property
    def is_over(self) -> bool:
        return self.weight > MOST_ROWS or clock.monotonic() - self.began > LONGEST_WRITE_SECONDS

    def take(self, claims: Sequence[Claim], kind: type[Inbox]) -> None:
        """Decide and act on these, all of one inbox, in order."""
        if not claims or (self.marks and self.is_over):
            return
        kind.ahead([self.happenings[claim.event_id] for claim in claims])
        done = []
        for claim in claims:
            inbox = kind(self.happenings[claim.event_id])
            if self._run_one(claim, inbox):
                done.append(inbox)
                self.weight += inbox.weight
            if self.is_over:
                break
        if done:
            self._tell(kind.together(done))

    def _run_one(self, claim: Claim, inbox: Inbox) -> bool:
        """Whether the inbox acted."""
        if claim.inbox in self.off:
            self.marks.append(Mark(claim, "skipped", reason="off"))
            return False
        decision = inbox.decide()
        if decision.process and inbox.acts_alone():
            with caused_by(**consequence_of(inbox.event)):
                self._tell(inbox.handle())
        self.marks.append(Mark(claim, "delivered" if decision.process else "skipped", reason=decision.reason))
        return decision.process

    def _tell(self, signals: Sequence[Signal]) -> None:
        self.heads.update({one.topic: one.head for one in signals})


def _run_outside(claim: Claim) -> None:
    try:
        outside.run(claim, load=load_happenings)
    except Exception as error:  # noqa: BLE001 - the edge, as above
        db.session.rollback()
        _failed(claim, error)


def _failed(claim: Claim, error: Exception) -> None:
    if isinstance(error, LostLease):
        return
    log.warning(
        "%s failed on event %s, attempt %s", claim.inbox, claim.event_id, claim.attempt, exc_info=error
    )
    _finish([after_failure(claim, _in_a_line(error), BY_NAME[claim.inbox].backoff)])


def _in_a_line(error: Exception) -> str:
    """What went wrong, for administrators: without the statement and the values a database error carries."""
    said = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return f"{type(said).__name__}: {next(iter(str(said).splitlines()), '')}"


def _finish(marks: list[Mark]) -> None:
    begin_write()
    mark(marks)
    db.session.commit()


def consequence_of(event: Event) -> dict[str, object]:
    """What is recorded while an inbox handles this event names it as its cause."""
    return {
        "via": "job",
        "event_id": event.id,
        "root_id": event.root_id or event.id,
        "depth": event.depth + 1,
    }
