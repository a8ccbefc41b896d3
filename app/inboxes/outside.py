"""Runs one delivery of an inbox that reaches outside: plan, send with no transaction open, mark each target.

A crash between sending and marking sends that one target again under the same idempotency key, and no other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select, update

from app import clock
from app.db import begin_write, db
from app.inboxes.base import LEASE, Happening, Inbox, Target, Undeliverable
from app.inboxes.delivery import Claim, DeliveryTarget, Mark, after_failure, mark, renew
from app.inboxes.registry import BY_NAME
from app.inboxes.setting import switched_off

Load = Callable[[Sequence[int]], dict[int, Happening]]
RENEW_AFTER = LEASE.total_seconds() / 3


@dataclass(frozen=True, slots=True)
class _Failure:
    target: str
    error: str
    hopeless: bool


def run(claim: Claim, *, load: Load) -> None:
    """Reach every target of the delivery that was not reached yet, and mark the delivery."""
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
    failures = _send_all(claim, kind, targets)
    trying = [failure for failure in failures if not failure.hopeless]
    if trying:
        _finish(after_failure(claim, "; ".join(f"{one.target}: {one.error}" for one in trying), kind.backoff))
    elif failures and len(failures) == len(targets):
        _finish(Mark(claim, "dead", error="; ".join(f"{one.target}: {one.error}" for one in failures)))
    else:
        _finish(Mark(claim, "delivered", reason=decision.reason))


def _send_all(claim: Claim, kind: type[Inbox], targets: Sequence[Target]) -> list[_Failure]:
    states = _prepare(claim, targets)
    failures = []
    held_since = clock.monotonic()
    for target in targets:
        if states[target.name] == "delivered":
            continue
        if clock.monotonic() - held_since > RENEW_AFTER:
            begin_write()
            renew([claim])
            db.session.commit()
            held_since = clock.monotonic()
        failure = _send(claim, kind, target)
        if failure:
            failures.append(failure)
    return failures


def _prepare(claim: Claim, targets: Sequence[Target]) -> dict[str, str]:
    """A row for each target; returns where each stands."""
    begin_write()
    query = select(DeliveryTarget.target, DeliveryTarget.state).where(DeliveryTarget.delivery_id == claim.id)
    states = {name: state for name, state in db.session.execute(query)}
    new = [target.name for target in targets if target.name not in states]
    if new:
        rows = [{"delivery_id": claim.id, "target": name, "state": "pending", "attempts": 0} for name in new]
        db.session.execute(insert(DeliveryTarget), rows)
    db.session.commit()
    return {**states, **dict.fromkeys(new, "pending")}


def _send(claim: Claim, kind: type[Inbox], target: Target) -> _Failure | None:
    failure, outcome = None, None
    try:
        outcome = kind.send(target)
    except Undeliverable as error:
        failure = _Failure(target.name, str(error), hopeless=True)
    except Exception as error:  # the edge: what the outside does is kept with the target
        failure = _Failure(target.name, f"{type(error).__name__}: {error}", hopeless=False)
    begin_write()
    state = "delivered" if failure is None else "dead" if failure.hopeless else "failed"
    db.session.execute(
        update(DeliveryTarget)
        .where(DeliveryTarget.delivery_id == claim.id, DeliveryTarget.target == target.name)
        .values(
            state=state,
            reason=(outcome or "")[:300] or None,
            attempts=DeliveryTarget.attempts + 1,
            last_error=failure.error[:500] if failure else None,
            finished_at=clock.now() if state != "failed" else None,
        )
        .execution_options(synchronize_session=False)
    )
    if failure is None:
        kind.sent(target, claim.event_id, outcome or "")
    db.session.commit()
    return failure


def _finish(one: Mark) -> None:
    begin_write()
    mark([one])
    db.session.commit()
