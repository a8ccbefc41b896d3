"""Feeds over many issues: what happened to one issue on one day stands under one heading."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from app.feeds.grouping import Day, fold, fold_batches
from app.feeds.lines import IssueName, Line


@dataclass(frozen=True, slots=True)
class Cluster:
    """Two or more lines of one issue on one day, newest first."""

    issue: IssueName
    lines: list[Line]


Entry = Line | Cluster | Day


def by_issue_and_day(lines: Sequence[Line], zone: str) -> list[Entry]:
    """Newest first, a heading per day; an issue with several lines on a day stands where its newest line would, and so
    do the changes of a project itself. A bulk act is one line, apart from the issues it changed."""
    reader = ZoneInfo(zone)
    days: dict[date, dict[tuple[str, int], list[Line]]] = {}
    for line in fold_batches(lines):
        days.setdefault(line.at.astimezone(reader).date(), {}).setdefault(_place(line), []).append(line)
    entries: list[Entry] = []
    for day, places in days.items():
        entries.append(Day(day, next(iter(places.values()))[0].at))
        for together in places.values():
            folded = fold(together)
            issue = folded[0].issue
            entries += [Cluster(issue, folded)] if len(folded) > 1 and issue is not None else folded
    return entries


def _place(line: Line) -> tuple[str, int]:
    if line.issue_id is not None:
        return "issue", line.issue_id
    return ("batch", line.id) if line.action == "batch" else ("project", line.project_id or 0)
