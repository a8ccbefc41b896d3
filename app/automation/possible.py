"""What a rule could ever meet: conditions that contradict each other, moves that never come, steps that undo.

Only what is certain is refused. Whether two rules answer each other is shown by the dry run and stopped by the guards.
"""

from collections.abc import Iterator

from app.automation.definition import FIELDS, STATUS_SETS, Condition, Definition, actions_of
from app.events.issue_actions import PRIORITIES
from app.issues.issue import STATUSES
from app.issues.workflow import MOVES, WORDS

Problem = tuple[str, str]
ENDS_IN = {
    "created": frozenset({"open"}),
    "closed": frozenset({"closed"}),
    "reopened": frozenset({"reopened"}),
    "status_changed": frozenset({"open", "in_progress", "resolved"}),
}
"""Where an issue stands after these actions."""
OPPOSITES = {"has": "has_not", "is": "is_not", "contains": "contains_not", "at_least": "less_than"}
UNDONE_BY = {
    "assign": "unassign",
    "unassign": "assign",
    "add_label": "remove_label",
    "remove_label": "add_label",
}
ENUMERATED = ("kind", "milestone", "reporter", "actor", "actor_role", "actor_kind")
"""Fields with one value at a time: two different ones cannot both be."""


def impossible(definition: Definition) -> Iterator[Problem]:
    """Conditions that can never all hold, and moves that the workflow never allows from there."""
    if definition.match == "all":
        yield from _contradictions(definition.conditions)
        if not _priorities(definition):
            yield _last(definition, "priority"), "No priority fits all of these conditions at once."
    statuses = possible_statuses(definition)
    if not statuses:
        yield _last(definition, "status"), "No status fits: what happens and these conditions never meet."
        return
    for number, step in enumerate(definition.steps):
        if step.do != "move":
            continue
        sources, target = next(
            (frozenset(before), after) for name, before, after in MOVES if name == step.value
        )
        if not statuses & sources:
            now = " or ".join(WORDS[name] for name in STATUSES if name in statuses)
            yield f"then-{number}", f"The workflow never allows this: the issue is {now} by then."
            return
        statuses = frozenset({target})


def possible_statuses(definition: Definition) -> frozenset[str]:
    """The statuses an issue may have when the rule acts."""
    found = frozenset(STATUSES)
    actions = actions_of(definition.when)
    if actions and actions <= ENDS_IN.keys():
        found &= frozenset().union(*(ENDS_IN[name] for name in actions))
    if definition.match == "all":
        for one in definition.conditions:
            if one.field == "status":
                named = STATUS_SETS.get(one.value, frozenset({one.value}))
                found = found & named if one.op == "is" else found - named
    return found


def undoing(definition: Definition) -> Iterator[Problem]:
    """Steps that undo each other, and rules that would set themselves off for ever."""
    for number, step in enumerate(definition.steps):
        for earlier in definition.steps[:number]:
            same = step.value.lower() == earlier.value.lower()
            if UNDONE_BY.get(step.do) == earlier.do and same:
                yield f"then-{number}", "This undoes an earlier step of the same rule."
            if step.do in ("priority", "milestone") and earlier.do == step.do:
                yield f"then-{number}", f"The {step.do} is set twice: leave one of the two out."
        if words := _answers_itself(definition, step.do):
            yield f"then-{number}", words


def _answers_itself(definition: Definition, do: str) -> str | None:
    effects = {"comment": {"commented"}, "create": {"created", "child_added"}}.get(do, set())
    if not effects & actions_of(definition.when) or _leaves_rules_out(definition):
        return None
    what = "comment" if do == "comment" else "new issue"
    return (
        f"This would answer itself for ever: its {what} is what sets it off. "
        "Add the condition that what did it is a person."
    )


def _leaves_rules_out(definition: Definition) -> bool:
    return definition.match == "all" and any(
        (one.field == "actor_kind" and (one.op == "is") == (one.value != "rule"))
        or (one.field in ("actor", "actor_role") and one.op == "is")
        for one in definition.conditions
    )


def _contradictions(conditions: tuple[Condition, ...]) -> Iterator[Problem]:
    for number, one in enumerate(conditions):
        for other in conditions[:number]:
            if other.field == one.field and other.name == one.name and _clash(one, other):
                yield f"if-{number}", "This contradicts an earlier condition: both can never hold at once."


def _clash(one: Condition, other: Condition) -> bool:
    same = one.value.lower() == other.value.lower()
    ops = {one.op, other.op}
    if FIELDS[one.field].kind in ("days", "number"):
        least = max((int(each.value) for each in (one, other) if each.op == "at_least"), default=0)
        most = min((int(each.value) for each in (one, other) if each.op == "less_than"), default=least + 1)
        return least >= most
    if any(ops == {op, against} and same for op, against in OPPOSITES.items()):
        return True
    if one.field == "assignee":
        return ops == {"is"} and not same and "@nobody" in (one.value, other.value)
    by_role = (
        one.field == "actor" and "@" in f"{one.value}{other.value}"
    )  # the reporter may be that very person
    return one.field in ENUMERATED and ops == {"is"} and not same and not by_role


def _priorities(definition: Definition) -> bool:
    left = set(PRIORITIES)
    for one in definition.conditions:
        if one.field == "priority":
            named = {one.value}
            if one.op == "at_least":
                named = set(PRIORITIES[PRIORITIES.index(one.value) :])
            left = left - named if one.op == "is_not" else left & named
    return bool(left)


def _last(definition: Definition, field: str) -> str:
    """The last condition on this field, to which the sentence belongs; else the head of the rule."""
    numbers = [number for number, one in enumerate(definition.conditions) if one.field == field]
    return f"if-{numbers[-1]}" if numbers else "when"
