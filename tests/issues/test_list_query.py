"""The line that says which issues to list."""

import pytest

from app.accounts.viewer import viewer_of
from app.db import db
from app.errors import Invalid
from app.issues.assignment import assign
from app.issues.label import add_labels, create_label
from app.issues.list_query import parse, wanted_statuses, without
from app.issues.listing import board, count, list_page
from app.issues.workflow import change_status
from tests.support import world as worlds


def test_a_line_is_taken_apart_into_terms() -> None:
    terms = parse('status:open,closed -label:"two words" card payments')
    assert [(term.key, term.values, term.negated) for term in terms] == [
        ("status", ("open", "closed"), False),
        ("label", ("two words",), True),
        (None, ("card",), False),
        (None, ("payments",), False),
    ]
    assert without("label:a priority:urgent word", 1) == "label:a word"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("colour:red", "“colour:” is not something to filter by"),
        ("status:exploded", "“exploded” is not a status"),
        ("priority:enormous", "“enormous” is not a priority"),
        ("key:nonsense", "is not a key like ORC-12"),
        ("x" * 501, "at most 500 characters"),
    ],
)
def test_a_line_that_means_nothing_is_refused_at_the_word(world: worlds.World, line: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refusal:
        list_page(viewer_of(world.lead), line)
    assert refusal.value.field == "q"


def test_open_issues_are_the_default_and_statuses_come_in_order() -> None:
    assert wanted_statuses("") == ["reopened", "in_progress", "open"]
    assert wanted_statuses("status:any") == ["reopened", "in_progress", "open", "resolved", "closed"]
    assert wanted_statuses("status:done") == ["resolved", "closed"]
    assert wanted_statuses("status:any -status:closed,open") == ["reopened", "in_progress", "resolved"]


def test_each_filter_finds_what_it_says(world: worlds.World) -> None:
    lead = viewer_of(world.lead)
    bug = create_label(world.project, name="bug", color="rose", actor=world.actor)
    other = worlds.issue(world.project, world.member, title="100% of _guests_ wait", priority="urgent")
    add_labels(world.issue, [bug], actor=world.actor)
    assign(world.issue, [world.member], actor=world.actor)
    change_status(other, "start", actor=world.actor)
    db.session.commit()

    def found(line: str) -> set[int]:
        return {card.issue.number for group in list_page(lead, line).groups for card in group.cards}

    assert found("") == {1, 2}
    assert found("label:BUG") == {1}
    assert found("-label:bug") == {2}
    assert found("label:none") == {2}
    assert found(f"assignee:{world.member.username}") == {1}
    assert found("assignee:none") == {2}
    assert found("reporter:@me") == {1}
    assert found("priority:urgent") == {2}
    assert found("status:in_progress") == {2}
    assert found("key:ORC-1") == {1}
    assert found("card fail") == {1}
    assert found("100%") == {2}
    assert found("_guests_") == {2}
    assert found("%") == {2}
    assert found("status:closed") == set()


def test_pages_go_through_everything_once_in_order(world: worlds.World) -> None:
    for number in range(2, 24):
        made = worlds.issue(world.project, world.lead, title=f"Issue {number}")
        if number % 3 == 0:
            change_status(made, "start", actor=world.actor)
    db.session.commit()

    seen: list[tuple[str, int]] = []
    place = None
    while True:
        page = list_page(viewer_of(world.lead), "", project=world.project, after=place, limit=5)
        seen += [(group.status, card.issue.number) for group in page.groups for card in group.cards]
        place = page.next
        if place is None:
            break

    assert len(seen) == len(set(seen)) == 23
    assert [status for status, _ in seen] == ["in_progress"] * 7 + ["open"] * 16
    assert count(viewer_of(world.lead), "") == 23


def test_nobody_finds_what_they_may_not_see(world: worlds.World) -> None:
    stranger = viewer_of(world.stranger)
    assert list_page(stranger, "status:any").is_empty
    assert count(stranger, "status:any") == 0
    assert all(group.count == 0 for group in board(stranger, world.project))
