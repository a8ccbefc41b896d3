"""Causes and consequences: the chain above an event, the tree below it, and what hangs under the lines of a feed.

Each walk asks once for each level, by the index of causes, and stops at a depth and a number; what it leaves out is
said as a number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Integer, bindparam, select

from app.accounts.viewer import Viewer
from app.db import rows
from app.events.batch import batch_sizes, descriptions
from app.events.event import Event
from app.events.wording import plain
from app.feeds.lines import Line, lines_query, read_lines, with_projects
from app.projects.policy import Right, leads, may
from app.projects.project import Project

MOST = 200
"""Events in a tree."""
DEEPEST = 10
COUNTED = 1_000
SHOWN_DEPTH = 2
"""Levels under a line of a feed; what is deeper is on the page of the event."""


@dataclass(slots=True)
class Branch:
    """A consequence and what followed from it."""

    line: Line
    branches: "list[Branch]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tree:
    """Everything that followed from an event, as far as it is shown."""

    branches: list[Branch]
    more: int
    """Events that are left out, too many or too deep: counted up to COUNTED."""


def tree_below(viewer: Viewer, event: Event) -> Tree:
    """What followed from the event, level by level. The reader sees what they may see."""
    tops: list[Branch] = []
    level: dict[int, list[Branch]] = {event.id: tops}
    left, sight = MOST, _Sight(viewer)
    for _ in range(DEEPEST):
        lines = _caused_by(list(level), left, sight)
        following: dict[int, list[Branch]] = {}
        for line in lines:
            branch = Branch(line)
            level[line.cause_id or 0].append(branch)
            following[line.id] = branch.branches
        left -= len(lines)
        if not lines or not left:
            break
        level = following
    else:
        return Tree(tops, _number_of(list(level)))
    return Tree(tops, 0 if left else max(_number_of(list(level)) - len(lines), 0))


def chain_above(viewer: Viewer, event: Event) -> list[Line]:
    """Because of what: the cause first, then its cause, up to the first; it ends where the reader may not look."""
    chain: list[Line] = []
    cause_id, sight = event.cause_id, _Sight(viewer)
    while cause_id is not None and len(chain) < DEEPEST:
        lines = sight.of(read_lines(lines_query().where(Event.id == cause_id)))
        if not lines:
            break
        chain += lines
        cause_id = lines[0].cause_id
    return chain


def hang(viewer: Viewer, lines: list[Line]) -> list[Line]:
    """Hang each line under its cause where both are among these, SHOWN_DEPTH deep; of others say what led to them.

    Bulk acts are named too. Nothing to do, and no query, for a feed in which nothing was caused or done in bulk.
    """
    if any(line.batch_id for line in lines):
        name_batches(lines)
    if not any(line.depth for line in lines):
        return lines
    by_id = {line.id: line for line in lines}
    under: dict[int, list[Line]] = {}
    top: list[Line] = []
    for line in lines:
        if line.cause_id in by_id and line.comment is None:
            under.setdefault(line.cause_id or 0, []).append(line)
        else:
            top.append(line)
    for line in top:
        _hang(line, under, SHOWN_DEPTH)
    _name_causes(viewer, top)
    return top


def _hang(line: Line, under: dict[int, list[Line]], levels: int) -> None:
    below = sorted(under.get(line.id, ()), key=lambda one: one.id)
    if levels:
        line.caused = below
        for one in below:
            _hang(one, under, levels - 1)
    else:
        line.steps = _count(line, under)


def _count(line: Line, under: dict[int, list[Line]]) -> int:
    return sum(1 + _count(one, under) for one in under.get(line.id, ()))


def name_batches(lines: Sequence[Line]) -> None:
    """Say of each line which bulk act it was part of, and how many other issues that changed. Two queries, or none."""
    ids = sorted({line.batch_id for line in lines if line.batch_id is not None})
    named, sizes = descriptions(ids), batch_sizes(ids)
    for line in lines:
        if line.batch_id is not None:
            line.batch = named.get(line.batch_id)
            line.others = max(sizes.get(line.batch_id, 1) - 1, 0)


def _name_causes(viewer: Viewer, lines: Sequence[Line]) -> None:
    wanted = {line.cause_id for line in lines if line.cause_id is not None}
    if not wanted:
        return
    found = _Sight(viewer).of(read_lines(lines_query().where(Event.id.in_(wanted))))
    causes = {line.id: line for line in found}
    for line in lines:
        if line.cause_id in causes and not line.why:  # a rule says by itself why it acted
            cause = causes[line.cause_id]
            line.because = (cause.uid, words(cause))


def words(line: Line) -> str:
    """The line in plain words, for a link."""
    return f"{line.doer.name} {plain(line.parts, issue=line.issue.key if line.issue else None, quotes=False)}"


def seen_of(viewer: Viewer, lines: Sequence[Line]) -> list[Line]:
    """Those of the lines that the viewer may see, with their projects."""
    return _Sight(viewer).of(lines)


class _Sight:
    """Which lines the viewer may see; each project is asked about once. What was deleted is for leads only."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._seen: dict[tuple[int, bool], bool] = {}

    def of(self, lines: Sequence[Line]) -> list[Line]:
        return [
            line
            for line in with_projects(lines)
            if line.project is not None
            and self._sees(line.project, deleted=line.issue is not None and line.issue.deleted)
        ]

    def _sees(self, project: Project, *, deleted: bool) -> bool:
        asked = (project.id, deleted)
        if asked not in self._seen:
            self._seen[asked] = (
                leads(self._viewer, project) if deleted else may(self._viewer, Right.see, project)
            )
        return self._seen[asked]


def _caused_by(cause_ids: Sequence[int], most: int, sight: _Sight) -> list[Line]:
    """The consequences of these events, oldest first, at most `most`. Two or three queries."""
    ids = [row.id for row in rows(_CAUSED, causes=list(cause_ids), most=most)]
    lines = read_lines(lines_query().where(Event.id.in_(ids)).order_by(Event.id)) if ids else []
    return sight.of(lines)


def _number_of(cause_ids: Sequence[int]) -> int:
    return len(rows(_CAUSED, causes=list(cause_ids), most=COUNTED)) if cause_ids else 0


_CAUSED = (
    select(Event.id)
    .where(Event.cause_id.in_(bindparam("causes", expanding=True)), Event.subject != "user")
    .order_by(Event.id)
    .limit(bindparam("most", type_=Integer))
)
