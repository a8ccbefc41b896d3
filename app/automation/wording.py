"""A rule in a sentence a person understands: When … , if … , then …"""

from collections.abc import Mapping
from types import MappingProxyType

from app.automation.definition import (
    DOER_VALUES,
    FIELDS,
    KIND_VALUES,
    NO_MILESTONE,
    PRIORITY_VALUES,
    ROLE_VALUES,
    SPECIAL,
    STATUS_VALUES,
    STEP_VALUES,
    STEPS,
    Condition,
    Definition,
    Kind,
    Step,
    When,
    trigger_words,
)

CHOICES: dict[Kind, dict[str, str]] = {
    "status": STATUS_VALUES,
    "priority": PRIORITY_VALUES,
    "kind": KIND_VALUES,
    "role": ROLE_VALUES,
    "doer": DOER_VALUES,
    "step": STEP_VALUES,
}
"""Kinds of value that are chosen from a fixed list."""
QUOTED = 60
NOTHING: Mapping[str, str] = MappingProxyType({})


def summary(definition: Definition, hosts: Mapping[str, str] = NOTHING) -> str:
    """The whole rule. An unfinished one is said as far as it goes. `hosts`: of the webhooks it names, by their ids."""
    parts = [when_words(definition.when)]
    if definition.conditions:
        joint = " and " if definition.match == "all" else " or "
        parts.append("if " + joint.join(condition_words(one) for one in definition.conditions))
    steps = [step_words(one, hosts) for one in definition.steps]
    return f"{', '.join(parts)}: {_listed(steps) if steps else 'do nothing yet'}."


def when_words(when: When) -> str:
    """When nothing happens to an issue for 14 days / When an issue is closed or somebody comments."""
    if when.quiet_days is not None:
        days = "a day" if when.quiet_days == 1 else f"{when.quiet_days} days"
        return f"When nothing happens on an issue for {days}"
    return "When " + (" or ".join(trigger_words(name) for name in when.actions) or "nothing yet")


def condition_words(one: Condition) -> str:
    """the status is not closed / it is assigned to nobody"""
    kind = FIELDS.get(one.field)
    if kind is None:
        return f"“{one.field}”"
    subject = f"{kind.words} {one.name}".strip() if one.field == "fact" else kind.words
    return f"{subject} {kind.ops.get(one.op, one.op)} {_value(kind.kind, one.value)}".rstrip()


def step_words(one: Step, hosts: Mapping[str, str] = NOTHING) -> str:
    """add the label bug / comment “Thank you”"""
    kind = STEPS.get(one.do)
    if kind is None:
        return f"“{one.do}”"
    said = kind.words
    if kind.kind == "step":
        said = _value(kind.kind, one.value)
    elif kind.kind == "webhook":
        said += f" {hosts.get(one.value) or one.value or '…'}"
    elif kind.kind != "none":
        said += f" {_value(kind.kind, one.value)}"
    if kind.has_title:
        said += f" “{_short(one.title)}”"
    elif kind.has_text and one.text:
        said += f" “{_short(one.text)}”"
    return said


def _value(kind: Kind, value: str) -> str:
    if kind in CHOICES:
        return CHOICES[kind].get(value, value or "…")
    if kind in ("person", "people"):
        return SPECIAL.get(value) or (f"@{value}" if value else "…")
    if kind in ("days", "number"):
        return value or "…"
    if kind == "none" or value == NO_MILESTONE:
        return "" if kind == "none" else "none"
    return f"“{_short(value)}”" if value else "…"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= QUOTED else line[: QUOTED - 1].rstrip() + "…"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
