"""The books of the campaign say so when something was lost, came from nowhere, or came twice unmarked."""

import pytest

from tests.chaos.delays import share
from tests.chaos.sinks import Came, compared


def test_what_came_as_often_as_the_ledger_says_is_counted() -> None:
    came = compared(
        "sink", {"one": 1, "two": 2}, ["one", "two"], {"one": 1, "two": 2, "refused": 1}, marked=1
    )
    assert came == Came(taken=3, doubled=1, marked=1)


@pytest.mark.parametrize(
    ("arrived", "words"),
    [
        ({"one": 1}, "never came"),
        ({"one": 1, "two": 1, "three": 1}, "in no book"),
        ({"one": 2, "two": 1}, "more often than it is marked"),
        ({"one": 1, "two": 3}, "more often than it is marked"),
    ],
)
def test_what_is_lost_unknown_or_doubled_without_a_mark_is_named(arrived: dict[str, int], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        compared("sink", arrived, ["one", "two"], {"one": 1, "two": 2})


def test_a_share_is_the_delay_that_so_many_did_not_exceed() -> None:
    seconds = [float(number) for number in range(1, 101)]
    assert (share(seconds, 0.5), share(seconds, 0.99), share(seconds, 1), share([], 0.99)) == (
        51.0,
        100.0,
        100.0,
        0.0,
    )
