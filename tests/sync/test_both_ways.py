"""An issue here and one on GitHub stay the same, whoever changes which."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.user import User
from app.db import db
from app.events.event import Event
from app.events.queries import with_actions
from app.issues.assignment import assign
from app.issues.comment import Comment, add_comment, delete_comment, edit_comment
from app.issues.deletion import delete_issue, restore_issue
from app.issues.editing import redescribe, retitle
from app.issues.issue import Issue
from app.issues.label import add_labels, create_label
from app.issues.queries import labels_of, people_with
from app.issues.workflow import change_status
from app.sync import local
from app.sync.arrival import SyncArrival
from app.sync.connection import SyncConnection, locked
from app.sync.marks import clean_text
from tests.support.deliveries import deliver, row
from tests.support.world import said
from tests.sync.conftest import Both, joined


def test_an_issue_is_made_there_with_who_opened_it_and_the_way_back(
    both: Both, connection: SyncConnection
) -> None:
    issue = both.there()
    assert issue["title"] == "Card payments fail"
    assert "Rowan, in [ORC-1](http://" in str(issue["body"])
    assert "<!-- tidings:ORC-1 " in str(issue["body"])
    assert both.events() == ["created", "external_linked"]
    assert row("external_sync", "created").state == "delivered"
    assert len(both.github.writes) == 1


def test_what_is_done_here_is_done_there(both: Both, connection: SyncConnection) -> None:
    world = both.world
    issue = world.issue
    bug = create_label(world.project, name="Bug", color="rose", actor=world.actor)
    retitle(issue, "Cards fail", actor=world.actor)
    redescribe(issue, said("How to see it"), version=1, actor=world.actor)
    add_labels(issue, [bug], actor=world.actor)
    comment = add_comment(issue, said("I see it too"), author=world.member, actor=world.member.actor)
    change_status(issue, "resolve", actor=world.actor)
    both.settle()
    there = both.there()
    assert (there["title"], there["state"], there["state_reason"]) == ("Cards fail", "closed", "completed")
    assert clean_text(str(there["body"])) == "How to see it"
    assert there["labels"] == [{"name": "bug", "color": "ededed"}]
    [one] = both.github.comments_of(1)
    assert one["body"].startswith("I see it too\n\n<sub>Otis, in [ORC-1](")

    edit_comment(issue, comment, said("I see it no more"), version=1, actor=world.member.actor)
    change_status(issue, "reopen", actor=world.actor)
    both.settle()
    assert clean_text(both.github.comments_of(1)[0]["body"]) == "I see it no more"
    assert both.there()["state"] == "open"

    delete_comment(issue, comment, author=world.member.ref, actor=world.member.actor)
    change_status(issue, "close", actor=world.actor)
    both.settle()
    assert both.github.comments_of(1) == []
    assert both.there()["state_reason"] == "not_planned"
    assert both.events().count("external_changed") == 0


@pytest.mark.parametrize("way", ["call", "ask"])
def test_what_is_done_there_is_done_here_by_a_call_as_by_asking(
    both: Both, connection: SyncConnection, way: str
) -> None:
    github = both.github
    people = db.session.scalar(select(func.count()).select_from(User))
    number = both.link().number or 0
    github.edit(number, title="Renamed there", labels=["Urgent thing"])
    github.say(number, "Hello from **outside** @otis")
    github.edit(number, state="closed", state_reason="completed")
    opened = github.open("A new one", body="Its text", labels=("Urgent thing",))
    getattr(both, way)()
    both.call() if way == "call" else github.take_calls()

    issue = both.here()
    assert (issue.title, issue.status, issue.description) == ("Renamed there", "closed", "")
    assert [chip.name for chip in labels_of([issue.id])[issue.id]] == ["Urgent thing"]
    comment = db.session.scalars(select(Comment)).one()
    assert comment.author_id is None
    assert comment.body.startswith(
        "**octocat** [on GitHub](https://github.com/octo/orchard/issues/1#issuecomment-"
    )
    assert comment.body.endswith("Hello from **outside** @otis")
    new = both.here(2)
    assert (new.title, new.description, new.reporter_id) == ("A new one", "Its text", None)
    assert both.link(new).number == opened
    assert both.events(new) == ["created", "external_linked"]
    assert db.session.scalar(select(func.count()).select_from(User)) == people
    kinds = set(db.session.scalars(select(Event.actor_kind).where(Event.issue_id == new.id)))
    assert kinds == {"sync"}

    before = len(github.writes)
    both.settle()
    assert len(github.writes) == before


def test_a_change_from_there_says_who_made_it_and_is_the_cause_of_what_follows(
    both: Both, connection: SyncConnection
) -> None:
    both.github.edit(1, title="Renamed there", by="hubot")
    both.call()
    events = db.session.scalars(
        select(Event).where(Event.issue_id == both.world.issue.id).order_by(Event.seq.desc()).limit(2)
    ).all()
    renamed, heard = events
    assert (heard.action, renamed.action) == ("external_changed", "title_changed")
    assert (renamed.cause_id, renamed.root_id, renamed.depth) == (heard.id, heard.id, 1)
    action = with_actions([heard])[heard.id]
    assert action.external_actor == "hubot"  # type: ignore[attr-defined]
    assert "hubot" not in str(heard.facts)


def test_twenty_rounds_of_changes_on_both_sides_leave_no_echo(both: Both, connection: SyncConnection) -> None:
    world, github = both.world, both.github
    for number in range(20):
        if number % 2:
            retitle(both.here(), f"Round {number}", actor=world.actor)
            add_comment(both.here(), said(f"Said here {number}"), author=world.member, actor=world.actor)
        else:
            github.edit(1, title=f"Round {number}")
            github.say(1, f"Said there {number}")
        both.send()
        both.call()
        both.ask()
    both.settle()
    assert both.here().title == both.there()["title"] == "Round 19"
    assert len(github.comments_of(1)) == 20
    assert len(db.session.scalars(select(Comment)).all()) == 20
    assert both.events().count("title_changed") == 20
    assert both.events().count("sync_conflicted") == 0
    assert len([one for one in github.writes if one[0] == "PATCH"]) == 10
    before = len(github.requests)
    both.settle()
    assert len(github.writes) == 1 + 10 + 10
    assert len(github.requests) == before


def test_people_go_over_where_a_lead_said_who_is_who(app: Flask, both: Both, github: object) -> None:
    world = both.world
    joined(world, app, names={"octo-otis": world.member.username})
    both.settle()
    assign(world.issue, [world.member, world.lead], actor=world.actor)
    both.settle()
    assert both.there()["assignees"] == [{"login": "octo-otis"}]
    both.github.edit(1, assignees=["stranger"])
    both.call()
    assert people_with(both.here()) == [world.lead]
    both.github.say(1, "It is me", by="octo-otis")
    both.call()
    comment = db.session.scalars(select(Comment)).one()
    assert (comment.author_id, comment.body) == (world.member.id, "It is me")


def test_a_comment_from_there_can_be_rewritten_and_removed_on_both_sides(
    both: Both, connection: SyncConnection
) -> None:
    first, second = both.github.say(1, "first"), both.github.say(1, "second")
    both.call()
    both.github.reword(first, "first again")
    both.github.unsay(second)
    both.call()
    one, two = db.session.scalars(
        select(Comment).order_by(Comment.id).execution_options(populate_existing=True)
    )
    assert one.body.endswith("first again")
    assert two.deleted_at is not None
    text = one.body.replace("first again", "ours now")
    edit_comment(both.here(), one, said(text), version=one.version, actor=both.world.actor)
    both.settle()
    assert both.github.comments[first]["body"] == "ours now"


@pytest.mark.parametrize("direction", ["out", "in"])
def test_one_way_means_one_way(app: Flask, both: Both, github: object, direction: str) -> None:
    world = both.world
    connection = joined(world, app)
    both.settle()
    held = locked(connection.id)
    assert held is not None
    held.direction = direction
    db.session.commit()
    retitle(both.here(), "Ours", actor=world.actor)
    both.settle()
    assert both.there()["title"] == ("Ours" if direction == "out" else "Card payments fail")
    both.github.edit(1, title="Theirs")
    both.github.say(1, "Hello")
    both.settle()
    assert both.here().title == ("Ours" if direction == "out" else "Theirs")
    assert len(db.session.scalars(select(Comment)).all()) == (0 if direction == "out" else 1)
    retitle(both.here(), "Ours again", actor=world.actor)
    both.settle()
    assert both.there()["title"] == ("Ours again" if direction == "out" else "Theirs")


def test_with_a_label_chosen_the_others_stay_where_they_are(app: Flask, both: Both, github: object) -> None:
    world = both.world
    shared = create_label(world.project, name="shared", color="sky", actor=world.actor)
    joined(world, app, choice="label", label="Shared")
    both.settle()
    assert both.github.issues == {}
    assert row("external_sync", "created").reason == "the issue is not linked"
    both.github.open("Not for us")
    add_labels(both.here(), [shared], actor=world.actor)
    both.settle()
    assert [one["title"] for one in both.github.issues.values()] == ["Not for us", "Card payments fail"]
    both.github.open("For us", labels=("shared",))
    both.settle()
    assert [one.title for one in db.session.scalars(select(Issue).order_by(Issue.id))] == [
        "Card payments fail",
        "For us",
    ]


def test_an_older_issue_goes_over_with_what_was_said_on_it(app: Flask, both: Both, github: object) -> None:
    world = both.world
    add_comment(world.issue, said("one"), author=world.member, actor=world.actor)
    add_comment(world.issue, said("two"), author=world.member, actor=world.actor)
    db.session.commit()
    deliver("sync")
    joined(world, app)
    retitle(world.issue, "Cards fail", actor=world.actor)
    both.settle()
    assert [clean_text(one["body"]) for one in both.github.comments_of(1)] == ["one", "two"]
    assert both.there()["title"] == "Cards fail"


def test_a_deleted_issue_leaves_its_counterpart_alone_until_it_is_brought_back(
    both: Both, connection: SyncConnection
) -> None:
    retitle(both.here(), "Not sent any more", actor=both.world.actor)
    delete_issue(local.issue_with_project(both.here().id), actor=both.world.actor)
    writes = len(both.github.writes)
    both.settle()
    assert len(both.github.writes) == writes
    assert row("external_sync", "title_changed").reason == "the issue was deleted"
    assert row("external_sync", "deleted").reason == "its counterpart on GitHub is left alone"

    both.github.edit(1, state="closed")
    both.github.say(1, "Is it gone?")
    both.call()
    both.ask()
    assert both.events()[-1] == "deleted"

    restore_issue(local.issue_with_project(both.here().id), actor=both.world.actor)
    both.settle()
    assert (both.here().status, both.there()["title"]) == ("closed", "Not sent any more")


def test_an_issue_that_is_removed_there_while_it_is_deleted_here_stays_deleted(
    both: Both, connection: SyncConnection
) -> None:
    delete_issue(local.issue_with_project(both.here().id), actor=both.world.actor)
    both.settle()
    both.github.delete(1)
    both.call()
    assert both.events()[-1] == "deleted"
    assert {arrival.state for arrival in db.session.scalars(select(SyncArrival))} <= {"done", "ignored"}
