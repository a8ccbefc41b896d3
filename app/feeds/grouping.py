"""Folding small facts, never words people wrote: pure functions over a list of lines, nothing is stored.

A group is the same actor on the same issue (or on the project itself), all small, with at most ten minutes between
neighbours, and nothing else in between. A bulk act is one line in feeds over many issues, and in that of each of its
issues a line of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.events.parts import Part, named, text
from app.feeds.lines import Line

GAP = timedelta(minutes=10)
NAMED = 4
"""How many changes a folded line names before it says "and 3 more"."""
HUNG = 3
"""How many of a bulk act's consequences hang below its line; the rest is a number."""
QUIET_DAYS = 2
"""A gap of more days than this is said out loud."""


@dataclass(frozen=True, slots=True)
class Day:
    """The heading of a day in the reader's zone; `quiet` days without activity lie between it and the one before."""

    date: date
    at: datetime
    quiet: int = 0


@dataclass(frozen=True, slots=True)
class NewLine:
    """Where the reader's last visit ended."""

    count: int
    since: datetime


Item = Line | Day | NewLine


def fold(lines: Sequence[Line]) -> list[Line]:
    """Runs of small changes become one line each, in the order given."""
    folded: list[Line] = []
    run: list[Line] = []
    for line in lines:
        if run and _belongs(run[-1], line):
            run.append(line)
        else:
            folded += _folded(run)
            run = [line]
    return folded + _folded(run)


def fold_batches(lines: Sequence[Line]) -> list[Line]:
    """The lines of each bulk act become one, where its first one stands: "moved 29 issues to resolved"."""
    acts: dict[str, list[Line]] = {}
    for line in lines:
        if line.batch_id is not None and line.batch is not None:
            acts.setdefault(line.batch_id, []).append(line)
    folded: list[Line] = []
    for line in lines:
        act = acts.get(line.batch_id or "", [])
        if len({one.issue_id for one in act}) < 2:
            folded.append(line)
        elif line is act[0]:
            folded.append(_act(act))
    return folded


def by_day(lines: Sequence[Line], zone: str, *, new_since: datetime | None = None) -> list[Item]:
    """The lines with a heading per day of the reader's zone and, before the first fresh one, the new line.

    `new_since` is the last visit; it is only said when something is fresh and something before it is not.
    """
    reader = ZoneInfo(zone)
    items: list[Item] = []
    last: date | None = None
    fresh = sum(max(1, len(line.members)) for line in lines if line.fresh)
    said = new_since is None or fresh == 0
    for line in lines:
        day = line.at.astimezone(reader).date()
        if not said and line.fresh and new_since is not None:
            items.append(NewLine(fresh, new_since))
            said = True
        if day != last:
            apart = abs((day - last).days) - 1 if last else 0
            items.append(Day(day, line.at, apart if apart > QUIET_DAYS else 0))
            last = day
        items.append(line)
    return items


def _belongs(before: Line, line: Line) -> bool:
    return (
        before.small
        and line.small
        and before.doer == line.doer
        and before.issue_id == line.issue_id
        and before.project_id == line.project_id
        and abs(line.at - before.at) <= GAP
        and before.fresh == line.fresh
        and before.why == line.why
        and before.batch_id == line.batch_id
        and not (before.caused or line.caused or before.elsewhere or line.elsewhere)
    )


def _folded(run: list[Line]) -> list[Line]:
    if len(run) < 2:
        return run
    first, last = run[0], run[-1]
    changes = [_without_issue(line.parts) for line in sorted(run, key=lambda line: line.seq)]
    where = [Part("this", "this", extra={"on": "to"})] if first.issue_id is not None else []
    parts = [text(f"made {len(run)} changes"), *where, text(": ")]
    for place, change in enumerate(changes[:NAMED]):
        parts += [text(", ")] if place else []
        parts += change
    if len(changes) > NAMED:
        parts.append(text(f" and {len(changes) - NAMED} more"))
    newest = max(first, last, key=lambda line: line.seq)
    return [
        Line(
            id=newest.id,
            uid=newest.uid,
            seq=newest.seq,
            action="group",
            issue_id=newest.issue_id,
            project_id=newest.project_id,
            doer=newest.doer,
            glyph=first.glyph if len({line.glyph for line in run}) == 1 else "pencil",
            parts=parts,
            at=newest.at,
            small=True,
            quiet=all(line.quiet for line in run),
            depth=newest.depth,
            why=newest.why,
            issue=newest.issue,
            project=newest.project,
            fresh=newest.fresh,
            batch_id=newest.batch_id,
            batch=newest.batch,
            others=newest.others,
            members=list(run),
        )
    ]


def _act(lines: Sequence[Line]) -> Line:
    first = lines[0]
    caused = [one for line in lines for one in line.caused]
    glyphs = {line.glyph for line in lines}
    return Line(
        id=first.id,
        uid=first.uid,
        seq=first.seq,
        action="batch",
        issue_id=None,
        project_id=first.project_id,
        doer=first.doer,
        glyph=first.glyph if len(glyphs) == 1 else "list",
        parts=[text(first.batch or "changed several issues"), *_whom(lines)],
        at=first.at,
        small=False,
        quiet=first.quiet,
        depth=first.depth,
        why=first.why,
        project=first.project,
        fresh=any(line.fresh for line in lines),
        caused=caused[:HUNG],
        steps=len(caused[HUNG:]) + sum(line.steps for line in lines),
        batch_id=first.batch_id,
        members=list(lines),
    )


def _whom(lines: Sequence[Line]) -> list[Part]:
    """ " to Otis", where the act gave all its issues to the same people: what it is called names nobody."""
    people = [[part for part in line.parts if part.kind == "person"] for line in lines]
    words = {"assigned": " to ", "unassigned": " from "}.get(lines[0].action)
    alike = all(line.action == lines[0].action for line in lines) and all(one == people[0] for one in people)
    return [text(words), *named(people[0])] if words and alike and people[0] else []


def _without_issue(parts: list[Part]) -> list[Part]:
    """The change alone: the folded line names the issue once."""
    kept = []
    for part in parts:
        if part.kind != "this":
            kept.append(part)
        elif not part.extra.get("on"):
            kept.append(text("this"))
    return kept
