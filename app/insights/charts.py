"""The seven charts of a project: each a picture, a sentence, and the table behind it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import sqrt
from typing import Any

from app.insights.drawing import BLUE, GREEN, GREY, HEIGHT, INK, ORANGE, Picture, Word, percent
from app.insights.figures import WORKED_ON, Figures, Finished, middle, share

MOST_DOTS = 400
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LONG_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
STATUS_WORDS = {"open": "Open", "in_progress": "In progress", "reopened": "Reopened"}


@dataclass(frozen=True)
class Chart:
    """One chart. `rows` are plain values: for the page's table and for files."""

    id: str
    title: str
    sentence: str
    picture: Picture | None
    """None: there is nothing to draw."""
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    legend: tuple[tuple[str, str], ...] = ()
    ends: tuple[str, str] | None = None
    """What stands below the left and the right end."""
    wide: bool = False


def charts(found: Figures, key: str) -> list[Chart]:
    """All of them in the order of the page."""
    return [CHARTS[name](found, key) for name in CHARTS]


def duration(time: timedelta | None) -> str:
    """12 minutes, 5.2 hours, 3.4 days."""
    if time is None:
        return "–"
    minutes = time.total_seconds() / 60
    if minutes < 90:
        return f"{minutes:.0f} minutes"
    return f"{minutes / 60:.1f} hours" if minutes < 48 * 60 else f"{minutes / 1440:.1f} days"


def _flow(found: Figures, _key: str) -> Chart:
    created, closed = sum(found.created), sum(found.closed)
    most = max([*found.created, *found.closed], default=0)
    rows = [
        (bucket.words, opened, done)
        for bucket, opened, done in zip(found.span.buckets, found.created, found.closed, strict=True)
    ]
    picture = Picture(most) if most else None
    if picture:
        picture.level(most, f"{most}")
        slot = 100 / len(rows)
        for place, (words, opened, done) in enumerate(rows):
            picture.bar((place + 0.1) * slot, slot * 0.38, opened, BLUE, f"{words}: {opened} created")
            picture.bar((place + 0.52) * slot, slot * 0.38, done, GREEN, f"{words}: {done} closed")
    said = f"{_issues(created)} created and {closed:,} closed; resolved ones count as closed."
    legend = (("Created", BLUE), ("Closed", GREEN))
    return Chart(
        "flow", "Created and closed", said, picture, ("Days", "Created", "Closed"), rows, legend, _ends(found)
    )


def _open(found: Figures, _key: str) -> Chart:
    standing = found.open
    most = max([found.open_before, *standing])
    rows = [(bucket.words, number) for bucket, number in zip(found.span.buckets, standing, strict=True)]
    picture = Picture(most) if most else None
    if picture:
        picture.level(most, f"{most}")
        step = 100 / len(standing)
        points = [(0.0, float(found.open_before))]
        points += [((place + 1) * step, float(number)) for place, number in enumerate(standing)]
        picture.line(points, BLUE)
    now = standing[-1]
    change = now - found.open_before
    moved = (
        f"{abs(change):,} {'more' if change > 0 else 'fewer'} than before" if change else "as many as before"
    )
    said = f"{_issues(now)} open at the end, {moved}."
    return Chart("open", "Open issues", said, picture, ("Days", "Open at the end"), rows, (), _ends(found))


def _lead(found: Figures, key: str) -> Chart:
    leads = [one.lead for one in found.finished]
    cycles = [one.cycle for one in found.finished if one.cycle is not None]
    rows = [
        (f"{key}-{one.number}", f"{found.span.day_of(one.at)}", _days(one.lead), _days(one.cycle))
        for one in reversed(found.finished)
    ]
    said = "No issue was finished in these days."
    if leads:
        said = f"Half of {_issues(len(leads))} took at most {duration(middle(leads))} from opening to closing"
        said += f", and 85 of 100 at most {duration(share(leads, 85))}."
    if cycles:
        said += f" From the start of work it is {duration(middle(cycles))} and {duration(share(cycles, 85))}."
    columns = ("Issue", "Closed on", "Lead time in days", "Cycle time in days")
    legend = (("Lead time", BLUE), ("Cycle time", GREEN))
    picture = _scatter(found, leads) if leads else None
    return Chart("lead", "Lead and cycle time", said, picture, columns, rows, legend, _ends(found))


def _scatter(found: Figures, leads: Sequence[timedelta]) -> Picture:
    """A dot for each finished issue; the scale is that of square roots, so that short ones are told apart."""
    picture = Picture(sqrt(max(leads).total_seconds()) or 1)
    for name, time in (("85 of 100", share(leads, 85)), ("Half", middle(leads))):
        if time is not None:
            picture.level(sqrt(time.total_seconds()), f"{name}: {duration(time)}", dashes="4 4", color=INK)
    whole = (found.span.end - found.span.begin).total_seconds()
    shown = found.finished[:: max(len(found.finished) // MOST_DOTS, 1)]
    for one in shown:
        x = 1 + 98 * (one.at - found.span.begin).total_seconds() / whole
        picture.dot(x, sqrt(one.lead.total_seconds()), BLUE, _dot_words(one))
        if one.cycle is not None:
            picture.dot(x, sqrt(one.cycle.total_seconds()), GREEN, _dot_words(one))
    return picture


def _status(found: Figures, _key: str) -> Chart:
    rows, bars = [], []
    for status in WORKED_ON:
        times = found.in_status[status]
        half, most = middle(times), share(times, 85)
        rows.append((STATUS_WORDS[status], len(times), _days(half), _days(most)))
        if half is not None and most is not None:
            bars.append((STATUS_WORDS[status], half, most))
    said = "No issue was finished in these days."
    if bars:
        longest = max(bars, key=lambda one: one[1])
        said = f"Closed issues had spent longest {longest[0].lower()}: half of them at most {duration(longest[1])}."
    columns = ("Status", "Issues", "Half at most, days", "85 of 100 at most, days")
    legend = (("Half at most", BLUE), ("85 of 100 at most", GREY))
    return Chart("status", "Time in status", said, _lying(bars), columns, rows, legend)


def _lying(bars: Sequence[tuple[str, timedelta, timedelta]]) -> Picture | None:
    """Bars from left to right with their names above."""
    if not bars:
        return None
    longest = max(most for _, _, most in bars).total_seconds() or 1
    picture = Picture(1, height=len(bars) * 46)
    for place, (name, half, most) in enumerate(bars):
        y = place * 46
        picture.words.append(Word("0%", y + 12, f"{name}: {duration(half)}", "start"))
        picture.rect(0, y + 20, max(100 * most.total_seconds() / longest, 0.5), 14, GREY)
        picture.rect(0, y + 20, max(100 * half.total_seconds() / longest, 0.5), 14, BLUE)
    return picture


def _reopened(found: Figures, _key: str) -> Chart:
    closed, again = sum(found.closed), sum(found.reopened)
    rows = [
        (bucket.words, done, back, _rate(back, done))
        for bucket, done, back in zip(found.span.buckets, found.closed, found.reopened, strict=True)
    ]
    most = max([*found.closed, *found.reopened], default=0)
    picture = Picture(most) if again else None
    if picture:
        picture.level(most, f"{most}")
        slot = 100 / len(rows)
        for place, (words, done, back, _) in enumerate(rows):
            picture.bar((place + 0.1) * slot, slot * 0.38, done, GREEN, f"{words}: {done} closed")
            picture.bar((place + 0.52) * slot, slot * 0.38, back, ORANGE, f"{words}: {back} reopened")
    said = (
        "Nothing was reopened."
        if not again
        else f"{again:,} reopened while {closed:,} were closed: {_rate(again, closed)}."
    )
    legend = (("Closed", GREEN), ("Reopened", ORANGE))
    columns = ("Days", "Closed", "Reopened", "Rate")
    return Chart("reopened", "Reopened", said, picture, columns, rows, legend, _ends(found))


STEPS = (
    ("1 hour", timedelta(hours=1)),
    ("8 hours", timedelta(hours=8)),
    ("1 day", timedelta(days=1)),
    ("3 days", timedelta(days=3)),
    ("1 week", timedelta(days=7)),
)


def _response(found: Figures, key: str) -> Chart:
    waits = [max(one.answered - one.opened, timedelta()) for one in found.answers if one.answered is not None]
    counts = [sum(low < wait <= high for wait in waits) for low, high in _between()]
    bars = [*((name, number) for (name, _), number in zip(STEPS, counts, strict=False))]
    bars += [("later", counts[-1]), ("not yet", len(found.answers) - len(waits))]
    rows = [
        (
            f"{key}-{one.number}",
            f"{found.span.day_of(one.opened)}",
            _days(one.answered - one.opened if one.answered else None),
        )
        for one in reversed(found.answers)
    ]
    said = "No issue was opened in these days."
    if found.answers:
        said = f"{len(waits):,} of {_issues(len(found.answers))} were answered by somebody else"
        if waits:
            said += f", half of them within {duration(middle(waits))}, and 85 of 100 within "
            said += duration(share(waits, 85))
        said += "."
    most = max(number for _, number in bars)
    picture = Picture(most, height=HEIGHT + 18, foot=18) if found.answers else None
    if picture:
        slot = 100 / len(bars)
        for place, (name, number) in enumerate(bars):
            fill, center = GREY if name == "not yet" else BLUE, percent((place + 0.5) * slot)
            picture.bar((place + 0.08) * slot, slot * 0.84, number, fill, f"{name}: {number}")
            picture.words.append(Word(center, picture.y(number) - 4, f"{number}", "middle"))
            picture.words.append(Word(center, picture.height - 4, name, "middle"))
    columns = ("Issue", "Opened on", "Days to the first answer")
    return Chart("response", "First answer", said, picture, columns, rows)


def _between() -> list[tuple[timedelta, timedelta]]:
    edges = [timedelta(seconds=-1), *(limit for _, limit in STEPS), timedelta.max]
    return list(zip(edges, edges[1:], strict=False))


def _activity(found: Figures, _key: str) -> Chart:
    rows = [(DAYS[day], *(found.hours[day, hour] for hour in range(24))) for day in range(7)]
    total = found.hours.total()
    said = "Nothing happened in these days."
    picture = None
    if total:
        (day, hour), number = min(found.hours.items(), key=lambda one: (-one[1], one[0]))
        said = f"{total:,} events; the busiest hour is {LONG_DAYS[day]} from {hour:02}:00 with {number:,}."
        picture = _heat(found, number)
    columns = ("Day", *(f"{hour:02}" for hour in range(24)))
    return Chart("activity", "Activity by day and hour", said, picture, columns, rows, wide=True)


def _heat(found: Figures, most: int) -> Picture:
    picture = Picture(1, height=7 * 22 + 18)
    left, slot = 11.0, 89 / 24
    for day in range(7):
        picture.words.append(Word("0%", day * 22 + 14, DAYS[day], "start"))
        for hour in range(24):
            number = found.hours[day, hour]
            deep = 0.1 + 0.9 * sqrt(number / most) if number else 1
            fill = BLUE if number else "var(--wash)"
            says = f"{DAYS[day]} {hour:02}:00: {number}"
            picture.rect(left + hour * slot, day * 22, slot * 0.88, 19, fill, says=says, opacity=deep)
    for hour in (0, 6, 12, 18):
        picture.words.append(Word(percent(left + hour * slot), 7 * 22 + 13, f"{hour:02}:00", "start"))
    return picture


CHARTS: dict[str, Callable[[Figures, str], Chart]] = {
    "flow": _flow,
    "open": _open,
    "lead": _lead,
    "status": _status,
    "reopened": _reopened,
    "response": _response,
    "activity": _activity,
}


def _ends(found: Figures) -> tuple[str, str]:
    return f"{found.span.first:%-d %b %Y}", f"{found.span.last:%-d %b %Y}"


def _days(time: timedelta | None) -> str:
    return "" if time is None else f"{max(time, timedelta()).total_seconds() / 86_400:.2f}"


def _rate(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else ""


def _issues(number: int) -> str:
    return f"{number:,} issue" if number == 1 else f"{number:,} issues"


def _dot_words(one: Finished) -> str:
    return f"#{one.number}: {duration(one.lead)}"
