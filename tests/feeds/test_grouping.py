"""Folding and days: small facts are folded, words people wrote never are."""

from datetime import UTC, datetime, timedelta

import pytest

from app.events.parts import Part, label, text, this
from app.feeds.grouping import Day, Item, NewLine, by_day, fold
from app.feeds.lines import Doer, Line

ANN, BOB = Doer("Ann", "ann", 1), Doer("Bob", "bob", 2)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def line(
    seq: int, *, minutes: float = 0, by: Doer = ANN, small: bool = True, issue: int = 1, fresh: bool = False
) -> Line:
    return Line(
        id=seq,
        uid=str(seq),
        seq=seq,
        action="labeled",
        issue_id=issue,
        project_id=1,
        doer=by,
        glyph="tag",
        parts=[text("added "), label(f"l{seq}", "sky"), this("to")],
        at=NOON + timedelta(minutes=minutes),
        small=small,
        quiet=False,
        depth=0,
        fresh=fresh,
    )


@pytest.mark.parametrize(
    ("lines", "shape"),
    [
        ([], []),
        ([line(1)], [1]),
        ([line(1), line(2), line(3)], [3]),
        ([line(1), line(2, by=BOB), line(3)], [1, 1, 1]),
        ([line(1), line(2, small=False), line(3)], [1, 1, 1]),
        ([line(1), line(2, minutes=11)], [1, 1]),
        ([line(1), line(2, minutes=9), line(3, minutes=18)], [3]),
        ([line(1), line(2, issue=2)], [1, 1]),
        ([line(1), line(2, fresh=True)], [1, 1]),
        ([line(3, minutes=2), line(2, minutes=1), line(1)], [3]),
    ],
)
def test_runs_of_small_changes_by_one_person_fold(lines: list[Line], shape: list[int]) -> None:
    assert [max(1, len(folded.members)) for folded in fold(lines)] == shape


def test_a_folded_line_names_up_to_four_changes_in_the_order_they_happened() -> None:
    (folded,) = fold([line(6), line(5), line(4), line(3), line(2), line(1)])

    words = "".join(part.text for part in folded.parts if part.kind in ("text", "label"))
    assert words == "made 6 changes: added l1, added l2, added l3, added l4 and 2 more"
    assert folded.seq == 6


def test_the_issue_is_named_once_in_a_folded_line() -> None:
    (folded,) = fold([line(1), line(2)])
    assert [part for part in folded.parts if part.kind == "this"] == [
        Part("this", "this", extra={"on": "to"})
    ]


def test_days_are_those_of_the_readers_zone() -> None:
    late = line(1, minutes=11.5 * 60)
    assert [_name(item) for item in by_day([late], "UTC")] == ["2026-11-20", "1"]
    assert [_name(item) for item in by_day([late], "Europe/Berlin")] == ["2026-11-21", "1"]


def test_a_gap_of_more_than_two_days_is_said() -> None:
    items = by_day([line(1), line(2, minutes=4 * 24 * 60)], "UTC")
    assert [item.quiet for item in items if isinstance(item, Day)] == [0, 3]


def test_the_new_line_stands_before_the_first_unseen_event_and_its_day() -> None:
    items = by_day([line(1), line(2, minutes=24 * 60, fresh=True)], "UTC", new_since=NOON)
    assert [_name(item) for item in items] == ["2026-11-20", "1", "new 1", "2026-11-21", "2"]


def _name(item: Item) -> str:
    if isinstance(item, Day):
        return item.date.isoformat()
    if isinstance(item, NewLine):
        return f"new {item.count}"
    return str(item.seq)
