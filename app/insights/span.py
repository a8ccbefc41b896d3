"""The days a page of charts is about, as the reader counts days, and how they are put together."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from app import clock
from app.errors import Invalid

USUAL = (30, 90, 365)
LONGEST = 1_100
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Bucket:
    """Some days that share a bar: both ends are in it."""

    first: date
    last: date

    @property
    def words(self) -> str:
        return (
            f"{self.first:%-d %b}"
            if self.first == self.last
            else f"{self.first:%-d %b} to {self.last:%-d %b}"
        )


@dataclass(frozen=True)
class Span:
    """From the first day to the last, both in it."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def begin(self) -> datetime:
        return self._midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self._midnight(self.last + DAY)

    @property
    def query(self) -> str:
        """As it stands in an address."""
        return f"from={self.first}&to={self.last}"

    @cached_property
    def buckets(self) -> list[Bucket]:
        """Days up to six weeks, weeks up to a year and a bit, four weeks beyond."""
        step = 1 if self.days <= 45 else 7 if self.days <= 400 else 28
        return [
            Bucket(first, min(first + timedelta(days=step - 1), self.last))
            for offset in range(0, self.days, step)
            for first in [self.first + timedelta(days=offset)]
        ]

    def bucket_of(self, moment: datetime) -> int:
        """The number of the bucket in which this moment lies."""
        step = (self.buckets[0].last - self.buckets[0].first).days + 1
        return min((self.day_of(moment) - self.first).days // step, len(self.buckets) - 1)

    def day_of(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


def read_span(first: str, last: str, zone: str) -> Span:
    """The span that was asked for; without words the last 30 days. Raises Invalid with the field."""
    here = ZoneInfo(zone)
    today = clock.now().astimezone(here).date()
    end = _day(last, "to") or today
    if end > today:
        raise Invalid("Choose a last day that has come already", field="to")
    begin = _day(first, "from") or end - timedelta(days=USUAL[0] - 1)
    if begin > end:
        raise Invalid("The first day must not be after the last", field="from")
    if (end - begin).days >= LONGEST:
        raise Invalid(f"Choose at most {LONGEST:,} days", field="from")
    return Span(begin, end, here)


def usual(days: int, zone: str, last: date | None = None) -> Span:
    """So many days up to and with the last one."""
    here = ZoneInfo(zone)
    end = last or clock.now().astimezone(here).date()
    return Span(end - timedelta(days=days - 1), end, here)


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Invalid("Write the day as 2026-11-23", field=field) from None
    if day.year < 1980:
        raise Invalid("Choose a day after 1980", field=field)
    return day
