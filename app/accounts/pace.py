"""When a person wants their mails: at once, a few minutes' worth in one, or one a day; and not in their quiet hours.

Asks for no database and no clock: it says when, and whoever sends waits.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from app.errors import Invalid

MailPace = Literal["at_once", "bundled", "daily"]
PACES: tuple[MailPace, ...] = get_args(MailPace)
PACE_WORDS: dict[str, str] = {"at_once": "at once", "bundled": "bundled", "daily": "once a day"}
BUNDLE = timedelta(minutes=10)
"""What happens within so long after the first of several things comes with it."""
DIGEST = time(8)
"""The hour of the daily mail, by the person's own clock."""
MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Pace:
    """What one person chose. Quiet hours are minutes after midnight by their clock, None without any."""

    mails: str = "at_once"
    zone: str = "UTC"
    quiet_from: int | None = None
    quiet_to: int | None = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing is ever waited for."""
        return self.mails == "at_once" and self.quiet_from is None

    def moment(self, happened: datetime, *, urgent: bool = False) -> datetime:
        """From when on the person may be mailed about it. `urgent` (they are named in it) waits for no bundle."""
        if self.is_plain:
            return happened
        if self.mails == "daily":
            return self._next(happened, DIGEST.hour * 60)
        return self._after_quiet(happened if self.mails == "at_once" or urgent else happened + BUNDLE)

    def _after_quiet(self, moment: datetime) -> datetime:
        begin, end = self.quiet_from, self.quiet_to
        if begin is None or end is None or begin == end:
            return moment
        local = moment.astimezone(ZoneInfo(self.zone))
        now = local.hour * 60 + local.minute
        inside = begin <= now < end if begin < end else now >= begin or now < end
        return self._next(moment, end) if inside else moment

    def _next(self, moment: datetime, minutes: int) -> datetime:
        """The first moment after this one at which their clock shows so many minutes after midnight."""
        zone = ZoneInfo(self.zone)
        local = moment.astimezone(zone)
        at = time(minutes // 60, minutes % 60)
        found = datetime.combine(local.date(), at, zone)
        if found <= local:
            found = datetime.combine(local.date() + timedelta(days=1), at, zone)
        return found.astimezone(moment.tzinfo)


def clean_pace(value: str) -> MailPace:
    """Raises Invalid for what is no pace."""
    if value not in PACES:
        raise Invalid("Choose when you are mailed: at once, bundled or once a day", field="mail_pace")
    return value


def clean_quiet(begin: str, end: str) -> tuple[int, int] | None:
    """Quiet hours as typed ("22:00", "07:30"); None without any.

    Raises Invalid for half of them, or what is no time.
    """
    if not begin.strip() and not end.strip():
        return None
    if not begin.strip() or not end.strip():
        raise Invalid("Give both, from when and until when it is quiet, or neither", field="quiet_from")
    hours = _minutes(begin, "quiet_from"), _minutes(end, "quiet_to")
    if hours[0] == hours[1]:
        raise Invalid("Quiet hours end at another time than they begin", field="quiet_to")
    return hours


def clock_text(minutes: int | None) -> str:
    """07:30, as time fields want it; nothing for None."""
    return "" if minutes is None else f"{minutes // 60:02}:{minutes % 60:02}"


def _minutes(text: str, field: str) -> int:
    hours, colon, minutes = text.strip().partition(":")
    if colon and hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit():
        found = int(hours) * 60 + int(minutes)
        if int(hours) < 24 and int(minutes) < 60:
            return found
    raise Invalid("A time looks like 22:00", field=field)
