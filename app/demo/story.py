"""Reading the stories: what happens in the demo workspace, written to be read.

## Title of an issue
who 12d priority label,label -> assignee      (opened by whom, how long ago; `-` for no labels)
Description in Markdown, up to the first line that begins with + and a number.
+2h who: A comment, two hours after what came before it.
+1d who resolve: A step of the workflow, with a reason if there is one.
+5m who label a,b / unlabel a / assign who / priority high / rename New title / milestone Name / under Title
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parent / "stories"
_ACT = re.compile(r"\+(?P<wait>\d+[mhd]) (?P<who>\w+)(?P<verb> \w+)?(?P<what> [^:]+)?(?:: (?P<words>.+))?")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens to an issue. `verb` is "comment", a step or a change; `words` what it says."""

    wait: timedelta
    who: str
    verb: str
    words: str


@dataclass(frozen=True, slots=True)
class Tale:
    """An issue and what happens to it."""

    title: str
    by: str
    ago: timedelta
    priority: str
    labels: tuple[str, ...]
    assignee: str | None
    description: str
    acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """A project and its issues, the oldest first."""

    key: str
    name: str
    visibility: Literal["public", "members"]
    description: str
    labels: dict[str, str]
    members: dict[str, str]
    milestones: dict[str, int]
    """Name -> in how many days it is due."""
    tales: tuple[Tale, ...]


class BadStory(ValueError):
    """A line of a story that says nothing."""


def stories() -> list[Story]:
    """All of them, the first the one to begin with."""
    return [_story((FOLDER / f"{name}.md").read_text()) for name in ("orchard", "lantern", "ferry")]


def _story(text: str) -> Story:
    head, *tales = text.split("\n## ")
    title, description, labels, members, *more = head.strip().splitlines()
    key, name, visibility = title.removeprefix("# ").split()
    told = sorted((_tale(tale) for tale in tales), key=lambda tale: tale.ago, reverse=True)
    return Story(
        key=key,
        name=name,
        visibility="public" if visibility == "public" else "members",
        description=description,
        labels=dict(_pairs(labels)),
        members=dict(_pairs(members)),
        milestones={name: int(days) for line in more for name, days in _pairs(line)},
        tales=tuple(told),
    )


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    for pair in line.partition(": ")[2].split(", "):
        name, _, value = pair.rpartition(" ")
        yield name, value


def _tale(text: str) -> Tale:
    title, opening, *rest = text.strip().splitlines()
    opened, _, assignee = opening.partition(" -> ")
    by, ago, priority, *labels = opened.split()
    acts = next((place for place, line in enumerate(rest) if line.startswith("+")), len(rest))
    return Tale(
        title=title,
        by=by,
        ago=_span(ago),
        priority=priority,
        labels=tuple(labels[0].split(",")) if labels and labels[0] != "-" else (),
        assignee=assignee or None,
        description="\n".join(rest[:acts]).strip(),
        acts=tuple(_act(line) for line in rest[acts:]),
    )


def _act(line: str) -> Act:
    found = _ACT.fullmatch(line)
    if found is None or not (found["verb"] or found["words"]):
        raise BadStory(line)
    verb = (found["verb"] or " comment").strip()
    words = (found["words"] or found["what"] or "").strip()
    return Act(_span(found["wait"]), found["who"], verb, words)


def _span(text: str) -> timedelta:
    return int(text[:-1]) * _UNITS[text[-1]]
