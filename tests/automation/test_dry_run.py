"""What a rule would have done: the dry run says what really happens when the same rule is on."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from app import clock
from app.automation.chains import Candidate
from app.automation.definition import Definition
from app.automation.dry_run import DryRun, try_rule
from app.automation.rule import Rule
from app.automation.run import RuleRun
from app.db import db
from app.events.event import Event
from app.issues.assignment import assign
from app.issues.comment import add_comment
from app.issues.deletion import delete_issue
from app.issues.editing import prioritise, retitle
from app.issues.label import add_labels, create_label, find_labels
from app.issues.workflow import change_status
from tests.automation.build import rule, said
from tests.support import world as worlds
from tests.support.deliveries import deliver


def tried(
    world: worlds.World, definition: Definition, *others: Rule, days: int = 30, seconds: float = 10.0
) -> DryRun:
    candidates = [Candidate(one.id, one.name, one.says) for one in others]
    mine = Candidate(0, "Tried", definition)
    return try_rule(world.project, mine, days=days, others=candidates, seconds=seconds)


RULES = [
    said("closed", steps=({"do": "comment", "text": "Bye {key}"},)),
    said("status", steps=({"do": "priority", "value": "low"},)),
    said(
        "status_changed",
        conditions=({"field": "fact", "op": "is", "name": "to", "value": "resolved"},),
        steps=({"do": "move", "value": "close"}, {"do": "add_label", "value": "ui"}),
    ),
    said(
        "discussion",
        "planning",
        conditions=(
            {"field": "label", "op": "has", "value": "bug"},
            {"field": "comment", "op": "contains", "value": "urgent"},
        ),
        steps=({"do": "priority", "value": "urgent"},),
    ),
    said(
        "status",
        match="any",
        conditions=(
            {"field": "title", "op": "contains", "value": "Renamed"},
            {"field": "assignee", "op": "is", "value": "@nobody"},
            {"field": "priority", "op": "at_least", "value": "urgent"},
        ),
        steps=({"do": "assign", "value": "@actor"}, {"do": "create", "title": "Again {key}"}),
    ),
    said("reopened", steps=({"do": "unassign", "value": "@everybody"},)),
    said(
        "status",
        conditions=(
            {"field": "comments", "op": "at_least", "value": "1"},
            {"field": "labels", "op": "less_than", "value": "2"},
            {"field": "since_assigned", "op": "less_than", "value": "1"},
            {"field": "since_status", "op": "less_than", "value": "1"},
        ),
        steps=({"do": "create", "title": "Again {key}"},),
    ),
]


@pytest.mark.parametrize("definition", RULES)
def test_a_dry_run_says_what_the_rule_really_did(world: worlds.World, definition: Definition) -> None:
    busy_labels(world)
    made = rule(world.project, world.lead, definition, name="Live")
    live_days(world)
    really = db.session.scalars(
        select(RuleRun).where(RuleRun.rule_id == made.id, RuleRun.outcome == "applied")
    ).all()
    uids = set(db.session.scalars(select(Event.uid).where(Event.id.in_([run.event_id for run in really]))))
    found = tried(world, made.says)
    assert uids, "the rule of this test must act"
    assert {hit.uid for hit in found.samples} == uids
    assert found.hits == len(really)
    assert found.issues_hit == len({run.issue_id for run in really})
    assert found.complete


def busy_labels(world: worlds.World) -> None:
    for name in ("bug", "ui"):
        create_label(world.project, name=name, color="sky", actor=world.actor)
    db.session.commit()


def live_days(world: worlds.World) -> None:
    labels = list(find_labels(world.project, ["bug"]))
    second = worlds.issue(world.project, world.member, title="Refunds are slow")
    db.session.commit()
    deliver("events")
    for issue in (world.issue, second):
        steps = [
            lambda one: add_labels(one, labels, actor=world.actor),
            lambda one: change_status(one, "start", actor=world.member.actor),
            lambda one: prioritise(one, "high", actor=world.actor),
            lambda one: add_comment(
                one, worlds.said("It is urgent"), author=world.member, actor=world.member.actor
            ),
            lambda one: assign(one, [world.member], actor=world.actor),
            lambda one: change_status(one, "resolve", actor=world.member.actor),
            lambda one: retitle(one, "Renamed", actor=world.actor),
            lambda one: change_status(one, "reopen", actor=world.actor),
            lambda one: prioritise(one, "urgent", actor=world.actor),
            lambda one: change_status(one, "start", actor=world.actor),
            lambda one: change_status(one, "close", actor=world.actor),
        ]
        for step in steps:
            step(issue)
            db.session.commit()
            deliver("events")


def test_a_dry_run_changes_nothing(world: worlds.World) -> None:
    busy_labels(world)
    live_days(world)
    before = db.session.scalar(select(func.count()).select_from(Event))
    db.session.commit()
    found = tried(world, said("status", steps=({"do": "comment", "text": "Hm"},)))
    assert not db.session.new
    assert not db.session.dirty
    assert (found.hits, db.session.scalar(select(func.count()).select_from(Event))) == (10, before)
    assert dict(found.steps) == {"comment “Hm”": 10}


def test_the_issue_is_judged_as_it_was_then(world: worlds.World) -> None:
    """The condition holds now and did not hold then."""
    change_status(world.issue, "start", actor=world.actor)
    prioritise(world.issue, "urgent", actor=world.actor)
    db.session.commit()
    condition = {"field": "priority", "op": "is", "value": "urgent"}
    step = {"do": "comment", "text": "Hurry"}
    assert tried(world, said("status", conditions=(condition,), steps=(step,))).hits == 0
    change_status(world.issue, "resolve", actor=world.actor)
    db.session.commit()
    assert tried(world, said("status", conditions=(condition,), steps=(step,))).hits == 1


def test_only_the_days_asked_for_count(world: worlds.World) -> None:
    moment = clock.now()
    with time_machine.travel(moment + timedelta(days=5)):
        change_status(world.issue, "start", actor=world.actor)
        db.session.commit()
    with time_machine.travel(moment + timedelta(days=20)):
        change_status(world.issue, "stop", actor=world.actor)
        db.session.commit()
        definition = said("status", steps=({"do": "comment", "text": "Hm"},))
        assert tried(world, definition, days=7).hits == 1
        assert tried(world, definition, days=30).hits == 2


def test_rules_that_would_answer_each_other_are_named(world: worlds.World) -> None:
    closes = rule(
        world.project, world.lead, said("reopened", steps=({"do": "move", "value": "close"},)), name="Closes"
    )
    tags = rule(
        world.project,
        world.lead,
        said("closed", steps=({"do": "priority", "value": "low"},)),
        name="Lowers",
    )
    for step in ("close", "reopen", "close"):
        change_status(world.issue, step, actor=world.actor)
    db.session.commit()
    definition = said("closed", steps=({"do": "move", "value": "reopen"},))
    found = tried(world, definition, closes, tags)
    assert (("Tried", "Closes"), 2, False) in found.chains.common()
    assert (("Tried", "Closes", "Tried"), 2, True) in found.chains.common()
    assert (("Tried", "Closes", "Lowers"), 2, False) in found.chains.common()


def test_a_quiet_time_is_found_where_nothing_happened(world: worlds.World) -> None:
    moment = clock.now()
    for days, step in ((0, "start"), (20, "resolve"), (22, "reopen"), (40, "resolve")):
        with time_machine.travel(moment + timedelta(days=days, hours=1)):
            change_status(world.issue, step, actor=world.actor)
            db.session.commit()
    definition = said(
        quiet_days=14,
        conditions=({"field": "status", "op": "is", "value": "resolved"},),
        steps=({"do": "move", "value": "close"},),
    )
    with time_machine.travel(moment + timedelta(days=60)):
        found = tried(world, definition, days=90)
        assert (found.hits, found.at_once) == (1, 1)
        late = found.samples[0].at - moment - timedelta(days=54, hours=1)
        assert timedelta() <= late < timedelta(minutes=1)
        comment = said(quiet_days=14, steps=({"do": "comment", "text": "Still there?"},))
        assert tried(world, comment, days=90).hits == 3
        assert tried(world, comment, days=7).hits == 1


def test_when_the_time_is_up_the_dry_run_says_so(world: worlds.World) -> None:
    for _ in range(60):
        worlds.issue(world.project, world.lead)
    db.session.commit()
    found = tried(world, said("created", steps=({"do": "priority", "value": "low"},)), seconds=0.0)
    assert not found.complete
    assert found.events <= 50


def test_deleted_issues_are_not_among_what_a_rule_would_have_done(world: worlds.World) -> None:
    change_status(world.issue, "close", actor=world.actor)
    db.session.commit()
    assert tried(world, RULES[0]).hits == 1
    delete_issue(world.issue, actor=world.actor)
    db.session.commit()
    assert tried(world, RULES[0]).hits == 0
