"""When something happens, if it fits, then: rules act by the verbs people use, once, with their author's rights."""

from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.people import deactivate
from app.context import caused_by
from app.db import db
from app.events.event import Actor
from app.issues.assignment import assign
from app.issues.comment import Comment, add_comment
from app.issues.editing import prioritise
from app.issues.issue import Issue, assignee_ids
from app.issues.label import add_labels, create_label
from app.issues.queries import labels_of
from app.issues.workflow import change_status
from app.notifications.notification import Notification
from app.projects.membership import add_member, change_role, remove_member
from tests.automation.build import actions, events, fresh, last, outcomes, rule, runs, said
from tests.support import world as worlds
from tests.support.deliveries import deliver, row, rows


def label(world: worlds.World, name: str, color: str = "sky") -> Any:
    made = create_label(world.project, name=name, color=color, actor=world.actor)
    db.session.commit()
    return made


def happens(world: worlds.World, *steps: str) -> None:
    """The member takes these steps, and the workers do theirs after each."""
    for step in steps:
        change_status(world.issue, step, actor=world.member.actor)
        db.session.commit()
        deliver("events")


class TestEffects:
    def test_every_step_acts_as_the_rule_because_of_the_event(self, world: worlds.World) -> None:
        label(world, "done")
        steps = (
            {"do": "assign", "value": "@actor"},
            {"do": "add_label", "value": "DONE"},
            {"do": "priority", "value": "low"},
            {"do": "comment", "text": "Thank you, {actor}: **{title}** is {status}."},
            {"do": "move", "value": "close", "text": "Resolved by {actor}"},
        )
        made = rule(world.project, world.lead, said("status_changed", steps=steps), name="Tidy up")
        deliver("events")
        happens(world, "resolve")

        assert actions(world.issue)[-5:] == [
            "assigned",
            "labeled",
            "priority_changed",
            "commented",
            "closed",
        ]
        cause, _ = last(world.issue, "status_changed")
        for event, _action in events(world.issue)[-6:]:
            assert (event.actor_kind, event.actor_ref, event.actor_id) == ("rule", str(made.id), None)
            assert (event.cause_id, event.root_id, event.depth) == (cause.id, cause.id, 1)
        issue = fresh(world.issue)
        assert (issue.status, issue.priority) == ("closed", "low")
        assert assignee_ids(issue) == {world.member.id}
        assert [chip.name for chip in labels_of([issue.id])[issue.id]] == ["done"]
        comment = db.session.scalars(select(Comment)).one()
        assert comment.author_id is None
        assert comment.html == "<p>Thank you, Otis: <strong>Card payments fail</strong> is resolved.</p>\n"
        assert last(issue, "closed")[1].reason == "Resolved by Otis"
        assert last(issue, "closed")[1].triggered_by == "automation"
        applied = last(issue, "rule_applied")[1]
        assert (applied.rule.name, applied.matched, applied.changed) == (
            "Tidy up",
            cause.uid,
            (3, 4, 5, 6, 7),
        )

    def test_a_new_issue_is_a_sub_issue(self, world: worlds.World) -> None:
        step = {"do": "create", "title": "Write about {title}", "text": "See *{key}*"}
        rule(world.project, world.lead, said("closed", steps=(step,)))
        happens(world, "close")
        found = db.session.scalars(select(Issue).where(Issue.number == 2)).one()
        assert (found.title, found.reporter_id) == ("Write about Card payments fail", None)
        assert found.parent_id == world.issue.id
        assert found.description == "See *ORC-1*"
        assert "<em>ORC-1</em>" in found.description_html
        assert actions(world.issue)[-1] == "child_added"

    def test_people_are_told_once_with_the_rule_as_the_reason(self, world: worlds.World) -> None:
        steps = ({"do": "notify", "value": world.member.username}, {"do": "notify", "value": "@leads"})
        rule(world.project, world.lead, said("priority_changed", steps=steps))
        deliver("events")
        prioritise(world.issue, "urgent", actor=world.member.actor)
        db.session.commit()
        deliver("events")
        told = db.session.scalars(select(Notification).where(Notification.reason == "rule")).all()
        assert {one.user_id for one in told} == {world.member.id, world.lead.id}
        applied, action = last(world.issue, "rule_applied")
        assert {one.event_id for one in told} == {applied.id}
        assert [person.name for person in action.told] == ["Otis", "Rowan"]

    def test_who_may_not_see_the_project_any_more_is_not_told(self, world: worlds.World) -> None:
        step = {"do": "notify", "value": world.member.username}
        made = rule(world.project, world.lead, said("closed", steps=(step,)))
        remove_member(world.project, world.member, actor=world.actor)
        change_status(world.issue, "close", actor=world.actor)
        db.session.commit()
        deliver("events")
        assert db.session.scalars(select(Notification).where(Notification.reason == "rule")).all() == []
        assert outcomes(made) == ["unchanged"]

    def test_what_somebody_wrote_into_a_title_is_only_text(self, world: worlds.World) -> None:
        hostile = f"<b>@{world.member.username}</b> [x](javascript:alert) **loud** {{actor}}"
        issue = worlds.issue(world.project, world.lead, title=hostile)
        rule(world.project, world.lead, said("closed", steps=({"do": "comment", "text": "Re: {title}"},)))
        change_status(issue, "close", actor=world.actor)
        db.session.commit()
        deliver("events")
        comment = db.session.scalars(select(Comment)).one()
        assert "<b>" not in comment.html
        assert "&lt;b&gt;" in comment.html
        assert "<a" not in comment.html
        assert last(issue, "commented")[1].mentions == ()


class TestConditions:
    @pytest.mark.parametrize(
        ("condition", "fits"),
        [
            ({"field": "status", "op": "is", "value": "resolved"}, True),
            ({"field": "status", "op": "is", "value": "finished"}, True),
            ({"field": "status", "op": "is_not", "value": "unfinished"}, True),
            ({"field": "priority", "op": "is", "value": "high"}, True),
            ({"field": "priority", "op": "at_least", "value": "medium"}, True),
            ({"field": "priority", "op": "at_least", "value": "urgent"}, False),
            ({"field": "label", "op": "has", "value": "Bug"}, True),
            ({"field": "label", "op": "has_not", "value": "bug"}, False),
            ({"field": "label", "op": "has", "value": "other"}, False),
            ({"field": "assignee", "op": "is", "value": "MEMBER"}, True),
            ({"field": "assignee", "op": "is", "value": "@nobody"}, False),
            ({"field": "assignee", "op": "is_not", "value": "LEAD"}, True),
            ({"field": "reporter", "op": "is", "value": "LEAD"}, True),
            ({"field": "kind", "op": "is", "value": "issue"}, True),
            ({"field": "kind", "op": "is", "value": "pull_request"}, False),
            ({"field": "title", "op": "contains", "value": "PAYMENTS"}, True),
            ({"field": "title", "op": "contains_not", "value": "refund"}, True),
            ({"field": "description", "op": "contains", "value": "x"}, False),
            ({"field": "actor", "op": "is", "value": "MEMBER"}, True),
            ({"field": "actor", "op": "is_not", "value": "MEMBER"}, False),
            ({"field": "actor_role", "op": "is", "value": "member"}, True),
            ({"field": "actor_role", "op": "is", "value": "outsider"}, False),
            ({"field": "actor_kind", "op": "is", "value": "person"}, True),
            ({"field": "actor_kind", "op": "is_not", "value": "rule"}, True),
            ({"field": "fact", "op": "is", "value": "resolved", "name": "to"}, True),
            ({"field": "fact", "op": "is", "value": "open", "name": "from"}, True),
            ({"field": "fact", "op": "contains", "value": "RES", "name": "step"}, True),
            ({"field": "fact", "op": "is_not", "value": "start", "name": "step"}, True),
            ({"field": "age", "op": "less_than", "value": "1"}, True),
            ({"field": "age", "op": "at_least", "value": "1"}, False),
            ({"field": "since_change", "op": "less_than", "value": "1"}, True),
            ({"field": "since_status", "op": "less_than", "value": "1"}, True),
            ({"field": "since_status", "op": "at_least", "value": "1"}, False),
            ({"field": "since_assigned", "op": "less_than", "value": "1"}, True),
            ({"field": "comments", "op": "less_than", "value": "1"}, True),
            ({"field": "comments", "op": "at_least", "value": "1"}, False),
            ({"field": "labels", "op": "at_least", "value": "1"}, True),
            ({"field": "labels", "op": "at_least", "value": "2"}, False),
            ({"field": "actor", "op": "is", "value": "@reporter"}, False),
            ({"field": "actor", "op": "is_not", "value": "@reporter"}, True),
            ({"field": "fact", "op": "contains_not", "value": "RES", "name": "step"}, False),
            ({"field": "fact", "op": "contains_not", "value": "art", "name": "step"}, True),
        ],
    )
    def test_each_condition_asks_the_issue_and_the_event(
        self, world: worlds.World, condition: dict[str, str], fits: bool
    ) -> None:
        bug, _other = label(world, "bug"), label(world, "other")
        add_labels(world.issue, [bug], actor=world.actor)
        assign(world.issue, [world.member], actor=world.actor)
        prioritise(world.issue, "high", actor=world.actor)
        names = {"MEMBER": world.member.username, "LEAD": world.lead.username}
        condition = condition | {"value": names.get(condition["value"], condition["value"])}
        step = {"do": "unassign", "value": "@everybody"}
        rule(world.project, world.lead, said("status_changed", conditions=(condition,), steps=(step,)))
        happens(world, "resolve")
        assert assignee_ids(world.issue) == (set() if fits else {world.member.id})

    def test_a_rule_may_wait_for_the_reporter_and_for_the_second_comment(self, world: worlds.World) -> None:
        conditions = (
            {"field": "actor", "op": "is", "value": "@reporter"},
            {"field": "comments", "op": "at_least", "value": "2"},
        )
        step = {"do": "priority", "value": "high"}
        made = rule(world.project, world.lead, said("commented", conditions=conditions, steps=(step,)))
        for author in (world.lead, world.member, world.lead):
            assert outcomes(made) == []
            add_comment(world.issue, worlds.said("Well"), author=author, actor=author.actor)
            db.session.commit()
            deliver("events")
        assert outcomes(made) == ["applied"]

    def test_any_of_several_is_enough_and_all_of_them_are_needed(self, world: worlds.World) -> None:
        conditions = (
            {"field": "title", "op": "contains", "value": "payments"},
            {"field": "title", "op": "contains", "value": "nothing like it"},
        )
        step = ({"do": "priority", "value": "high"},)
        every = rule(world.project, world.lead, said("closed", conditions=conditions, steps=step), name="all")
        some = said("closed", conditions=conditions, steps=step, match="any")
        one = rule(world.project, world.lead, some, name="any")
        happens(world, "close")
        assert (outcomes(every), outcomes(one)) == ([], ["applied"])

    def test_the_text_of_a_comment_is_looked_at_whole(self, world: worlds.World) -> None:
        condition = {"field": "comment", "op": "contains", "value": "the very end"}
        step = {"do": "priority", "value": "urgent"}
        rule(world.project, world.lead, said("commented", conditions=(condition,), steps=(step,)))
        add_comment(
            world.issue,
            worlds.said("x " * 500 + "the VERY end"),
            author=world.member,
            actor=world.member.actor,
        )
        db.session.commit()
        deliver("events")
        assert fresh(world.issue).priority == "urgent"

    def test_a_family_stands_for_all_of_its_actions(self, world: worlds.World) -> None:
        made = rule(world.project, world.lead, said("status", steps=({"do": "priority", "value": "low"},)))
        happens(world, "start", "close", "reopen")
        assert outcomes(made) == ["applied", "unchanged", "unchanged"]

    def test_a_rule_that_is_off_and_one_of_another_project_do_nothing(self, world: worlds.World) -> None:
        steps = ({"do": "priority", "value": "high"},)
        other = worlds.project(world.lead, key="TLS", name="Tools")
        rule(world.project, world.lead, said("closed", steps=steps), on=False)
        rule(other, world.lead, said("closed", steps=steps))
        happens(world, "close")
        assert runs() == []
        assert row("automation_rules", "closed").reason == "no rule waits for this"


class TestRights:
    def test_a_rule_whose_author_left_is_paused_and_says_why(self, world: worlds.World) -> None:
        second = worlds.person("Sue")
        add_member(world.project, second, role="lead", actor=world.actor)
        made = rule(world.project, second, said("closed", steps=({"do": "priority", "value": "high"},)))
        remove_member(world.project, second, actor=world.actor)
        happens(world, "close")

        paused = fresh(made)
        assert (paused.enabled, paused.paused_reason) == (False, "Sue does not see Orchard any more")
        event, action = events(project=world.project)[-1]
        assert (event.action, action.reason) == ("rule_disabled", "Sue does not see Orchard any more")
        stopped = last(world.issue, "rule_stopped")[1]
        assert stopped.why == "paused"
        assert fresh(world.issue).priority == "none"
        told = db.session.scalars(select(Notification).where(Notification.reason == "rule")).all()
        assert {one.user_id for one in told} == {world.lead.id, second.id}

    def test_a_rule_of_a_closed_account_is_paused(self, world: worlds.World) -> None:
        admin = worlds.person("Root", admin=True)
        worlds.person("Other", admin=True)
        made = rule(world.project, admin, said("closed", steps=({"do": "priority", "value": "high"},)))
        deactivate(admin, actor=world.actor)
        happens(world, "close")
        assert fresh(made).paused_reason == "the account of Root is closed"

    def test_a_rule_may_only_what_its_author_may_at_that_moment(self, world: worlds.World) -> None:
        add_member(world.project, world.stranger, role="lead", actor=world.actor)
        made = rule(
            world.project, world.stranger, said("closed", steps=({"do": "priority", "value": "high"},))
        )
        change_role(world.project, world.stranger, role="viewer", actor=world.actor)
        happens(world, "close")
        assert fresh(made).paused_reason == "Bram may not do this any more: set the priority to high"
        assert fresh(world.issue).priority == "none"


class TestGuards:
    def test_two_rules_that_answer_each_other_are_stopped_in_sight(self, world: worlds.World) -> None:
        close = said("reopened", steps=({"do": "move", "value": "close"},))
        reopen = said("closed", steps=({"do": "move", "value": "reopen"},))
        rule(world.project, world.lead, reopen, name="Reopen")
        rule(world.project, world.lead, close, name="Close")
        happens(world, "close")

        assert actions(world.issue)[1:] == ["closed", "reopened", "closed", "rule_stopped"]
        event, stopped = last(world.issue, "rule_stopped")
        assert stopped.why == "repeated"
        assert [one.name for one in stopped.chain] == ["Reopen", "Close", "Reopen"]
        root, _ = events(world.issue)[1]
        assert event.root_id == root.id
        assert outcomes() == ["applied", "applied", "stopped"]
        # the next act of a person is a new root: the rules serve it again
        happens(world, "reopen")
        assert outcomes()[3:] == ["applied", "applied", "stopped"]

    def test_a_rule_that_would_change_nothing_is_no_stop(self, world: worlds.World) -> None:
        label(world, "triaged")
        made = rule(
            world.project, world.lead, said("labeled", steps=({"do": "add_label", "value": "triaged"},))
        )
        add_labels(world.issue, [label(world, "bug")], actor=world.member.actor)
        db.session.commit()
        deliver("events")
        assert outcomes(made) == ["applied", "unchanged"]
        assert "rule_stopped" not in actions(world.issue)

    def test_a_long_chain_ends_at_its_depth(self, world: worlds.World) -> None:
        names = [f"l{number}" for number in range(8)]
        made = [label(world, name) for name in names]
        for before, after in zip(names, names[1:], strict=False):
            condition = {"field": "fact", "op": "is", "name": "labels", "value": before}
            step = {"do": "add_label", "value": after}
            definition = said("labeled", conditions=(condition,), steps=(step,))
            rule(world.project, world.lead, definition, name=f"{before} to {after}")
        add_labels(world.issue, made[:1], actor=world.member.actor)
        db.session.commit()
        deliver("events")
        assert {chip.name for chip in labels_of([world.issue.id])[world.issue.id]} == set(names[:6])
        stopped = last(world.issue, "rule_stopped")[1]
        assert (stopped.why, stopped.depth, stopped.rule.name) == ("depth", 5, "l5 to l6")

    def test_a_rule_that_runs_too_often_is_held_back(
        self, world: worlds.World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.automation.guards.MOST_A_MINUTE", 2)
        rule(world.project, world.lead, said("commented", steps=({"do": "create", "title": "Again"},)))
        for number in range(4):
            add_comment(world.issue, worlds.said(f"{number}"), author=world.member, actor=world.member.actor)
            db.session.commit()
        deliver("events")
        assert outcomes() == ["applied", "applied", "stopped", "stopped"]
        assert [action.why for event, action in events(world.issue) if event.action == "rule_stopped"] == [
            "rate"
        ]

    def test_a_delivery_that_comes_again_finds_the_run(self, world: worlds.World) -> None:
        rule(world.project, world.lead, said("closed", steps=({"do": "comment", "text": "Bye"},)))
        happens(world, "close")
        done = row("automation_rules", "closed")
        done.state, done.next_attempt_at = "pending", done.created_at
        db.session.commit()
        deliver("events")
        assert actions(world.issue).count("commented") == 1
        assert outcomes() == ["applied"]

    def test_a_refused_step_fails_neither_the_others_nor_the_delivery(self, world: worlds.World) -> None:
        people = [worlds.person("Crowd") for _ in range(20)]
        for one in people:
            add_member(world.project, one, role="member", actor=world.actor)
        assign(world.issue, people, actor=world.actor)
        steps = ({"do": "assign", "value": world.member.username}, {"do": "priority", "value": "high"})
        made = rule(world.project, world.lead, said("closed", steps=steps))
        happens(world, "close")
        assert row("automation_rules", "closed").state == "delivered"
        assert [(step["ok"], step["result"]) for step in runs(made)[0].steps] == [
            (False, "refused: An issue is given to at most 20 people"),
            (True, "done"),
        ]
        assert fresh(world.issue).priority == "high"

    def test_a_rule_that_breaks_leaves_nothing_and_the_other_rules_act(
        self, world: worlds.World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps = ({"do": "priority", "value": "high"}, {"do": "comment", "text": "Hm {key}"})
        broken = rule(world.project, world.lead, said("closed", steps=steps), name="Broken")
        broken.texts = {"0": {}, "1": "no such thing"}  # as a fault of ours would leave it
        db.session.commit()
        sound = rule(
            world.project,
            world.lead,
            said("closed", steps=({"do": "priority", "value": "low"},)),
            name="Sound",
        )
        happens(world, "close")
        assert (outcomes(broken), outcomes(sound)) == (["failed"], ["applied"])
        assert last(world.issue, "rule_stopped")[1].why == "error"
        assert fresh(world.issue).priority == "low"
        assert "commented" not in actions(world.issue)

    def test_a_quiet_act_has_quiet_consequences(self, world: worlds.World) -> None:
        rule(world.project, world.lead, said("commented", steps=({"do": "priority", "value": "high"},)))
        add_comment(
            world.issue, worlds.said("psst"), author=world.member, actor=world.member.actor, quiet=True
        )
        db.session.commit()
        deliver("events")
        assert last(world.issue, "priority_changed")[0].quiet

    def test_an_import_sets_nothing_off(self, world: worlds.World) -> None:
        made = rule(world.project, world.lead, said("closed", steps=({"do": "priority", "value": "high"},)))
        with caused_by(imported=True):
            change_status(world.issue, "close", actor=Actor("import", ref="tests"))
        db.session.commit()
        deliver("events")
        assert outcomes(made) == []
        assert rows("automation_rules", "closed")[-1].reason == "imported"
