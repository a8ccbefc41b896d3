"""How moments, numbers and names are written: the templates' filters. Moments are in the reader's zone."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from flask import Flask
from markupsafe import Markup, escape

from app import clock
from app.web.reader import zone

Style = Literal["time", "date", "relative", "short", "full"]
HUES = 7
"""Avatars have the classes a-1 to a-7."""

MONTHS = (
    "",
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
SAID = 120
MINUTE, HOUR, DAY = 60, 3_600, 86_400


class DayHeading(NamedTuple):
    """The two halves of a day's heading: "Today" and "23 November"."""

    name: str
    rest: str


def when(moment: datetime, style: Style = "time") -> Markup:
    """A `<time>` element with the full instant in `datetime` and `title`.

    time: 15:41; date: 20 November; relative: 3 minutes ago; short: 3 min; full: 20 November 2026, 10:12 UTC.
    Relative and short ones are kept right by the page's script.
    """
    if style == "time":
        return _clock_element(moment, zone())
    live = f' data-relative="{style}"' if style in ("relative", "short") else ""
    return _element(moment, moment.astimezone(zone()), moment_text(moment, style), live)


@lru_cache(4_096)
def _clock_element(moment: datetime, here: ZoneInfo) -> Markup:
    """The same on every page and every day, and a feed has fifty of them."""
    local = moment.astimezone(here)
    return _element(moment, local, _clock(local))


def _element(moment: datetime, local: datetime, words: str, more: str = "") -> Markup:
    """Numbers, names of months and of zones: nothing here needs to be escaped."""
    instant = moment.isoformat(timespec="seconds")
    return Markup(f'<time datetime="{instant}" title="{_full(local)}"{more}>{words}</time>')  # noqa: S704


def moment_text(moment: datetime, style: Style = "time") -> str:
    """The same in words alone: for mails, and inside of other elements."""
    match style:
        case "time":
            return _clock(moment.astimezone(zone()))
        case "date":
            return day(moment)
        case "relative":
            return relative(moment)
        case "short":
            return short(moment)
        case "full":
            return full(moment)


def full(moment: datetime) -> str:
    """20 November 2026, 10:12 UTC."""
    return _full(moment.astimezone(zone()))


def _full(local: datetime) -> str:
    return f"{local.day} {MONTHS[local.month]} {local.year}, {_clock(local)} {local.tzname()}"


def _clock(local: datetime) -> str:
    return f"{local.hour:02}:{local.minute:02}"


def day(moment: datetime | date) -> str:
    """20 November, with the year when it is not this one."""
    which = _local_day(moment)
    year = "" if which.year == _today().year else f" {which.year}"
    return f"{which.day} {MONTHS[which.month]}{year}"


def day_heading(moment: datetime | date) -> DayHeading:
    """Today, Yesterday, a weekday within seven days, else the date; the other half says the rest."""
    which = _local_day(moment)
    match (_today() - which).days:
        case 0:
            return DayHeading("Today", day(which))
        case 1:
            return DayHeading("Yesterday", day(which))
        case age if 1 < age < 7:
            return DayHeading(f"{which:%A}", day(which))
        case _:
            return DayHeading(day(which), f"{which:%A}")


def since(moment: datetime) -> str:
    """today at 09:14, yesterday at 17:00, on Friday at 08:30: inside of a sentence."""
    name = day_heading(moment).name
    return f"{name.lower() if name in ('Today', 'Yesterday') else f'on {name}'} at {moment_text(moment)}"


def relative(moment: datetime) -> str:
    """just now, 3 minutes ago, yesterday, 5 days ago, 20 November."""
    seconds = (clock.now() - moment).total_seconds()
    if seconds < 0:
        return day(moment)
    if seconds < MINUTE:
        return "just now"
    if seconds < HOUR:
        return f"{plural(int(seconds // MINUTE), 'minute')} ago"
    if seconds < DAY:
        return f"{plural(int(seconds // HOUR), 'hour')} ago"
    if seconds < 30 * DAY:
        return f"{plural(int(seconds // DAY), 'day')} ago"
    return day(moment)


def short(moment: datetime) -> str:
    """now, 3 min, 22 h, 5 d, 20 Nov, 20 Nov 2024: for narrow columns."""
    seconds = max((clock.now() - moment).total_seconds(), 0)
    if seconds < MINUTE:
        return "now"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min"
    if seconds < DAY:
        return f"{int(seconds // HOUR)} h"
    if seconds < 30 * DAY:
        return f"{int(seconds // DAY)} d"
    which = _local_day(moment)
    year = "" if which.year == _today().year else f" {which.year}"
    return f"{which.day} {MONTHS[which.month][:3]}{year}"


def number(value: float) -> str:
    """1,444"""
    return f"{value:,}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """1 issue, 1,444 issues, 2 people."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


@lru_cache(1024)
def initials(name: str) -> str:
    """JA for Juno Alder, O for otis."""
    words = [word for word in name.split() if word[:1].isalnum()] or [name.strip() or "?"]
    return (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper()


@lru_cache(1024)
def hue(key: str) -> int:
    """The number of an avatar's colour: always the same for the same username."""
    return hashlib.sha256(key.lower().encode("utf-8", "replace")).digest()[0] % HUES + 1


class Spoken(Protocol):
    """A row of a feed, as far as it is said in words."""

    @property
    def doer(self) -> Any: ...
    @property
    def parts(self) -> Any: ...


def spoken(row: Spoken) -> str:
    """Who did what, cut to about SAID letters: what is read out when the row arrives."""
    words = f"{row.doer.name} {''.join([part.text for part in row.parts])}"
    return words if len(words) <= SAID else f"{words[: SAID - 3].rsplit(' ', 1)[0]}..."


def attrs(given: Mapping[str, object]) -> Markup:
    """HTML attributes: `hx_get="/x", class_="y", disabled=True` as ` hx-get="/x" class="y" disabled`.

    None and False leave one out; every value is escaped.
    """
    out = ""
    for name, value in given.items():
        if value is None or value is False or value == "":
            continue
        out += f" {_attribute(name)}" if value is True else f' {_attribute(name)}="{escape(value)}"'
    return Markup(out)  # noqa: S704 - every value was escaped, every name is a template's own


@cache
def _attribute(name: str) -> str:
    return str(escape(name.strip("_").replace("_", "-")))


def _local_day(moment: datetime | date) -> date:
    return moment.astimezone(zone()).date() if isinstance(moment, datetime) else moment


def _today() -> date:
    return clock.now().astimezone(zone()).date()


def gap_days(newer: datetime, older: datetime) -> int:
    """Whole quiet days between two moments, as the reader counts days."""
    return max((_local_day(newer) - _local_day(older)) // timedelta(days=1) - 1, 0)


def install(app: Flask) -> None:
    """Make them filters of every template."""
    filters = (
        when,
        moment_text,
        full,
        day,
        day_heading,
        since,
        relative,
        short,
        number,
        plural,
        initials,
        hue,
        spoken,
        attrs,
    )
    app.jinja_env.filters.update({one.__name__: one for one in filters})
    app.jinja_env.globals["gap_days"] = gap_days
