"""Whether a rule can mean anything: a sentence for each part that cannot, at its place in the form.

Places: "name", "when", "if-0", "then-1". What is checked here is checked again by the verbs when the rule acts; this
is for whoever writes the rule.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.automation.definition import (
    ACTOR,
    FIELDS,
    MOST_DAYS,
    NO_MILESTONE,
    PEOPLE_OF,
    STEPS,
    TRIGGERS,
    Condition,
    Definition,
    Kind,
    Step,
    StepKind,
    actions_of,
    facts_of,
)
from app.automation.placeholders import NAMES, unknown_in
from app.automation.possible import impossible, undoing
from app.automation.wording import CHOICES
from app.errors import Invalid
from app.events.action import Family
from app.issues.workflow import REASON_MAX


class Meaningless(Invalid):
    """A rule that cannot mean anything. `problems` has a sentence for each place."""

    def __init__(self, problems: dict[str, str]) -> None:
        place, words = next(iter(problems.items()))
        super().__init__(words, field=place)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Known:
    """What the project has, by names in lower case and with its ids: labels, people, milestones."""

    labels: dict[str, int]
    people: dict[str, int]
    leads: frozenset[int] = frozenset()
    roles: dict[int, str] = field(default_factory=dict)
    webhooks: frozenset[str] = frozenset()
    """The endpoints that are there, by their ids; `hosts` has those that were removed, too."""
    hosts: dict[str, str] = field(default_factory=dict)
    milestones: dict[str, int | None] = field(default_factory=lambda: {NO_MILESTONE: None})
    """By name in lower case; NO_MILESTONE stands for none."""


def check(definition: Definition, known: Known) -> None:
    """Raises Meaningless."""
    if found := problems(definition, known):
        raise Meaningless(found)


def problems(definition: Definition, known: Known) -> dict[str, str]:
    """Place -> a sentence. Each part by itself first; only a rule whose parts are sound is looked at as a whole."""
    found = dict(_when(definition))
    for number, condition in enumerate(definition.conditions):
        if words := _condition(condition, definition, known):
            found[f"if-{number}"] = words
    if not definition.steps:
        found["then"] = "Say what to do: add at least one step."
    for number, step in enumerate(definition.steps):
        if words := _step(step, definition, known):
            found[f"then-{number}"] = words
    return found or dict([*impossible(definition), *undoing(definition)][:1])


def _when(definition: Definition) -> Iterable[tuple[str, str]]:
    when = definition.when
    if when.quiet_days is not None:
        if when.actions:
            yield "when", "Choose one: something happens, or nothing happens for some days."
        return
    if not when.actions:
        yield "when", "Say when: choose at least one thing that happens."
    families = {family.value for family in Family}
    for name in when.actions:
        if name not in TRIGGERS and (name not in families or not actions_of(when)):
            yield "when", f"Nothing that happens to an issue is called “{name[:40]}”."


def _condition(one: Condition, definition: Definition, known: Known) -> str | None:
    kind = FIELDS.get(one.field)
    if kind is None:
        return f"There is no condition on “{one.field}”."
    if one.op not in kind.ops:
        return f"“{one.op}” cannot be asked of this; take one of {', '.join(kind.ops)}."
    if kind.of_event and definition.scheduled:
        return "Nothing happened, so there is nobody who did it and nothing that was said: leave this out."
    if one.field == "comment" and not actions_of(definition.when) & {"commented", "comment_edited"}:
        return "Only a comment has a text to look at: choose “somebody comments” as what happens."
    if one.field == "fact" and one.name not in facts_of(actions_of(definition.when)):
        names = ", ".join(facts_of(actions_of(definition.when))) or "none"
        return f"What happens has no fact called “{one.name}”. There are: {names}."
    return _value(kind.kind, one.value, known, PEOPLE_OF.get(one.field, ()))


def _step(one: Step, definition: Definition, known: Known) -> str | None:
    kind = STEPS.get(one.do)
    if kind is None:
        return f"There is no step “{one.do}”."
    if one.value == ACTOR and definition.scheduled:
        return "Nothing happened, so nobody did it: choose somebody else."
    return _value(kind.kind, one.value, known, PEOPLE_OF.get(one.do, ())) or _texts(one, kind)


def _texts(one: Step, kind: StepKind) -> str | None:
    if kind.has_title and not one.title.strip():
        return "Write the title of the new issue."
    if one.do == "comment" and not one.text.strip():
        return "Write the comment."
    if one.do == "move" and len(one.text) > REASON_MAX:
        return f"Give the reason in at most {REASON_MAX} characters."
    for name in filter(None, (unknown_in(one.title), unknown_in(one.text))):
        holes = ", ".join(f"{{{hole}}}" for hole in NAMES)
        return f"{{{name}}} stands for nothing. Placeholders are {holes}."
    return None


def _value(kind: Kind, value: str, known: Known, special: tuple[str, ...]) -> str | None:
    if kind in ("person", "people"):
        return _person(value, known, special)
    if kind in CHOICES:
        return _choice(CHOICES[kind], value)
    words = {
        "label": _unknown("label", value) if value.lower() not in known.labels else None,
        "webhook": _unknown("webhook", value) if value not in known.webhooks else None,
        "milestone": _unknown("milestone", value) if value.lower() not in known.milestones else None,
        "text": None if value.strip() else "Write the text to look for.",
        "days": None if _is_days(value) else f"Give a whole number of days, from 1 to {MOST_DAYS:,}.",
        "number": None if _is_days(value) else f"Give a whole number from 1 to {MOST_DAYS:,}.",
    }
    return words.get(kind)


def _choice(choices: dict[str, str], value: str) -> str | None:
    if value in choices:
        return None
    names = ", ".join(choices)
    return f"There is no “{value[:40]}” here: choose one of {names}." if value else f"Choose one of {names}."


def _is_days(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 6 and 0 < int(value) <= MOST_DAYS


def _person(value: str, known: Known, special: tuple[str, ...]) -> str | None:
    if value in special or value.lower() in known.people:
        return None
    if not value:
        return "Choose a person."
    if value.startswith("@"):
        return "This cannot stand here: choose a person."
    return f"There is nobody called {value[:40]} who may see this project."


def _unknown(what: str, value: str) -> str:
    return f"There is no {what} “{value[:50]}” in this project." if value else f"Choose a {what}."
