"""What a step would do to an issue: foreseen from the facts alone, so that the engine and the dry run agree."""

from dataclasses import dataclass
from typing import Any

from app.automation.checking import Known
from app.automation.conditions import Occasion, State
from app.automation.definition import ACTOR, ASSIGNEES, EVERYBODY, LEADS, REPORTER, Step
from app.issues.workflow import MOVES, WORDS


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would come of a step. Without `action` it changes nothing, and `words` says why."""

    action: str | None
    facts: dict[str, Any]
    words: str
    refused: bool = False
    """It would be refused: what it names is gone."""
    on_parent: str | None = None
    """What the issue itself gets a line of when the step opens another below it."""

    @property
    def effects(self) -> list[tuple[str, dict[str, Any]]]:
        """(action, facts): what other rules may wait for."""
        found = [(self.action, self.facts)] if self.action else []
        return found + ([(self.on_parent, {})] if self.on_parent else [])


def foresee(step: Step, state: State, occasion: Occasion, known: Known) -> Foreseen:
    """What the step would do. The state moves on, so that the next step finds what this one left."""
    match step.do:
        case "assign" | "unassign":
            return _people(step, state, occasion, known)
        case "add_label" | "remove_label":
            return _label(step, state, known)
        case "move":
            return _move(step, state)
        case "priority" | "milestone":
            return _priority(step, state) if step.do == "priority" else _milestone(step, state, known)
        case "notify":
            found = people(step.value, state, occasion, known)
            return Foreseen("rule_applied" if found else None, {}, "nobody to tell" if not found else "done")
        case _:
            return _anew(step, known)


def people(value: str, state: State, occasion: Occasion, known: Known) -> frozenset[int]:
    """The people a value stands for, by id."""
    special = {
        ACTOR: frozenset({occasion.actor_id} - {None}),
        REPORTER: frozenset({state.reporter_id} - {None}),
        ASSIGNEES: state.assignees,
        EVERYBODY: state.assignees,
        LEADS: known.leads,
    }
    if value in special:
        return special[value]  # type: ignore[return-value] # None was taken out
    found = known.people.get(value.lower())
    return frozenset() if found is None else frozenset({found})


def _people(step: Step, state: State, occasion: Occasion, known: Known) -> Foreseen:
    named = people(step.value, state, occasion, known)
    if step.do == "assign":
        changed, action = named - state.assignees, "assigned"
        state.assignees |= changed
    else:
        changed, action = named & state.assignees, "unassigned"
        state.assignees -= changed
    if not changed:
        return Foreseen(None, {}, "they have it already" if step.do == "assign" else "they do not have it")
    names = [name for name, user_id in known.people.items() if user_id in changed]
    return Foreseen(action, {"assignees": [{"username": name} for name in names]}, "done")


def _label(step: Step, state: State, known: Known) -> Foreseen:
    label = known.labels.get(step.value.lower())
    if label is None:
        return Foreseen(None, {}, f"there is no label {step.value}")
    if step.do == "add_label":
        if label in state.labels:
            return Foreseen(None, {}, "it has the label already")
        state.labels |= {label}
        return Foreseen("labeled", {"labels": [{"name": step.value}]}, "done")
    if label not in state.labels:
        return Foreseen(None, {}, "it does not have the label")
    state.labels -= {label}
    return Foreseen("unlabeled", {"labels": [{"name": step.value}]}, "done")


def _move(step: Step, state: State) -> Foreseen:
    sources, target = next((sources, target) for name, sources, target in MOVES if name == step.value)
    if state.status not in sources:
        return Foreseen(None, {}, f"it is {WORDS[state.status]}")
    before, state.status = state.status, target
    action = {"close": "closed", "reopen": "reopened"}.get(step.value, "status_changed")
    return Foreseen(action, {"from": before, "to": target, "step": step.value}, "done")


def _priority(step: Step, state: State) -> Foreseen:
    if state.priority == step.value:
        return Foreseen(None, {}, "it has this priority already")
    before, state.priority = state.priority, step.value
    return Foreseen("priority_changed", {"from": before, "to": step.value}, "done")


def _anew(step: Step, known: Known) -> Foreseen:
    """What can always be done once more, however the issue stands."""
    if step.do == "webhook" and step.value not in known.webhooks:
        return Foreseen(None, {}, "refused: this webhook was removed", refused=True)
    action = {"comment": "commented", "create": "created", "webhook": "webhook_called"}[step.do]
    return Foreseen(action, {}, "done", on_parent="child_added" if step.do == "create" else None)


def _milestone(step: Step, state: State, known: Known) -> Foreseen:
    name = step.value.lower()
    if name not in known.milestones:
        return Foreseen(None, {}, f"there is no milestone {step.value}")
    wanted = known.milestones[name]
    if state.milestone == wanted:
        return Foreseen(None, {}, "it is in no milestone" if wanted is None else "it is in it already")
    state.milestone = wanted
    return Foreseen("milestone_changed", {"to": {"name": step.value}} if wanted is not None else {}, "done")
