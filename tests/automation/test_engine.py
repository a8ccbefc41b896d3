"""When something happens, if it fits, then: rules act by the verbs people use, once, with their author's rights."""

import pytest
from sqlalchemy import select

from app.db import db
from app.issues.assignment import assign
from app.issues.comment import Comment, add_comment
from app.issues.editing import prioritise
from app.issues.issue import Issue, assignee_ids
from app.issues.label import add_labels
from app.issues.queries import labels_of
from app.issues.workflow import change_status
from app.notifications.notification import Notification
from app.projects.membership import remove_member
from tests.automation.build import actions, events, fresh, happens, label, last, outcomes, rule, runs, said
from tests.support import world as worlds
from tests.support.deliveries import deliver, row


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
