"""The workflow: which step leads from where to where, kept by one state machine for all issues.

One shared machine with no model bound to it: `machine.events[step].trigger(issue, …)` costs nothing per row, and its
callback after the change of state records exactly one event per move.
"""

import logging
from typing import Any, Literal, get_args

from transitions import EventData, Machine, MachineError

from app import clock
from app.errors import Conflict, Invalid
from app.events.action import Action
from app.events.event import Actor
from app.events.issue_actions import Closed, Reopened, StatusChanged, TriggeredBy
from app.events.recording import lock, record_event
from app.issues.issue import STATUSES, Issue

Step = Literal["start", "stop", "resolve", "close", "reopen"]
STEPS: tuple[Step, ...] = get_args(Step)
REASON_MAX = 500

MOVES: tuple[tuple[Step, tuple[str, ...], str], ...] = (
    ("start", ("open", "reopened"), "in_progress"),
    ("stop", ("in_progress",), "open"),
    ("resolve", ("open", "in_progress", "reopened"), "resolved"),
    ("close", ("open", "in_progress", "resolved", "reopened"), "closed"),
    ("reopen", ("resolved", "closed"), "reopened"),
)
"""Step, from where, to where."""
TARGETS: dict[str, str] = {step: target for step, _, target in MOVES}

WORDS = {
    "open": "open",
    "in_progress": "in progress",
    "resolved": "resolved",
    "closed": "closed",
    "reopened": "reopened",
}


def allowed_steps(issue: Issue) -> list[Step]:
    """The steps the workflow allows now, the likeliest first."""
    return steps_from(issue.status)


def steps_from(status: str) -> list[Step]:
    """The steps that lead away from a status, the likeliest first."""
    order: dict[str, tuple[Step, ...]] = {
        "open": ("start", "resolve", "close"),
        "reopened": ("start", "resolve", "close"),
        "in_progress": ("resolve", "close", "stop"),
        "resolved": ("close", "reopen"),
        "closed": ("reopen",),
    }
    can = set(machine.get_triggers(status))
    return [step for step in order[status] if step in can]


def change_status(
    issue: Issue,
    step: str,
    *,
    actor: Actor,
    reason: str | None = None,
    resolution: str | None = None,
    triggered_by: TriggeredBy = "manual",
) -> None:
    """Take a step. Raises Invalid for a step there is not, Conflict for one that is not possible from here."""
    if step not in STEPS:
        raise Invalid(f"There is no step {step[:20]!r}: take one of {', '.join(STEPS)}", field="step")
    if reason and len(reason) > REASON_MAX:
        raise Invalid(f"Give the reason in at most {REASON_MAX} characters", field="reason")
    lock(issue)
    try:
        moved = machine.events[step].trigger(
            issue,
            step=step,
            actor=actor,
            reason=reason or None,
            resolution=resolution,
            triggered_by=triggered_by,
        )
    except MachineError:
        moved = False
    if not moved:
        raise Conflict(refusal(issue, step))


def _record_move(event: EventData) -> None:
    issue, facts = event.model, event.kwargs
    if not isinstance(issue, Issue) or event.transition is None:
        raise TypeError("The machine moves issues only")
    issue.updated_at = clock.now()
    record_event(issue, _action(event.transition.source, event.transition.dest, facts), actor=facts["actor"])


def _action(before: str, after: str | None, facts: dict[str, Any]) -> Action:
    said = {"from": before, "to": after, "step": facts["step"], "reason": facts["reason"]}
    said["triggered_by"] = facts["triggered_by"]
    if facts["step"] == "close":
        finished = "closed" if before == "resolved" else "wont_fix"
        return Closed(**said, resolution=facts["resolution"] or finished)
    return Reopened(**said) if facts["step"] == "reopen" else StatusChanged(**said)


def refusal(issue: Issue, step: str) -> str:
    """Why this step is not possible from where the issue is."""
    now = WORDS[issue.status]
    sources = next(sources for name, sources, _ in MOVES if name == step)
    if step == "close" or issue.status == {"start": "in_progress", "resolve": "resolved"}.get(step):
        return f"This issue is already {now}."
    can = [WORDS[source] for source in sources]
    wanted = " or ".join(filter(None, (", ".join(can[:-1]), can[-1])))
    return f"This issue is {now}; only one that is {wanted} can be {_DONE[step]}."


_DONE = {
    "start": "started",
    "stop": "stopped",
    "resolve": "resolved",
    "close": "closed",
    "reopen": "reopened",
}

logging.getLogger("transitions").setLevel(logging.WARNING)  # it tells every callback at INFO
machine = Machine(
    model=None,
    states=list(STATUSES),
    transitions=[{"trigger": step, "source": list(sources), "dest": to} for step, sources, to in MOVES],
    initial="open",
    model_attribute="status",
    auto_transitions=False,
    send_event=True,
    after_state_change=_record_move,
)
