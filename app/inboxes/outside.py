"""Runs one delivery of an inbox that reaches outside: plan, send with no transaction open, mark each target.

That an attempt begins is written down before it, together with how the one before it ended. So a crash between sending
and marking sends that one target again under the same idempotency key, and no other, and it is known which one may
have been sent twice.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import insert, select, update

from app import clock, processes
from app.db import begin_write, db
from app.inboxes.base import (
    AT_REST,
    FINISHED,
    LEASE,
    TWICE,
    UNDER_WAY,
    UNSURE,
    Decision,
    Happening,
    Inbox,
    MaybeSent,
    NotYet,
    Target,
    TryLater,
    Undeliverable,
)
from app.inboxes.claiming import Claim, LostLease, hand_back, renew
from app.inboxes.delivery import DeliveryTarget
from app.inboxes.marking import Mark, after_failure, after_waiting, mark
from app.inboxes.registry import BY_NAME
from app.inboxes.setting import switched_off
from app.restores import may_have_been_sent

Load = Callable[[Sequence[int]], dict[int, Happening]]
RENEW_AFTER = LEASE.total_seconds() / 3
SLICE_SECONDS = 10.0
"""A delivery to many gives its place up after this long, so that a slow receiver does not hold up other events."""
LATER = "waits for the time its receiver chose"


@dataclass(frozen=True, slots=True)
class _Standing:
    """How far one target has come."""

    state: str
    error: str | None = None
    after: timedelta = timedelta()
    """How long the receiver asked to be left alone."""
    doubts: int = 0
    """Attempts of which nobody knows whether they arrived."""


def run(claim: Claim, *, load: Load) -> None:
    """Reach every target that was not reached yet, and mark the delivery. Raises LostLease."""
    kind = BY_NAME[claim.inbox]
    if claim.inbox in switched_off():
        finish(Mark(claim, "skipped", reason="off"))
        return
    inbox = kind(load([claim.event_id])[claim.event_id])
    decision = inbox.decide()
    if not decision.process:
        finish(Mark(claim, "skipped", reason=decision.reason))
        return
    waiting = deque(inbox.plan())
    db.session.commit()  # nothing is open while we talk to the outside
    standings = _send_all(claim, kind, waiting)
    if standings is not None:
        finish(_verdict(claim, kind, decision, standings))


def _send_all(claim: Claim, kind: type[Inbox], waiting: deque[Target]) -> dict[str, _Standing] | None:
    """How far each target has come; None when the turn was over before all were tried.

    What has been tried is taken out and let go: the messages of ten thousand targets are never there at once.
    """
    moment = clock.now()
    later = {one.name: one.after - moment for one in waiting if one.after is not None and one.after > moment}
    standings = _prepare(claim, waiting, later)
    for _ in range(len(waiting)):
        target = waiting.popleft()
        if standings[target.name].state in AT_REST:
            continue
        if target.name in later:
            standings[target.name] = _Standing("pending", LATER, later[target.name])
        else:
            waiting.append(target)
    began = held_since = clock.monotonic()
    while waiting:
        if clock.monotonic() - held_since > RENEW_AFTER:
            begin_write()
            renew(claim)
            db.session.commit()
        target = waiting.popleft()
        after = waiting[0].name if waiting else None
        standings[target.name] = _send(claim, kind, target, standings[target.name], after)
        held_since = clock.monotonic()
        if waiting and (processes.is_asked_to_stop() or held_since - began > SLICE_SECONDS):
            _hand_back(claim, waiting[0])
            return None
    return standings


def _hand_back(claim: Claim, unbegun: Target) -> None:
    begin_write()
    if hand_back(claim):
        _change(claim, [unbegun.name], state="pending")
    db.session.commit()


def _prepare(claim: Claim, targets: deque[Target], later: Mapping[str, timedelta]) -> dict[str, _Standing]:
    """A row for each target, the first one begun; returns where each stands. Those that are none any more are let go.

    One that is under way was begun by a worker that is gone: nobody knows whether it arrived.
    """
    begin_write()
    renew(claim)
    known = _known(claim)
    wanted = {target.name for target in targets}
    doubts = int(may_have_been_sent(claim.event_id))
    new = [
        {"delivery_id": claim.id, "target": target.name, "state": "pending", "attempts": 0, "doubts": doubts}
        for target in targets
        if target.name not in known
    ]
    if new:
        db.session.execute(insert(DeliveryTarget), new)
        known |= {str(one["target"]): _Standing("pending", doubts=doubts) for one in new}
    gone = [name for name, at in known.items() if name not in wanted and at.state not in FINISHED]
    if gone:
        _change(claim, gone, state="skipped", reason="not concerned any more", finished_at=clock.now())
    known |= _hold_and_free(claim, targets, known)
    standings = {target.name: known.get(target.name, _Standing("pending")) for target in targets}
    open_ones = [name for name, at in standings.items() if at.state not in AT_REST]
    if unbegun := [name for name in open_ones if name in later]:
        _change(claim, unbegun, state="pending", reason=LATER)
    if begun := [name for name in open_ones if name not in later]:
        _change(claim, begun[:1], state=UNDER_WAY)
    db.session.commit()
    return standings


def _known(claim: Claim) -> dict[str, _Standing]:
    columns = (DeliveryTarget.target, DeliveryTarget.state, DeliveryTarget.last_error, DeliveryTarget.doubts)
    rows = db.session.execute(select(*columns).where(DeliveryTarget.delivery_id == claim.id)).all()
    interrupted = [row.target for row in rows if row.state == UNDER_WAY]
    if interrupted:
        _change(claim, interrupted, state="pending", doubts=DeliveryTarget.doubts + 1)
    return {
        row.target: _Standing("pending", row.last_error, doubts=row.doubts + 1)
        if row.state == UNDER_WAY
        else _Standing(row.state, row.last_error, doubts=row.doubts)
        for row in rows
    }


def _hold_and_free(claim: Claim, targets: deque[Target], known: dict[str, _Standing]) -> dict[str, _Standing]:
    """Put at rest what is to wait, and take up what waited and need not any more; returns those that changed."""
    changed: dict[str, _Standing] = {}
    for target in targets:
        at = known.get(target.name, _Standing("pending"))
        if at.state in FINISHED or (at.state == "held") == (target.held is not None):
            continue
        changed[target.name] = _Standing("held" if target.held else "pending", target.held, doubts=at.doubts)
        _change(claim, [target.name], state=changed[target.name].state, reason=target.held)
    return changed


def _send(
    claim: Claim, kind: type[Inbox], target: Target, before: _Standing, following: str | None
) -> _Standing:
    """Try the target, mark it, and write down that the following one begins. Raises LostLease."""
    now, outcome = _attempt(kind, target, before.doubts)
    begin_write()
    ours = _is_still_ours(claim)
    if ours or now.state == "delivered":  # one that has lost its lease still tells what it has certainly done
        _change(
            claim,
            [target.name],
            state=now.state,
            reason=outcome[:300] or None,
            attempts=DeliveryTarget.attempts + int(now.state != "pending"),
            doubts=DeliveryTarget.doubts + (now.doubts - before.doubts),
            last_error=None if now.state == "pending" else (now.error or "")[:500] or None,
            finished_at=clock.now() if now.state in FINISHED else None,
        )
    if now.state == "delivered":
        kind.sent(target, claim.event_id, outcome)
    if ours and following is not None:
        _change(claim, [following], state=UNDER_WAY)
    db.session.commit()
    if not ours:
        raise LostLease(f"{claim.inbox} was claimed again by another worker")
    return now


def _attempt(kind: type[Inbox], target: Target, doubts: int) -> tuple[_Standing, str]:
    """Where the target stands after this attempt, and what became of it in a few words."""
    try:
        outcome = kind.send(target)
    except Undeliverable as error:
        return _Standing("dead", str(error), doubts=doubts), UNSURE if doubts else ""
    except NotYet as error:
        return _Standing("pending", str(error), error.after, doubts), str(error)
    except TryLater as error:
        return _Standing("failed", str(error), error.after, doubts), ""
    except MaybeSent as error:
        return _Standing("failed", str(error), doubts=doubts + 1), UNSURE
    except Exception as error:  # noqa: BLE001 - the edge: what the outside does is kept with the target
        return _Standing("failed", str(error) or type(error).__name__, doubts=doubts), ""
    return _Standing("delivered", doubts=doubts), f"{outcome}, {TWICE}" if doubts else outcome


def _is_still_ours(claim: Claim) -> bool:
    try:
        renew(claim)
    except LostLease:
        return False
    return True


def _verdict(claim: Claim, kind: type[Inbox], decision: Decision, standings: dict[str, _Standing]) -> Mark:
    """Tried again while a target may be reached; dead when none was, or when the attempts are used up.

    Held while all that is left waits for somebody.
    """
    failed = {name: at for name, at in standings.items() if at.state == "failed"}
    hopeless = [at.error or "" for at in standings.values() if at.state == "dead"]
    waiting = [at.error or "" for at in standings.values() if at.state == "held"]
    not_yet = [at for at in standings.values() if at.state == "pending"]
    if failed:
        errors = "; ".join(at.error or "" for at in failed.values())
        longest = max(at.after for at in failed.values())
        again = after_failure(claim, errors, kind.backoff, at_least=longest)
        if again.state == "failed" or not not_yet:
            return again
        _give_up(claim, list(failed))  # the others' time is still to come
    if not_yet:
        return after_waiting(claim, not_yet[0].error or "", min(at.after for at in not_yet))
    if waiting:
        return Mark(claim, "held", reason="; ".join(dict.fromkeys(waiting)))
    if hopeless and len(hopeless) == len(standings):
        return Mark(claim, "dead", error="; ".join(hopeless))
    if hopeless:
        reason = f"{decision.reason}, {len(hopeless)} of them could not be reached"
        return Mark(claim, "delivered", reason=reason, error="; ".join(hopeless))
    return Mark(claim, "delivered", reason=decision.reason)


def _give_up(claim: Claim, names: Sequence[str]) -> None:
    begin_write()
    _change(claim, names, state="dead", finished_at=clock.now())
    db.session.commit()


def _change(claim: Claim, names: Sequence[str], **values: object) -> None:
    db.session.execute(
        update(DeliveryTarget)
        .where(DeliveryTarget.delivery_id == claim.id, DeliveryTarget.target.in_(names))
        .values(values)
        .execution_options(synchronize_session=False)
    )


def finish(one: Mark) -> None:
    """Mark the delivery, and leave no target waiting for an attempt that will not come."""
    begin_write()
    if mark([one]) and one.state in ("dead", "skipped"):
        open_ones = (DeliveryTarget.delivery_id == one.claim.id, DeliveryTarget.state.not_in(AT_REST))
        doubtful = {"reason": UNSURE, "doubts": DeliveryTarget.doubts + 1}
        for under_way in (True, False):
            db.session.execute(
                update(DeliveryTarget)
                .where(*open_ones, (DeliveryTarget.state == UNDER_WAY) == under_way)
                .values(
                    state=one.state,
                    finished_at=clock.now(),
                    **(doubtful if under_way else {"reason": (one.reason or "")[:300] or None}),
                )
                .execution_options(synchronize_session=False)
            )
    db.session.commit()
