"""Runs what was claimed: the inboxes that write in our database together, those that reach outside one by one."""

import logging
from collections.abc import Sequence
from functools import partial

from sqlalchemy.exc import DBAPIError

from app import clock, processes
from app.context import caused_by
from app.db import after_commit, begin_write, db
from app.events.event import Event
from app.inboxes import outside
from app.inboxes.base import LEASE, Happening, Inbox, Signal
from app.inboxes.delivery import Claim, LostLease, Mark, after_failure, claim_due, hand_back, mark, renew
from app.inboxes.happenings import load_happenings
from app.inboxes.lanes import Lanes
from app.inboxes.registry import BY_NAME
from app.inboxes.setting import switched_off
from app.live.publish import publish_many

log = logging.getLogger(__name__)

BATCH = {"sqlite": 200, "postgresql": 500}
"""Rows a claim takes: on SQLite fewer, since every writer waits meanwhile. One of those that reach outside: each may
take long, and a lease must not run out while its delivery waits its turn behind others."""


LONGEST_WRITE_SECONDS = 0.5
"""A transaction that has taken longer is committed, and the rest of the batch goes into another: on SQLite all writers
wait meanwhile, and an event that thousands of people are told of takes its time."""


def run_due(inboxes: Sequence[str], *, by: str) -> int:
    """Claim due deliveries of these inboxes and run them; returns how many were claimed."""
    many = [name for name in inboxes if BY_NAME[name].threads > 1]
    count = _run_in_lanes(many, by=by) if many else 0
    if few := [name for name in inboxes if name not in many]:
        count += _run_one_by_one(few, by=by)
    return count


def _run_in_lanes(inboxes: Sequence[str], *, by: str) -> int:
    lanes = Lanes(
        inboxes,
        take=lambda most: _claim(inboxes, limit=most, by=by),
        fail=_failed,
        load=load_happenings,
        threads=max(BY_NAME[name].threads for name in inboxes),
    )
    return lanes.run()


def _claim(inboxes: Sequence[str], *, limit: int, by: str) -> list[Claim]:
    """Due deliveries, in our hands now. One that killed its worker each time it was tried is dead."""
    begin_write()
    claims = claim_due(inboxes, limit=limit, by=by)
    db.session.commit()
    worn = [claim for claim in claims if claim.attempt > BY_NAME[claim.inbox].attempts_allowed()]
    for claim in worn:
        outside.finish(Mark(claim, "dead", error="the worker died each time it tried this"))
    ready = [claim for claim in claims if claim not in worn]
    return ready if ready or not claims else _claim(inboxes, limit=limit, by=by)


def _run_one_by_one(inboxes: Sequence[str], *, by: str) -> int:
    slow = all(BY_NAME[name].outside for name in inboxes)
    ready = _claim(inboxes, limit=1 if slow else BATCH[db.engine.dialect.name], by=by)
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
            claims = claims[_run_in_one_transaction(claims) :]
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


def _run_in_one_transaction(claims: list[Claim]) -> int:
    """Run the first of these, as many as fit into the time a transaction may take; returns how many."""
    begin_write()
    began = clock.monotonic()
    _keep_leases(claims)
    happenings = load_happenings([claim.event_id for claim in claims])
    off = switched_off()
    signals: dict[str, Signal] = {}
    done: dict[type[Inbox], list[Inbox]] = {}
    marks: list[Mark] = []
    for claim in claims:
        marks.append(_run_one(claim, happenings[claim.event_id], off, signals, done))
        if clock.monotonic() - began > LONGEST_WRITE_SECONDS:
            break
    for kind, handled in done.items():
        kind.together(handled)
    if not mark(marks):
        raise LostLease("a delivery of this batch was claimed again meanwhile")
    after_commit("signals", partial(publish_many, {topic: one.head for topic, one in signals.items()}))
    db.session.commit()
    return len(marks)


def _keep_leases(claims: list[Claim]) -> None:
    """Hold the leases of a batch that has been running for a while. Raises LostLease."""
    if clock.now() - claims[0].since > LEASE / 3:
        for claim in claims:
            renew(claim)


def _run_one(
    claim: Claim,
    happening: Happening,
    off: set[str],
    signals: dict[str, Signal],
    done: dict[type[Inbox], list[Inbox]],
) -> Mark:
    if claim.inbox in off:
        return Mark(claim, "skipped", reason="off")
    inbox = BY_NAME[claim.inbox](happening)
    decision = inbox.decide()
    if not decision.process:
        return Mark(claim, "skipped", reason=decision.reason)
    with caused_by(**consequence_of(happening.event)):
        for signal in inbox.handle():
            signals[signal.topic] = signal
    done.setdefault(type(inbox), []).append(inbox)
    return Mark(claim, "delivered", reason=decision.reason)


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
