"""What keeps rules from running in circles, and from acting for those who may not."""

import pytest
from sqlalchemy import select

from app.accounts.people import deactivate
from app.context import caused_by
from app.db import db
from app.events.event import Actor
from app.issues.assignment import assign
from app.issues.comment import add_comment
from app.issues.label import add_labels
from app.issues.queries import labels_of
from app.issues.workflow import change_status
from app.notifications.notification import Notification
from app.projects.membership import add_member, change_role, remove_member
from tests.automation.build import actions, events, fresh, happens, label, last, outcomes, rule, runs, said
from tests.support import world as worlds
from tests.support.deliveries import deliver, row, rows


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
