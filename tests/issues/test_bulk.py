"""Many issues in one act: what changes, what is left alone, and the way back."""

import pytest
from sqlalchemy import func, select

from app.db import db
from app.errors import Forbidden, Invalid, NotFound
from app.events.batch import descriptions, new_batch_id
from app.events.event import Event
from app.issues.assignment import assign, unassign
from app.issues.bulk import MOST, Wish, change_all
from app.issues.bulk_undo import take_back
from app.issues.comment import add_comment
from app.issues.editing import prioritise
from app.issues.issue import Issue, assignee_ids
from app.issues.label import add_labels, create_label
from app.issues.workflow import change_status
from tests.support import world as worlds
from tests.support.world import said


def some(world: worlds.World, number: int) -> list[Issue]:
    """Issues ORC-2, ORC-3 and so on."""
    made = [worlds.issue(world.project, world.lead, title=f"Issue {n}") for n in range(number)]
    db.session.commit()
    return made


def events() -> int:
    return db.session.scalar(select(func.count()).select_from(Event)) or 0


def acted(batch_id: str | None) -> list[tuple[int | None, str]]:
    query = select(Event.issue_id, Event.action).where(Event.batch_id == batch_id).order_by(Event.id)
    return [(row[0], row[1]) for row in db.session.execute(query)]


def test_only_what_changes_is_recorded_and_the_rest_is_said(world: worlds.World) -> None:
    first, second, third, fourth = some(world, 4)
    change_status(second, "resolve", actor=world.actor)
    change_status(third, "close", actor=world.actor)
    db.session.commit()
    keys = [third.key, first.key, second.key, fourth.key, "ORC-999", "LAN-1", "rubbish", first.key.lower()]
    done = change_all(world.project, keys, Wish(step="resolve"), actor=world.actor)
    db.session.commit()
    assert [one.key for one in done.changed] == [first.key, fourth.key]
    assert [one.key for one in done.same] == [second.key]
    assert [(one.key, one.why) for one in done.left] == [
        ("ORC-999", "There is no such issue in Orchard."),
        ("LAN-1", "There is no such issue in Orchard."),
        ("RUBBISH", "There is no such issue in Orchard."),
        (
            third.key,
            "This issue is closed; only one that is open, in progress or reopened can be resolved.",
        ),
    ]
    assert acted(done.batch_id) == [(first.id, "status_changed"), (fourth.id, "status_changed")]
    assert descriptions([done.batch_id or ""]) == {done.batch_id: "moved 2 issues to resolved"}
    assert (third.status, second.status, first.status) == ("closed", "resolved", "resolved")


def test_an_issue_that_refuses_the_step_keeps_everything_else_too(world: worlds.World) -> None:
    [first, second] = some(world, 2)
    bug = create_label(world.project, name="bug", color="rose", actor=world.actor)
    change_status(second, "close", actor=world.actor)
    db.session.commit()
    before = second.event_seq
    wish = Wish(step="start", priority="high", add_labels=[bug], assign=[world.member])
    done = change_all(world.project, [first.key, second.key], wish, actor=world.actor)
    db.session.commit()
    assert [action for _, action in acted(done.batch_id)] == [
        "assigned",
        "status_changed",
        "priority_changed",
        "labeled",
    ]
    assert (second.event_seq, second.priority, assignee_ids(second)) == (before, "none", set())
    assert descriptions([done.batch_id or ""])[done.batch_id or ""] == (
        "changed 1 issue: status to in progress, priority to high, labels, people"
    )


def test_a_second_press_changes_nothing_and_knows_it(world: worlds.World) -> None:
    issues, batch_id = some(world, 2), new_batch_id()
    keys = [one.key for one in issues]
    change_all(world.project, keys, Wish(step="start"), actor=world.actor, batch_id=batch_id)
    db.session.commit()
    change_status(issues[0], "stop", actor=world.actor)
    db.session.commit()
    before = events()
    again = change_all(world.project, keys, Wish(step="start"), actor=world.actor, batch_id=batch_id)
    db.session.commit()
    assert (again.repeated, again.changed, events()) == (True, [], before)


@pytest.mark.parametrize(
    ("keys", "wish", "words"),
    [
        ([], Wish(step="start"), "Choose at least one issue"),
        (["  "], Wish(step="start"), "Choose at least one issue"),
        ([f"ORC-{n}" for n in range(MOST + 1)], Wish(step="start"), "at most 200 issues; 201 were chosen"),
        (["ORC-1"], Wish(step="explode"), "There is no step 'explode'"),
        (["ORC-1"], Wish(priority="dire"), "Choose a priority"),
        (["ORC-1"], Wish(), "Choose what to change"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_records_nothing(
    world: worlds.World, keys: list[str], wish: Wish, words: str
) -> None:
    before = events()
    with pytest.raises(Invalid, match=words):
        change_all(world.project, keys, wish, actor=world.actor)
    assert events() == before


def test_the_same_label_is_not_added_and_taken_off(world: worlds.World) -> None:
    bug = create_label(world.project, name="bug", color="rose", actor=world.actor)
    with pytest.raises(Invalid, match="same labels"):
        change_all(world.project, ["ORC-1"], Wish(add_labels=[bug], remove_labels=[bug]), actor=world.actor)


def test_undo_brings_back_what_nobody_changed_since(world: worlds.World) -> None:
    first, second, third = some(world, 3)
    bug = create_label(world.project, name="bug", color="rose", actor=world.actor)
    change_status(first, "start", actor=world.actor)
    prioritise(second, "low", actor=world.actor)
    add_labels(second, [bug], actor=world.actor)
    assign(second, [world.member], actor=world.actor)
    db.session.commit()
    wish = Wish(
        step="resolve", priority="urgent", remove_labels=[bug], assign=[world.lead], unassign=[world.member]
    )
    done = change_all(world.project, [one.key for one in (first, second, third)], wish, actor=world.actor)
    db.session.commit()
    assert (second.priority, assignee_ids(second)) == ("urgent", {world.lead.id})
    prioritise(third, "high", actor=world.member.actor)
    db.session.commit()
    back = take_back(world.project, done.batch_id or "", actor=world.actor)
    db.session.commit()
    assert [one.key for one in back.changed] == [first.key, second.key]
    assert [(one.key, one.why) for one in back.left] == [(third.key, "It was changed since.")]
    assert (first.status, first.priority, assignee_ids(first)) == ("in_progress", "none", set())
    assert (second.status, second.priority, assignee_ids(second)) == ("reopened", "low", {world.member.id})
    assert (third.status, third.priority) == ("resolved", "high")
    assert back.batch_id != done.batch_id
    assert descriptions([back.batch_id or ""])[back.batch_id or ""] == "took back a bulk act on 2 issues"
    again = take_back(world.project, done.batch_id or "", actor=world.actor)
    assert (again.changed, len(again.left)) == ([], 3)


def test_a_bulk_act_is_taken_back_by_who_did_it_and_in_its_project(world: worlds.World) -> None:
    issues = some(world, 2)
    done = change_all(world.project, [one.key for one in issues], Wish(priority="low"), actor=world.actor)
    db.session.commit()
    with pytest.raises(Forbidden):
        take_back(world.project, done.batch_id or "", actor=world.member.actor)
    elsewhere = worlds.project(world.lead, key="LAN", name="Lantern")
    with pytest.raises(NotFound):
        take_back(elsewhere, done.batch_id or "", actor=world.actor)
    with pytest.raises(NotFound):
        take_back(world.project, "nothing", actor=world.actor)


def test_a_comment_since_does_not_stand_in_the_way_but_a_change_of_people_does(world: worlds.World) -> None:
    first, second = some(world, 2)
    assign(first, [world.member], actor=world.actor)
    db.session.commit()
    done = change_all(world.project, [first.key, second.key], Wish(step="start"), actor=world.actor)
    add_comment(second, said("Really?"), author=world.member, actor=world.member.actor)
    unassign(first, [world.member], actor=world.actor)
    db.session.commit()
    back = take_back(world.project, done.batch_id or "", actor=world.actor)
    assert [one.key for one in back.changed] == [second.key]
    assert second.status == "open"
