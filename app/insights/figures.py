"""The figures of a span, folded from lives: nothing is read from columns that change."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.insights.log import Answer, Life, Move, activity, answers, lives, open_before
from app.insights.span import Span
from app.issues.issue import OPEN_STATUSES

WORKED_ON = ("open", "in_progress", "reopened")
NOUGHT = timedelta()


@dataclass(frozen=True, slots=True)
class Finished:
    """An issue that was resolved or closed within the span and not taken up again in it."""

    number: int
    at: datetime
    lead: timedelta
    """From its opening."""
    cycle: timedelta | None
    """From when work on it began, if somebody said so."""


@dataclass
class Figures:
    """Everything the charts show. Lists have an entry for each bucket of the span."""

    span: Span
    open_before: int
    created: list[int]
    closed: list[int]
    reopened: list[int]
    finished: list[Finished] = field(default_factory=list)
    in_status: dict[str, list[timedelta]] = field(default_factory=lambda: {name: [] for name in WORKED_ON})
    answers: list[Answer] = field(default_factory=list)
    hours: Counter[tuple[int, int]] = field(default_factory=Counter)
    """(Weekday from Monday = 0, hour) -> events."""

    @property
    def open(self) -> list[int]:
        """How many were open at the end of each bucket."""
        standing, found = self.open_before, []
        for created, closed, reopened in zip(self.created, self.closed, self.reopened, strict=True):
            standing += created - closed + reopened
            found.append(standing)
        return found

    @property
    def is_empty(self) -> bool:
        return not (any(self.created) or any(self.closed) or self.open_before or self.hours)


def figures(project_id: int, span: Span) -> Figures:
    """Fold the log. Four queries."""
    empty = [0] * len(span.buckets)
    found = Figures(span, open_before(project_id, span.begin), [*empty], [*empty], [*empty])
    for life in lives(project_id, span):
        _live(found, life)
    found.finished.sort(key=lambda one: one.at)
    found.answers = answers(project_id, span)
    for hour, number in activity(project_id, span).items():
        here = hour.astimezone(span.zone)
        found.hours[here.weekday(), here.hour] += number
    return found


def middle(values: Iterable[timedelta]) -> timedelta | None:
    """The median: of two in the middle the lower one."""
    return share(values, 50)


def share(values: Iterable[timedelta], percent: int) -> timedelta | None:
    """The smallest value that so many of a hundred do not exceed; None without any."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(-(-len(ordered) * percent // 100) - 1, 0)]


def _live(found: Figures, life: Life) -> None:
    """Count the moves of one issue that lie in the span, and measure it if it was finished there."""
    before: str | None = None
    last: Move | None = None
    for move in life.moves:
        within = move.at >= found.span.begin
        if before is None and within:
            found.created[found.span.bucket_of(move.at)] += 1
        was_open, is_open = before is None or before in OPEN_STATUSES, move.status in OPEN_STATUSES
        if was_open and not is_open:
            last = move
            if within:
                found.closed[found.span.bucket_of(move.at)] += 1
        elif is_open and not was_open:
            last = None
            if within:
                found.reopened[found.span.bucket_of(move.at)] += 1
        before = move.status
    if last is not None and last.at >= found.span.begin:
        _measure(found, life, last)


def _measure(found: Figures, life: Life, end: Move) -> None:
    opened = life.moves[0].at
    spent: dict[str, timedelta] = {}
    began: datetime | None = None
    for move, following in zip(life.moves, [*life.moves[1:], end], strict=True):
        if move is end:
            break
        if move.status == "in_progress" and began is None:
            began = move.at
        if move.status in WORKED_ON:
            until = max(min(following.at, end.at), move.at)
            spent[move.status] = spent.get(move.status, NOUGHT) + until - move.at
    for status, time in spent.items():
        found.in_status[status].append(time)
    cycle = max(end.at - began, NOUGHT) if began else None
    found.finished.append(Finished(life.number, end.at, max(end.at - opened, NOUGHT), cycle))
