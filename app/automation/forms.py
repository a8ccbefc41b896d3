"""The editor's form: rows of selects, read into a definition; buttons that add, drop and move rows.

Without JavaScript each button sends the form and gets the page again, changed; nothing is saved before Save.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from werkzeug.datastructures import MultiDict

from app.automation.definition import FIELDS, MOST_CONDITIONS, MOST_STEPS, STEPS, Definition
from app.automation.rule import NAME_MAX
from app.errors import Invalid
from app.web.text import clean_line

FIRST_ACTION = "created"
Rows = list[dict[str, str]]


@dataclass(slots=True)
class Draft:
    """A rule as it stands in the form, sound or not. `problems`: place -> a sentence."""

    name: str
    definition: Definition
    problems: dict[str, str] = field(default_factory=dict)
    new: str | None = None
    """What takes the focus: the row that was just added, or the button that adds one where one was dropped."""

    @property
    def first_bad(self) -> str | None:
        return next(iter(self.problems), None)


def read_draft(form: MultiDict[str, str]) -> Draft:
    """What was sent. What fits no definition at all is left out and said."""
    raw, problems = _raw(form)
    try:
        definition = Definition.model_validate(raw)
    except ValidationError as error:
        problems |= {_place(one["loc"]): _words(one) for one in error.errors()}
        definition = Definition.model_validate(_without(raw, problems))
    return Draft(form.get("name", "")[: 2 * NAME_MAX], definition, problems)


def clean_name(name: str) -> str:
    """The name on one line. Raises Invalid."""
    return clean_line(name, field="name", name="The name", most=NAME_MAX)


def change_rows(draft: Draft, act: str, form: MultiDict[str, str]) -> Draft:
    """Press one of the buttons: add-if, drop-if-2, up-then-1 … Raises Invalid for a button there is not."""
    raw = draft.definition.model_dump(mode="json")
    verb, _, place = act.partition("-")
    part, _, number = place.partition("-")
    if verb not in _VERBS or part not in _LISTS or (number and not number.isascii()) or len(number) > 3:
        raise Invalid("There is no such button on this form.")
    rows: list[Any] = list(raw["when"]["actions"] if part == "when" else raw[_LISTS[part]])
    new = _VERBS[verb](rows, part, number, form)
    if part == "when":
        raw["when"]["actions"] = rows
    else:
        raw[_LISTS[part]] = rows
    return Draft(draft.name, Definition.model_validate(raw), new=new)


_LISTS = {"when": "actions", "if": "conditions", "then": "steps"}


def _add(rows: list[Any], part: str, _number: str, form: MultiDict[str, str]) -> str | None:
    wanted = form.get(f"new_{part}", "")
    if part == "when":
        rows.append(FIRST_ACTION)
    elif part == "if" and wanted in FIELDS and len(rows) < MOST_CONDITIONS:
        rows.append({"field": wanted, "op": next(iter(FIELDS[wanted].ops))})
    elif part == "then" and wanted in STEPS and len(rows) < MOST_STEPS:
        rows.append({"do": wanted})
    else:
        return None
    return f"{part}-{len(rows) - 1}"


def _drop(rows: list[Any], part: str, number: str, _form: MultiDict[str, str]) -> str | None:
    if number.isdigit() and int(number) < len(rows):
        del rows[int(number)]
    return f"add-{part}"


def _up(rows: list[Any], part: str, number: str, _form: MultiDict[str, str]) -> str | None:
    place = int(number) if number.isdigit() else 0
    if not 0 < place < len(rows):
        return None
    rows[place - 1], rows[place] = rows[place], rows[place - 1]
    return f"{part}-{place - 1}"


_VERBS: dict[str, Callable[[list[Any], str, str, MultiDict[str, str]], str | None]] = {
    "add": _add,
    "drop": _drop,
    "up": _up,
}


def _raw(form: MultiDict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    problems: dict[str, str] = {}
    when: dict[str, Any] = {"actions": list(dict.fromkeys(form.getlist("when")))}
    days = form.get("quiet_days")
    if days is not None:
        if days.strip().isascii() and days.strip().isdigit() and len(days.strip()) < 6:
            when["quiet_days"] = int(days)
        else:
            problems["when"] = "Give a whole number of days."
            when["quiet_days"] = 14
    raw = {
        "when": when,
        "match": form.get("match", "all"),
        "conditions": _rows(
            form, {"field": "if_field", "op": "if_op", "value": "if_value", "name": "if_name"}
        ),
        "steps": _rows(
            form, {"do": "then_do", "value": "then_value", "title": "then_title", "text": "then_text"}
        ),
    }
    return raw, problems


def _rows(form: MultiDict[str, str], names: dict[str, str]) -> Rows:
    """Every row sends each of its fields, empty ones too: the n-th of each belong together."""
    lists: list[Sequence[str]] = [form.getlist(name) for name in names.values()]
    return [dict(zip(names, values, strict=True)) for values in zip(*lists, strict=False)]


def _place(loc: tuple[int | str, ...]) -> str:
    parts = {"conditions": "if", "steps": "then"}
    if len(loc) > 1 and loc[0] in parts:
        return f"{parts[str(loc[0])]}-{loc[1]}"
    return parts.get(str(loc[0]), str(loc[0])) if loc else "then"


def _words(error: Any) -> str:
    kind, facts = error["type"], error.get("ctx", {})
    if kind == "string_too_long":
        return f"This is too long: {facts['max_length']:,} characters are the most."
    if kind == "too_long":
        return f"These are too many: {facts['max_length']} are the most."
    if kind in ("greater_than_equal", "less_than_equal"):
        return "Give a number of days from 1 to 3,650."
    return "This cannot be."


def _without(raw: dict[str, Any], problems: dict[str, str]) -> dict[str, Any]:
    """The same without the parts that fit nowhere."""
    bad = set(problems)
    if raw["match"] not in ("all", "any"):
        raw["match"] = "all"
    if "when" in bad:
        raw["when"] = {"quiet_days": 14} if "quiet_days" in raw["when"] else {"actions": [FIRST_ACTION]}
    kept = {"conditions": ("if", MOST_CONDITIONS), "steps": ("then", MOST_STEPS)}
    for name, (part, most) in kept.items():
        rows = [row for number, row in enumerate(raw[name]) if f"{part}-{number}" not in bad]
        raw[name] = rows[:most]
    return raw
