"""When a mail may be sent to somebody: by their pace, their quiet hours and their clock."""

from datetime import UTC, datetime

import pytest

from app.accounts.pace import Pace, clean_quiet
from app.errors import Invalid


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOON = at("2026-11-30 12:00")


@pytest.mark.parametrize(
    ("pace", "happened", "expected"),
    [
        (Pace(), "2026-11-30 12:00", "2026-11-30 12:00"),
        (Pace("bundled"), "2026-11-30 12:00", "2026-11-30 12:10"),
        (Pace("daily"), "2026-11-30 07:59", "2026-11-30 08:00"),
        (Pace("daily"), "2026-11-30 08:00", "2026-12-01 08:00"),
        (Pace("daily", "Asia/Tokyo"), "2026-11-30 12:00", "2026-11-30 23:00"),
        (Pace(quiet_from=22 * 60, quiet_to=7 * 60), "2026-11-30 21:59", "2026-11-30 21:59"),
        (Pace(quiet_from=22 * 60, quiet_to=7 * 60), "2026-11-30 22:00", "2026-12-01 07:00"),
        (Pace(quiet_from=22 * 60, quiet_to=7 * 60), "2026-12-01 06:59", "2026-12-01 07:00"),
        (Pace(quiet_from=12 * 60, quiet_to=13 * 60), "2026-11-30 12:30", "2026-11-30 13:00"),
        (Pace("bundled", quiet_from=12 * 60, quiet_to=13 * 60), "2026-11-30 11:55", "2026-11-30 13:00"),
        (Pace("at_once", "Europe/Berlin", 22 * 60, 7 * 60), "2026-11-30 21:30", "2026-12-01 06:00"),
        # clocks go back on 25 October 2026: the night is an hour longer
        (Pace("at_once", "Europe/Berlin", 22 * 60, 7 * 60), "2026-10-24 21:30", "2026-10-25 06:00"),
        (Pace("daily", "Europe/Berlin"), "2026-10-24 12:00", "2026-10-25 07:00"),
    ],
)
def test_the_moment_follows_from_what_the_person_chose(pace: Pace, happened: str, expected: str) -> None:
    assert pace.moment(at(happened)) == at(expected)


def test_who_is_named_waits_for_no_bundle_but_for_the_end_of_the_quiet_hours() -> None:
    assert Pace("bundled").moment(NOON, urgent=True) == NOON
    quiet = Pace("bundled", quiet_from=11 * 60, quiet_to=13 * 60)
    assert quiet.moment(NOON, urgent=True) == at("2026-11-30 13:00")


def test_quiet_hours_are_two_times_or_none() -> None:
    assert clean_quiet("22:00", "07:30") == (22 * 60, 7 * 60 + 30)
    assert clean_quiet(" ", "") is None


@pytest.mark.parametrize(
    ("begin", "end", "field"),
    [
        ("22:00", "", "quiet_from"),
        ("24:00", "07:00", "quiet_from"),
        ("22:00", "7", "quiet_to"),
        ("٢٢:00", "07:00", "quiet_from"),
        ("22:00", "22:00", "quiet_to"),
    ],
)
def test_what_is_no_time_is_refused_at_its_field(begin: str, end: str, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        clean_quiet(begin, end)
    assert refusal.value.field == field
