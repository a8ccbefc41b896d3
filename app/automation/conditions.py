"""Whether a rule fits: its conditions asked of an issue at a moment. Pure, so that a dry run asks the very same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.automation.checking import Known
from app.automation.definition import NOBODY, REPORTER, STATUS_SETS, Condition, Definition, actions_of
from app.issues.issue import rank


@dataclass(slots=True)
class State:
    """An issue as it is, or as it was. Labels, people and the milestone by id."""

    status: str
    priority: str
    labels: frozenset[int]
    assignees: frozenset[int]
    reporter_id: int | None
    kind: str
    title: str
    description: str
    created_at: datetime
    comments: int = 0
    milestone: int | None = None
    is_sub_issue: bool = False


@dataclass(slots=True)
class Occasion:
    """What may set rules off: an event, or (without action) that nothing happened."""

    at: datetime
    action: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    actor_id: int | None = None
    actor_kind: str = "system"
    comment: Callable[[], str] = lambda: ""
    """The text of the comment that was written: asked for only by rules that look at it."""
    before: Callable[[str], datetime | None] = lambda _field: None
    """For a field that counts the time since something (app.automation.happened.SINCE): when that last happened."""


DOERS = {"user": "person", "token": "program"}
"""Kinds of actor that conditions call by another name."""


def sets_off(definition: Definition, occasion: Occasion) -> bool:
    """Whether this is what the rule waits for."""
    return occasion.action is not None and occasion.action in actions_of(definition.when)


def fits(definition: Definition, occasion: Occasion, state: State, known: Known) -> bool:
    """Whether the conditions hold; a rule without conditions fits whenever it is set off."""
    if not definition.conditions:
        return True
    held = (_holds(one, occasion, state, known) for one in definition.conditions)
    return all(held) if definition.match == "all" else any(held)


def _holds(one: Condition, occasion: Occasion, state: State, known: Known) -> bool:
    if one.op in ("is_not", "has_not", "contains_not"):
        return not _positive(one, occasion, state, known)
    return _positive(one, occasion, state, known)


def _positive(one: Condition, occasion: Occasion, state: State, known: Known) -> bool:
    return _ASKS[one.field](one, occasion, state, known)


def _status(one: Condition, _occasion: Occasion, state: State, _known: Known) -> bool:
    return state.status in STATUS_SETS.get(one.value, {one.value})


def _priority(one: Condition, _occasion: Occasion, state: State, _known: Known) -> bool:
    if one.op == "at_least":
        return rank(state.priority) >= rank(one.value)
    return state.priority == one.value


def _label(one: Condition, _occasion: Occasion, state: State, known: Known) -> bool:
    return known.labels.get(one.value.lower()) in state.labels


def _milestone(one: Condition, _occasion: Occasion, state: State, known: Known) -> bool:
    name = one.value.lower()
    return name in known.milestones and known.milestones[name] == state.milestone


def _parent(_one: Condition, _occasion: Occasion, state: State, _known: Known) -> bool:
    return state.is_sub_issue


def _assignee(one: Condition, _occasion: Occasion, state: State, known: Known) -> bool:
    if one.value == NOBODY:
        return not state.assignees
    return known.people.get(one.value.lower()) in state.assignees


def _reporter(one: Condition, _occasion: Occasion, state: State, known: Known) -> bool:
    return state.reporter_id is not None and state.reporter_id == known.people.get(one.value.lower())


def _kind(one: Condition, _occasion: Occasion, state: State, _known: Known) -> bool:
    return state.kind == one.value


def _title(one: Condition, _occasion: Occasion, state: State, _known: Known) -> bool:
    return one.value.casefold() in state.title.casefold()


def _description(one: Condition, _occasion: Occasion, state: State, _known: Known) -> bool:
    return one.value.casefold() in state.description.casefold()


def _comment(one: Condition, occasion: Occasion, _state: State, _known: Known) -> bool:
    return one.value.casefold() in occasion.comment().casefold()


def _actor(one: Condition, occasion: Occasion, state: State, known: Known) -> bool:
    if one.value == REPORTER:
        return occasion.actor_id is not None and occasion.actor_id == state.reporter_id
    return occasion.actor_id is not None and occasion.actor_id == known.people.get(one.value.lower())


def _actor_role(one: Condition, occasion: Occasion, _state: State, known: Known) -> bool:
    return occasion.actor_id is not None and known.roles.get(occasion.actor_id, "outsider") == one.value


def _actor_kind(one: Condition, occasion: Occasion, _state: State, _known: Known) -> bool:
    return DOERS.get(occasion.actor_kind, occasion.actor_kind) == one.value


def _fact(one: Condition, occasion: Occasion, _state: State, _known: Known) -> bool:
    wanted = one.value.casefold()
    said = [word.casefold() for word in _words_of(occasion.facts.get(one.name))]
    return any(wanted in word for word in said) if one.op in ("contains", "contains_not") else wanted in said


def _words_of(value: Any) -> list[str]:
    """A fact as words: labels, people, milestones by their names, issues by their keys, a list by its members."""
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [word for member in value for word in _words_of(member)]
    if isinstance(value, Mapping):
        return [str(value[name]) for name in ("name", "username", "key") if name in value]
    return [str(value)]


def _age(one: Condition, occasion: Occasion, state: State, _known: Known) -> bool:
    return _passed(one, occasion.at - state.created_at)


def _since(one: Condition, occasion: Occasion, _state: State, _known: Known) -> bool:
    before = occasion.before(one.field)
    return before is not None and _passed(one, occasion.at - before)


def _comments(one: Condition, _occasion: Occasion, state: State, _known: Known) -> bool:
    return _many(one, state.comments)


def _labels(one: Condition, _occasion: Occasion, state: State, _known: Known) -> bool:
    return _many(one, len(state.labels))


def _many(one: Condition, number: int) -> bool:
    return number >= int(one.value) if one.op == "at_least" else number < int(one.value)


def _passed(one: Condition, time: timedelta) -> bool:
    days = timedelta(days=int(one.value))
    return time >= days if one.op == "at_least" else time < days


_ASKS: dict[str, Callable[[Condition, Occasion, State, Known], bool]] = {
    "status": _status,
    "priority": _priority,
    "label": _label,
    "milestone": _milestone,
    "parent": _parent,
    "assignee": _assignee,
    "reporter": _reporter,
    "kind": _kind,
    "title": _title,
    "description": _description,
    "comment": _comment,
    "actor": _actor,
    "actor_role": _actor_role,
    "actor_kind": _actor_kind,
    "fact": _fact,
    "age": _age,
    "since_change": _since,
    "since_status": _since,
    "since_assigned": _since,
    "comments": _comments,
    "labels": _labels,
}
