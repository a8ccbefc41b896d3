"""Deliveries of an inbox with several threads: planned, marked target by target, due again when the next target is.

Each target has its own attempts and its own times, so that a receiver that is ill costs the others nothing. That an
attempt begins is written down before it: a crash between sending and marking sends that one target again under the
same idempotency key, and it is known which one may have been sent twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update

from app import clock
from app.db import db
from app.inboxes.base import (
    AT_REST,
    FINISHED,
    TWICE,
    UNDER_WAY,
    UNSURE,
    Decision,
    Happening,
    Inbox,
    MaybeSent,
    Target,
    TryLater,
    Undeliverable,
    Withheld,
)
from app.inboxes.claiming import Claim, LostLease, renew
from app.inboxes.delivery import DeliveryTarget
from app.inboxes.marking import Mark, mark, next_wait
from app.inboxes.registry import BY_NAME
from app.restores import may_have_been_sent


@dataclass(frozen=True, slots=True)
class Standing:
    """How far one target has come. `due` is when it may be tried again."""

    state: str = "pending"
    error: str | None = None
    attempts: int = 0
    due: datetime | None = None
    doubts: int = 0
    """Attempts of which nobody knows whether they arrived."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one attempt to reach a target ended. `after`: how long the receiver asked to be left alone."""

    state: str
    words: str = ""
    after: timedelta = timedelta()
    unsure: bool = False
    """Whether it may have arrived although it failed."""


@dataclass(eq=False)
class Work:
    """A claimed delivery on its way: where its targets stand, and those that are to be reached now."""

    claim: Claim
    kind: type[Inbox]
    decision: Decision
    standings: dict[str, Standing] = field(default_factory=dict)
    todo: list[Target] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)
    """Those that were put off and not tried."""
    renewed_at: float = field(default_factory=clock.monotonic)


def decide(claim: Claim, happening: Happening, off: set[str]) -> tuple[Work, Sequence[Target]]:
    """What is to be done, and whom to reach. Reads only."""
    kind = BY_NAME[claim.inbox]
    if claim.inbox in off:
        return Work(claim, kind, Decision(False, "off")), []
    inbox = kind(happening)
    decision = inbox.decide()
    return Work(claim, kind, decision), inbox.plan() if decision.process else []


def prepare(work: Work, targets: Sequence[Target]) -> None:
    """A row for each target, within the transaction in hand; what may be tried now is to do. Raises LostLease.

    Targets that are none any more are let go.
    """
    claim = work.claim
    work.todo = []
    hold_on(work)
    known = _known(claim)
    wanted = [target.name for target in targets]
    doubts = int(may_have_been_sent(claim.event_id))
    new = [
        {"delivery_id": claim.id, "target": name, "state": "pending", "attempts": 0, "doubts": doubts}
        for name in wanted
        if name not in known
    ]
    if new:
        db.session.execute(insert(DeliveryTarget), new)
        known |= {str(one["target"]): Standing(doubts=doubts) for one in new}
    gone = [name for name, at in known.items() if name not in wanted and at.state not in FINISHED]
    if gone:
        words = "not concerned any more" if work.decision.process else work.decision.reason
        _change(claim, gone, state="skipped", reason=words[:300], finished_at=clock.now())
    known |= _hold_and_free(work, targets, known)
    work.standings = {name: known.get(name, Standing()) for name in wanted}
    _choose(work, targets)


def reach(kind: type[Inbox], target: Target) -> Result:
    """One attempt, with no transaction open. Raises nothing: what the outside does is kept with the target."""
    try:
        return Result("delivered", kind.send(target))
    except Undeliverable as error:
        return Result("dead", str(error))
    except Withheld as error:
        return Result("held", str(error))
    except TryLater as error:
        return Result("failed", str(error), error.after)
    except MaybeSent as error:
        return Result("failed", str(error), unsure=True)
    except Exception as error:  # noqa: BLE001 - the edge: whatever a receiver or our own code for it does
        return Result("failed", str(error) or type(error).__name__)


def start(work: Work, target: Target) -> None:
    """Write down that an attempt begins, within the transaction in hand."""
    _change(work.claim, [target.name], state=UNDER_WAY)


def write(work: Work, target: Target, result: Result, before: Standing) -> None:
    """Mark the target within the transaction in hand. Raises LostLease: then nothing of it counts."""
    hold_on(work)
    now = work.standings[target.name] = _standing(before, result, work.kind)
    _change(
        work.claim,
        [target.name],
        state=now.state,
        reason=_reason(now, result),
        attempts=now.attempts,
        doubts=now.doubts,
        next_attempt_at=now.due,
        last_error=(now.error or "")[:500] or None,
        finished_at=clock.now() if now.state in FINISHED else None,
    )
    if now.state == "delivered":
        work.kind.sent(target, work.claim.event_id, result.words)
    else:
        work.kind.missed(target, work.claim.event_id, result.words)


def put_off(work: Work, target: Target, until: datetime) -> None:
    """Leave the target alone until then; it was not tried. Written down by `finish`."""
    work.standings[target.name] = replace(work.standings[target.name], due=until)
    work.moved.add(target.name)


def hold_on(work: Work) -> None:
    """Hold the lease for another while, within the transaction in hand. Raises LostLease."""
    renew(work.claim)
    work.renewed_at = clock.monotonic()


def finish(work: Work) -> None:
    """Mark the delivery within the transaction in hand; it is due again when its next target is."""
    for name in work.moved:
        _change(work.claim, [name], next_attempt_at=work.standings[name].due)
    _mark(_verdict(work))


def _standing(before: Standing, result: Result, kind: type[Inbox]) -> Standing:
    now = replace(before, attempts=before.attempts + 1, doubts=before.doubts + result.unsure, due=None)
    if result.state == "delivered":
        return replace(now, state="delivered", error=None)
    wait = next_wait(now.attempts, kind.backoff) if result.state == "failed" else None
    if wait is None:
        return replace(now, state="dead" if result.state == "failed" else result.state, error=result.words)
    return replace(now, state="failed", error=result.words, due=clock.now() + max(wait, result.after))


def _reason(now: Standing, result: Result) -> str | None:
    if now.state == "delivered":
        return f"{result.words}, {TWICE}" if now.doubts else result.words[:300]
    if now.state == "held":
        return result.words[:300]
    return UNSURE if now.doubts else None


def _known(claim: Claim) -> dict[str, Standing]:
    """Where the targets stand. One that is under way was begun by a worker that is gone: it may have arrived."""
    columns = (
        DeliveryTarget.target,
        DeliveryTarget.state,
        DeliveryTarget.last_error,
        DeliveryTarget.attempts,
        DeliveryTarget.next_attempt_at,
        DeliveryTarget.doubts,
    )
    rows = db.session.execute(select(*columns).where(DeliveryTarget.delivery_id == claim.id)).all()
    known = {
        row.target: Standing(row.state, row.last_error, row.attempts, row.next_attempt_at, row.doubts)
        for row in rows
    }
    interrupted = [name for name, at in known.items() if at.state == UNDER_WAY]
    if interrupted:
        _change(claim, interrupted, state="pending", doubts=DeliveryTarget.doubts + 1)
    return known | {
        name: replace(known[name], state="pending", doubts=known[name].doubts + 1) for name in interrupted
    }


def _hold_and_free(work: Work, targets: Sequence[Target], known: dict[str, Standing]) -> dict[str, Standing]:
    """Put at rest what is to wait, and take up what waited and need not any more; returns those that changed."""
    changed: dict[str, Standing] = {}
    for target in targets:
        at = known.get(target.name, Standing())
        if at.state in FINISHED or (at.state == "held") == (target.held is not None):
            continue
        state = "held" if target.held else "pending"
        changed[target.name] = Standing(state, target.held, at.attempts, doubts=at.doubts)
        _change(work.claim, [target.name], state=state, reason=target.held, next_attempt_at=None)
        if target.held:
            work.kind.kept_back(target)
    return changed


def _choose(work: Work, targets: Sequence[Target]) -> None:
    now = clock.now()
    for target in targets:
        at = work.standings[target.name]
        if at.state in AT_REST or (at.due is not None and at.due > now):
            continue
        if target.after is not None and target.after > now:
            put_off(work, target, target.after)
        else:
            work.todo.append(target)


def _verdict(work: Work) -> Mark:
    """Tried again while a target may be reached; dead when none was, or when the attempts are used up.

    Held while all that is left waits for somebody.
    """
    claim, standings = work.claim, work.standings.values()
    if not work.decision.process:
        return Mark(claim, "skipped", reason=work.decision.reason)
    hopeless = [at.error or "" for at in standings if at.state == "dead"]
    waiting = [at.error or "" for at in standings if at.state == "held"]
    if left := [at for at in standings if at.state not in AT_REST]:
        errors = [at.error or "" for at in left if at.state == "failed"]
        return Mark(
            claim,
            "failed" if errors else "pending",
            error="; ".join(errors) or None,
            next_attempt_at=min(at.due or clock.now() for at in left),
            attempts=max(at.attempts for at in left),
        )
    tries = max((at.attempts for at in standings), default=claim.attempt)
    if waiting:
        return Mark(claim, "held", reason="; ".join(dict.fromkeys(waiting)), attempts=tries)
    if hopeless and len(hopeless) == len(standings):
        return Mark(claim, "dead", error="; ".join(hopeless), attempts=tries)
    if hopeless:
        reason = f"{work.decision.reason}, {len(hopeless)} of them could not be reached"
        return Mark(claim, "delivered", reason=reason, error="; ".join(hopeless), attempts=tries)
    return Mark(claim, "delivered", reason=work.decision.reason, attempts=tries)


def _change(claim: Claim, names: Sequence[str], **values: object) -> None:
    db.session.execute(
        update(DeliveryTarget)
        .where(DeliveryTarget.delivery_id == claim.id, DeliveryTarget.target.in_(names))
        .values(values)
        .execution_options(synchronize_session=False)
    )


def _mark(one: Mark) -> None:
    if not mark([one]):
        raise LostLease(f"{one.claim.inbox} was claimed again by another worker")
