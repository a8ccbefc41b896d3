"""Runs one delivery of an inbox that reaches outside: plan, send with no transaction open, mark each target.

A crash between sending and marking sends that one target again under the same idempotency key, and no other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import insert, select, update

from app import clock
from app.db import begin_write, db
from app.inboxes.base import LEASE, Decision, Happening, Inbox, Target, TryLater, Undeliverable
from app.inboxes.delivery import Claim, DeliveryTarget, Mark, after_failure, mark, renew
from app.inboxes.registry import BY_NAME
from app.inboxes.setting import switched_off

Load = Callable[[Sequence[int]], dict[int, Happening]]
RENEW_AFTER = LEASE.total_seconds() / 3
FINISHED = ("delivered", "skipped", "dead", "discarded")
"""The states of a target that nothing more happens to by itself or by a switch."""
AT_REST = (*FINISHED, "held")
"""The states of a target that is not tried again by itself."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """How far one target has come."""

    state: str
    error: str | None = None
    after: timedelta = timedelta()
    """How long the receiver asked to be left alone."""


def run(claim: Claim, *, load: Load) -> None:
    """Reach every target that was not reached yet, and mark the delivery. Raises LostLease."""
    kind = BY_NAME[claim.inbox]
    if claim.inbox in switched_off():
        _finish(Mark(claim, "skipped", reason="off"))
        return
    inbox = kind(load([claim.event_id])[claim.event_id])
    decision = inbox.should_process()
    if not decision.process:
        _finish(Mark(claim, "skipped", reason=decision.reason))
        return
    targets = inbox.plan()
    db.session.commit()  # nothing is open while we talk to the outside
    _finish(_verdict(claim, kind, decision, _send_all(claim, kind, targets)))


def _send_all(claim: Claim, kind: type[Inbox], targets: Sequence[Target]) -> dict[str, _Standing]:
    standings = _prepare(claim, targets)
    held_since = clock.monotonic()
    for target in targets:
        if standings[target.name].state in AT_REST:
            continue
        if clock.monotonic() - held_since > RENEW_AFTER:
            begin_write()
            renew(claim)
            db.session.commit()
            held_since = clock.monotonic()
        standings[target.name] = _send(claim, kind, target)
    return standings


def _prepare(claim: Claim, targets: Sequence[Target]) -> dict[str, _Standing]:
    """A row for each target; returns where each stands. Those that are no targets any more are let go."""
    begin_write()
    renew(claim)
    rows = db.session.execute(
        select(DeliveryTarget.target, DeliveryTarget.state, DeliveryTarget.last_error).where(
            DeliveryTarget.delivery_id == claim.id
        )
    )
    known = {row.target: _Standing(row.state, row.last_error) for row in rows}
    wanted = [target.name for target in targets]
    new = [
        {"delivery_id": claim.id, "target": name, "state": "pending", "attempts": 0}
        for name in wanted
        if name not in known
    ]
    if new:
        db.session.execute(insert(DeliveryTarget), new)
    gone = [name for name, at in known.items() if name not in wanted and at.state not in FINISHED]
    if gone:
        _change(claim, gone, state="skipped", reason="not concerned any more", finished_at=clock.now())
    known |= _hold_and_free(claim, targets, known)
    db.session.commit()
    return {name: known.get(name, _Standing("pending")) for name in wanted}


def _hold_and_free(
    claim: Claim, targets: Sequence[Target], known: dict[str, _Standing]
) -> dict[str, _Standing]:
    """Put at rest what is to wait, and take up what waited and need not any more; returns those that changed."""
    changed: dict[str, _Standing] = {}
    for target in targets:
        state = known.get(target.name, _Standing("pending")).state
        if state in FINISHED or (state == "held") == (target.held is not None):
            continue
        changed[target.name] = _Standing("held" if target.held else "pending", target.held)
        _change(claim, [target.name], state=changed[target.name].state, reason=target.held)
    return changed


def _send(claim: Claim, kind: type[Inbox], target: Target) -> _Standing:
    outcome = ""
    try:
        outcome = kind.send(target)
        now = _Standing("delivered")
    except Undeliverable as error:
        now = _Standing("dead", str(error))
    except TryLater as error:
        now = _Standing("failed", str(error), error.after)
    except Exception as error:  # noqa: BLE001 - the edge: what the outside does is kept with the target
        now = _Standing("failed", str(error) or type(error).__name__)
    begin_write()
    _change(
        claim,
        [target.name],
        state=now.state,
        reason=outcome[:300] or None,
        attempts=DeliveryTarget.attempts + 1,
        last_error=(now.error or "")[:500] or None,
        finished_at=clock.now() if now.state in FINISHED else None,
    )
    if now.state == "delivered":
        kind.sent(target, claim.event_id, outcome)
    db.session.commit()
    return now


def _verdict(claim: Claim, kind: type[Inbox], decision: Decision, standings: dict[str, _Standing]) -> Mark:
    """Tried again while a target may be reached; dead when none was, or when the attempts are used up.

    Held while all that is left waits for somebody.
    """
    failed = [at.error or "" for at in standings.values() if at.state == "failed"]
    hopeless = [at.error or "" for at in standings.values() if at.state == "dead"]
    waiting = [at.error or "" for at in standings.values() if at.state == "held"]
    if failed:
        soonest = max(at.after for at in standings.values())
        return after_failure(claim, "; ".join(failed), kind.backoff, at_least=soonest)
    if waiting:
        return Mark(claim, "held", reason="; ".join(dict.fromkeys(waiting)))
    if hopeless and len(hopeless) == len(standings):
        return Mark(claim, "dead", error="; ".join(hopeless))
    if hopeless:
        reason = f"{decision.reason}, {len(hopeless)} of them could not be reached"
        return Mark(claim, "delivered", reason=reason, error="; ".join(hopeless))
    return Mark(claim, "delivered", reason=decision.reason)


def _change(claim: Claim, names: Sequence[str], **values: object) -> None:
    db.session.execute(
        update(DeliveryTarget)
        .where(DeliveryTarget.delivery_id == claim.id, DeliveryTarget.target.in_(names))
        .values(values)
        .execution_options(synchronize_session=False)
    )


def _finish(one: Mark) -> None:
    """Mark the delivery, and leave no target waiting for an attempt that will not come."""
    begin_write()
    if mark([one]) and one.state in ("dead", "skipped"):
        db.session.execute(
            update(DeliveryTarget)
            .where(DeliveryTarget.delivery_id == one.claim.id, DeliveryTarget.state.not_in(AT_REST))
            .values(state=one.state, reason=(one.reason or "")[:300] or None, finished_at=clock.now())
            .execution_options(synchronize_session=False)
        )
    db.session.commit()
