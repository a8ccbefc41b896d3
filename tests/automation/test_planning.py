"""Rules and plans: the milestone and the parent in conditions, steps and texts."""

from datetime import timedelta

import pytest
import time_machine

from app import clock
from app.automation.chains import Candidate
from app.automation.checking import problems
from app.automation.definition import Definition
from app.automation.dry_run import try_rule
from app.automation.known import known_to
from app.automation.wording import summary
from app.db import db
from app.issues.issue import Issue
from app.issues.milestone import Milestone, create_milestone, set_milestone
from app.issues.sub_issues import LEVELS, set_parent, sub_issues_of
from app.issues.workflow import change_status
from tests.automation.build import actions, fresh, last, outcomes, rule, runs, said
from tests.support import world as worlds
from tests.support.deliveries import deliver

SET = {"do": "milestone", "value": "Spring"}
OUT = {"do": "milestone", "value": "@none"}


def condition(field: str, op: str, value: str = "") -> dict[str, str]:
    return {"field": field, "op": op, "value": value}


@pytest.fixture
def spring(world: worlds.World) -> Milestone:
    made = create_milestone(world.project, name="Spring", actor=world.actor)
    create_milestone(world.project, name="Autumn", actor=world.actor)
    db.session.commit()
    return made


def start(world: worlds.World, issue: Issue | None = None) -> None:
    change_status(issue or world.issue, "start", actor=world.member.actor)
    db.session.commit()
    deliver("events")


class TestMilestone:
    def test_a_rule_puts_issues_into_a_milestone_and_takes_them_out(
        self, world: worlds.World, spring: Milestone
    ) -> None:
        rule(world.project, world.lead, said("status_changed", steps=({**SET, "value": "sPRING"},)))
        rule(world.project, world.lead, said("closed", steps=(OUT,)), name="Out")
        start(world)
        assert fresh(world.issue).milestone_id == spring.id
        cause, _ = last(world.issue, "status_changed")
        event, action = last(world.issue, "milestone_changed")
        assert (event.actor_kind, event.cause_id, action.to.name) == ("rule", cause.id, "Spring")
        change_status(world.issue, "close", actor=world.member.actor)
        db.session.commit()
        deliver("events")
        assert fresh(world.issue).milestone_id is None

    def test_what_it_is_in_already_is_no_change(self, world: worlds.World, spring: Milestone) -> None:
        rule(world.project, world.lead, said("status_changed", steps=(OUT,)))
        start(world)
        assert outcomes() == ["unchanged"]
        assert runs()[0].steps[0]["result"] == "it is in no milestone"

    def test_a_milestone_that_was_deleted_since_is_said(self, world: worlds.World, spring: Milestone) -> None:
        rule(world.project, world.lead, said("status_changed", steps=(SET,)))
        db.session.delete(spring)
        db.session.commit()
        start(world)
        assert runs()[0].steps[0]["result"] == "there is no milestone Spring"
        assert "milestone_changed" not in actions(world.issue)

    @pytest.mark.parametrize(
        ("one", "fits"),
        [
            (condition("milestone", "is", "spring"), True),
            (condition("milestone", "is_not", "Spring"), False),
            (condition("milestone", "is", "Autumn"), False),
            (condition("milestone", "is_not", "Autumn"), True),
            (condition("milestone", "is", "@none"), False),
            (condition("milestone", "is_not", "@none"), True),
            (condition("parent", "has"), False),
            (condition("parent", "has_not"), True),
        ],
    )
    def test_conditions_ask_for_it(
        self, world: worlds.World, spring: Milestone, one: dict[str, str], fits: bool
    ) -> None:
        comment = {"do": "comment", "text": "{milestone}, {parent}"}
        rule(world.project, world.lead, said("status_changed", conditions=(one,), steps=(comment,)))
        set_milestone(world.issue, spring, actor=world.actor)
        db.session.commit()
        start(world)
        assert outcomes() == (["applied"] if fits else [])
        if fits:
            assert last(world.issue, "commented")[1].excerpt == "Spring, no other issue"


class TestSubIssues:
    def test_conditions_and_texts_know_the_parent(self, world: worlds.World) -> None:
        child = worlds.issue(world.project, world.lead, title="Child", parent=world.issue)
        db.session.commit()
        steps = ({"do": "comment", "text": "Below {parent}, in {milestone}"},)
        rule(
            world.project,
            world.lead,
            said("status_changed", conditions=(condition("parent", "has"),), steps=steps),
        )
        deliver("events")
        start(world)
        start(world, child)
        assert "commented" not in actions(world.issue)
        assert last(child, "commented")[1].excerpt == "Below ORC-1, in no milestone"

    def test_of_the_deepest_issue_it_opens_one_beside_that_says_where_it_comes_from(
        self, world: worlds.World
    ) -> None:
        steps = [world.issue]
        while len(steps) < LEVELS:
            steps.append(worlds.issue(world.project, world.lead, parent=steps[-1]))
        db.session.commit()
        step = {"do": "create", "title": "More of {key}"}
        rule(world.project, world.lead, said("status_changed", steps=(step,)))
        deliver("events")
        start(world, steps[-1])
        start(world, steps[-2])
        beside, below = [db.session.get(Issue, steps[-1].id + n) for n in (1, 2)]
        assert beside is not None
        assert below is not None
        assert (beside.parent_id, beside.description) == (None, "Follow-up of ORC-5.")
        assert 'href="/issues/ORC-5"' in beside.description_html
        assert (below.parent_id, below.description) == (steps[-2].id, "")

    def test_getting_a_sub_issue_sets_rules_off(self, world: worlds.World) -> None:
        child = worlds.issue(world.project, world.lead, title="Child")
        rule(world.project, world.lead, said("child_added", steps=({"do": "priority", "value": "high"},)))
        deliver("events")
        set_parent(child, world.issue, actor=world.member.actor)
        db.session.commit()
        deliver("events")
        assert fresh(world.issue).priority == "high"
        assert fresh(child).priority == "none"

    def test_the_fact_of_a_parent_is_its_key(self, world: worlds.World) -> None:
        child = worlds.issue(world.project, world.lead, title="Child")
        fact = {"field": "fact", "op": "is", "name": "to", "value": "orc-1"}
        step = {"do": "priority", "value": "high"}
        rule(world.project, world.lead, said("parent_changed", conditions=(fact,), steps=(step,)))
        deliver("events")
        set_parent(child, world.issue, actor=world.member.actor)
        db.session.commit()
        deliver("events")
        assert fresh(child).priority == "high"


@pytest.mark.parametrize(
    ("definition", "place", "sentence"),
    [
        (said("closed", steps=({**SET, "value": "Winter"},)), "then-0", "There is no milestone “Winter”"),
        (said("closed", steps=({**SET, "value": ""},)), "then-0", "Choose a milestone."),
        (
            said("closed", conditions=(condition("milestone", "is", "Winter"),), steps=(SET,)),
            "if-0",
            "There is no milestone “Winter”",
        ),
        (
            said(
                "closed",
                conditions=(condition("milestone", "is", "Spring"), condition("milestone", "is", "@none")),
                steps=(OUT,),
            ),
            "if-1",
            "This contradicts an earlier condition",
        ),
        (
            said(
                "closed",
                conditions=(condition("parent", "has"), condition("parent", "has_not")),
                steps=(OUT,),
            ),
            "if-1",
            "This contradicts an earlier condition",
        ),
        (said("closed", steps=(SET, OUT)), "then-1", "The milestone is set twice"),
        (
            said("child_added", steps=({"do": "create", "title": "Again"},)),
            "then-0",
            "This would answer itself for ever",
        ),
    ],
)
def test_what_cannot_be_is_said_at_its_place(
    world: worlds.World, spring: Milestone, definition: Definition, place: str, sentence: str
) -> None:
    found = problems(definition, known_to(world.project, [definition]))
    assert list(found) == [place]
    assert sentence in found[place]


def test_the_sentence_of_the_rule_says_it_in_plain_words() -> None:
    conditions = (condition("milestone", "is", "@none"), condition("parent", "has_not"))
    steps = (SET, {"do": "create", "title": "Write about it"})
    assert summary(said("closed", conditions=conditions, steps=steps)) == (
        "When an issue is closed, if the milestone is none and it is not a sub-issue: "
        "set the milestone to “Spring” and open a sub-issue “Write about it”."
    )
    assert "set the milestone to none" in summary(said("closed", steps=(OUT,)))


def test_a_dry_run_folds_the_milestone_and_the_parent_and_follows_the_chain(
    world: worlds.World, spring: Milestone
) -> None:
    child = worlds.issue(world.project, world.lead, title="Child")
    db.session.commit()
    with time_machine.travel(clock.now() + timedelta(hours=1), tick=False):
        set_milestone(child, spring, actor=world.actor)
        change_status(child, "start", actor=world.actor)
        set_milestone(child, None, actor=world.actor)
        set_parent(child, world.issue, actor=world.actor)
        change_status(child, "stop", actor=world.actor)
        db.session.commit()
        new = {"do": "create", "title": "Next"}
        inside = said(
            "status_changed", conditions=(condition("milestone", "is", "Spring"),), steps=(OUT, new)
        )
        below = said("status_changed", conditions=(condition("parent", "has"),), steps=(SET,))
        more = rule(
            world.project, world.lead, said("child_added", steps=({"do": "priority", "value": "low"},))
        )
        others = [Candidate(more.id, more.name, more.says)]
        first, second = (
            try_rule(world.project, Candidate(0, "Tried", one), days=7, others=others)
            for one in (inside, below)
        )
    assert [hit.did for hit in first.samples] == [("set the milestone to none", "open a sub-issue “Next”")]
    assert [names for names, _, _ in first.chains.common()] == [("Tried", "A rule")]
    assert (second.hits, second.unchanged) == (1, 0)
    assert sub_issues_of(world.issue).count == 1
