"""Three sides of one issue: what both agreed on, ours, theirs; and what follows from them. Nothing here writes.

A field that one side changed goes to the other. Changed on both sides it is a conflict, and the newest wins; ours on
a tie, since GitHub counts in seconds. Where changes go one way only, the side they come from wins. Labels and people
are sets: what one side added or removed is added and removed on the other, so they never conflict.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.sync.marks import digest

Side = Literal["ours", "theirs"]
SCALARS = ("title", "body", "state")
SETS = ("labels", "assignees")
WORDS = {
    "title": "title",
    "body": "description",
    "state": "status",
    "labels": "labels",
    "assignees": "assignees",
}


@dataclass(frozen=True, slots=True)
class State:
    """One side. Labels by their names in lower case, people by their logins."""

    title: str
    body: str
    state: str
    labels: frozenset[str]
    assignees: frozenset[str]

    def agreed(self, name: str) -> Any:
        """The field as the base keeps it."""
        return as_agreed(name, getattr(self, name))

    def base(self) -> dict[str, Any]:
        """Everything as the base keeps it."""
        return {name: self.agreed(name) for name in (*SCALARS, *SETS)}


def as_agreed(name: str, value: Any) -> Any:
    """A field's value as the base keeps it."""
    if name == "body":
        return digest(value)
    return sorted(value) if name in SETS else value


@dataclass(frozen=True, slots=True)
class Clash:
    """One field that both sides changed."""

    field: str
    ours: str
    theirs: str
    kept: Side


@dataclass(slots=True)
class Merge:
    """What to do: `push` there, `take` here, what to remember as agreed, and what clashed."""

    push: dict[str, Any] = field(default_factory=dict)
    take: dict[str, Any] = field(default_factory=dict)
    base: dict[str, Any] = field(default_factory=dict)
    clashes: list[Clash] = field(default_factory=list)


def merge(
    base: Mapping[str, Any],
    ours: State,
    theirs: State,
    *,
    direction: str,
    ours_is_newer: Callable[[str], bool],
) -> Merge:
    """Compare all fields. `ours_is_newer(field)` is asked for clashes only."""
    found = Merge(base=dict(base))
    for name in SCALARS:
        _scalar(found, name, base, ours, theirs, direction, ours_is_newer)
    for name in SETS:
        _set(found, name, base, ours, theirs, direction)
    return found


def _scalar(
    found: Merge,
    name: str,
    base: Mapping[str, Any],
    ours: State,
    theirs: State,
    direction: str,
    ours_is_newer: Callable[[str], bool],
) -> None:
    mine, other = getattr(ours, name), getattr(theirs, name)
    before = base.get(name)
    if mine == other:
        found.base[name] = ours.agreed(name)
        return
    we, they = ours.agreed(name) != before, theirs.agreed(name) != before
    if we and they:
        kept = winner(direction, ours_is_newer=lambda: ours_is_newer(name))
        found.clashes.append(Clash(name, str(mine), str(other), kept))
    else:
        kept = "ours" if we else "theirs"
    if kept == "ours" and direction != "in":
        found.push[name] = mine
        found.base[name] = ours.agreed(name)
    elif kept == "theirs" and direction != "out":
        found.take[name] = other
        found.base[name] = theirs.agreed(name)


def winner(direction: str, *, ours_is_newer: Callable[[], bool]) -> Side:
    """Whose value stays when both sides changed it."""
    if direction == "both":
        return "ours" if ours_is_newer() else "theirs"
    return "ours" if direction == "out" else "theirs"


def _set(
    found: Merge, name: str, base: Mapping[str, Any], ours: State, theirs: State, direction: str
) -> None:
    mine, other = getattr(ours, name), getattr(theirs, name)
    before = frozenset(base.get(name, ()))
    both = (other - (before - mine)) | (mine - before)
    if direction != "in" and both != other:
        found.push[name] = both
    if direction != "out" and both != mine:
        found.take[name] = both
    found.base[name] = sorted({"both": both, "in": other, "out": mine}[direction])
