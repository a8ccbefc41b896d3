"""Rules that time sets off: once for each quiet time, whatever they do themselves meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
import time_machine

from app import clock
from app.automation.chains import Candidate
from app.automation.dry_run import try_rule
from app.automation.scheduled import run_rule, run_scheduled_rules
from app.db import db
from app.issues.assignment import assign
from app.issues.comment import add_comment
from app.issues.deletion import delete_issue, restore_issue
from app.issues.visit import note_visit
from app.issues.workflow import change_status
from app.projects.membership import add_member, remove_member
from app.projects.project import archive
from tests.automation.build import actions, fresh, last, outcomes, rule, runs, said
from tests.support import world as worlds
from tests.support.deliveries import deliver, writes_again

CLOSE = said(
    quiet_days=14,
    conditions=({"field": "status", "op": "is", "value": "resolved"},),
    steps=({"do": "move", "value": "close", "text": "Nothing happened for 14 days"},),
)
REMIND = said(quiet_days=14, steps=({"do": "comment", "text": "Is {title} still a problem?"},))


@contextmanager
def days_later(start: datetime, days: float) -> Iterator[None]:
    with time_machine.travel(start + timedelta(days=days)):
        yield


def turn() -> None:
    """What a worker does when the turn has come."""
    try:
        run_scheduled_rules()
    finally:
        writes_again()


def test_an_issue_is_dealt_with_when_it_was_quiet_for_so_long(world: worlds.World) -> None:
    start = clock.now()
    change_status(world.issue, "resolve", actor=world.member.actor)
    open_one = worlds.issue(world.project, world.lead, title="Still open")
    made = rule(world.project, world.lead, CLOSE)
    with days_later(start, 13.9):
        turn()
        assert outcomes(made) == []
    with days_later(start, 14.1):
        turn()
        assert (fresh(world.issue).status, fresh(open_one).status) == ("closed", "open")
        event, action = last(world.issue, "closed")
        assert (action.reason, action.triggered_by) == ("Nothing happened for 14 days", "automation")
        resolved, _ = last(world.issue, "status_changed")
        assert (event.cause_id, event.depth, event.actor_kind) == (resolved.id, 1, "rule")
        turn()
        assert outcomes(made) == ["applied"]


def test_a_quiet_time_counts_once_and_a_new_one_begins_with_a_person(world: worlds.World) -> None:
    start = clock.now()
    made = rule(world.project, world.lead, REMIND)
    for days in (14.1, 14.2, 29, 43):  # the reminder itself begins no new quiet time
        with days_later(start, days):
            turn()
    assert outcomes(made) == ["applied"]
    with days_later(start, 44):
        note_visit(world.issue, world.member, seen_seq=1)  # a look is nothing that happens
        db.session.commit()
    with days_later(start, 45):
        add_comment(world.issue, worlds.said("Yes"), author=world.member, actor=world.member.actor)
        db.session.commit()
        turn()
    assert outcomes(made) == ["applied"]
    with days_later(start, 60):
        turn()
    assert outcomes(made) == ["applied", "applied"]
    assert actions(world.issue).count("commented") == 3


@pytest.mark.parametrize(
    ("field", "acts_on", "nobodys"),
    [("since_assigned", 12.0, 0), ("since_status", 11.0, 1), ("since_change", 16.0, 1), ("age", 10.0, 1)],
)
def test_a_quiet_issue_is_asked_since_when(
    world: worlds.World, field: str, acts_on: float, nobodys: int
) -> None:
    """Opened on day 0, work begun on day 1, assigned on day 2, commented on day 6; ten days are asked for.

    Another one was only opened, and nobody has it.
    """
    start = clock.now()
    other = worlds.issue(world.project, world.lead, title="Nobody has it")
    assigned = world.issue
    condition = {"field": field, "op": "at_least", "value": "10"}
    asks = said(quiet_days=3, conditions=(condition,), steps=({"do": "priority", "value": "low"},))
    made = rule(world.project, world.lead, asks)
    with days_later(start, 1):
        change_status(assigned, "start", actor=world.member.actor)
    with days_later(start, 2):
        assign(assigned, [world.member], actor=world.actor)
    with days_later(start, 6):
        add_comment(assigned, worlds.said("Soon"), author=world.member, actor=world.member.actor)
        db.session.commit()
    with days_later(start, acts_on - 0.1):
        turn()
        assert assigned.id not in {run.issue_id for run in runs(made)}
    with days_later(start, acts_on + 0.1):
        turn()
        acted_on = [run.issue_id for run in runs(made)]
        assert (acted_on.count(assigned.id), acted_on.count(other.id)) == (1, nobodys)
    with days_later(start, 40):
        assert try_rule(world.project, Candidate(0, "Tried", asks), days=7).at_once == 1 + nobodys


def test_a_turn_deals_with_so_many_issues_and_the_next_with_the_others(
    world: worlds.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.automation.scheduled.MOST_A_TURN", 3)
    start = clock.now()
    for number in range(4):
        worlds.issue(world.project, world.lead, title=f"Issue {number}")
    made = rule(world.project, world.lead, REMIND)
    with days_later(start, 15):
        assert [run_rule(made.id) for _ in range(3)] == [3, 2, 0]
    assert outcomes(made) == ["applied"] * 5


def test_an_archived_project_is_left_alone_and_its_rules_stay_on(world: worlds.World) -> None:
    start = clock.now()
    made = rule(world.project, world.lead, REMIND)
    archive(world.project, actor=world.actor)
    db.session.commit()
    with days_later(start, 15):
        turn()
    assert outcomes(made) == []
    assert fresh(made).enabled


def test_the_author_who_left_pauses_it_too(world: worlds.World) -> None:
    start = clock.now()
    second = worlds.person("Sue")
    add_member(world.project, second, role="lead", actor=world.actor)
    made = rule(world.project, second, REMIND)
    remove_member(world.project, second, actor=world.actor)
    db.session.commit()
    worlds.issue(world.project, world.lead, title="Another")
    db.session.commit()
    with days_later(start, 15):
        turn()
    assert not fresh(made).enabled
    assert outcomes(made) == ["stopped"]


def test_what_time_sets_off_is_a_new_beginning_for_the_other_rules(world: worlds.World) -> None:
    start = clock.now()
    steps = ({"do": "comment", "text": "The status is {status} now"},)
    answers = rule(world.project, world.lead, said("status", steps=steps), name="Says so")
    closes = rule(world.project, world.lead, CLOSE, name="Closes")
    change_status(world.issue, "resolve", actor=world.member.actor)
    db.session.commit()
    deliver("events")
    with days_later(start, 15):
        turn()
        deliver("events")
    assert (outcomes(answers), outcomes(closes)) == (["applied", "applied"], ["applied"])
    assert "rule_stopped" not in actions(world.issue)


def test_a_deleted_issue_is_left_alone_and_its_quiet_begins_anew_when_it_is_back(world: worlds.World) -> None:
    start = clock.now()
    made = rule(world.project, world.lead, REMIND)
    delete_issue(world.issue, actor=world.actor)
    db.session.commit()
    with days_later(start, 20):
        turn()
        assert outcomes(made) == []
        restore_issue(fresh(world.issue), actor=world.actor)
        db.session.commit()
        turn()
        assert outcomes(made) == []
    with days_later(start, 34.1):
        turn()
    assert outcomes(made) == ["applied"]
