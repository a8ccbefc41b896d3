"""Sub-issues: which parent an issue may have, and who is told."""

import threading
from contextvars import Context
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import event as sa_event
from sqlalchemy import text

from app.accounts.viewer import viewer_of
from app.db import db
from app.errors import Forbidden, Invalid, NotFound
from app.events.verifying import verify
from app.feeds.queries import latest, timeline
from app.guards import create_guards, drop_guards
from app.issues.issue import Issue
from app.issues.plan import plans_of
from app.issues.queries import issue_and_parent
from app.issues.sub_issues import LEVELS, level_of, set_parent, sub_issues_of
from app.issues.workflow import change_status
from app.projects.policy import Right
from tests.automation.build import actions, events
from tests.support import world as worlds


def ladder(world: worlds.World, levels: int) -> list[Issue]:
    """Issues below each other, the world's own at the top."""
    found = [world.issue]
    while len(found) < levels:
        found.append(
            worlds.issue(world.project, world.lead, title=f"Level {len(found) + 1}", parent=found[-1])
        )
    db.session.commit()
    return found


def test_a_parent_is_said_on_the_child_and_the_child_on_each_parent(world: worlds.World) -> None:
    child, other = (worlds.issue(world.project, world.lead, title=name) for name in ("Child", "Other"))
    for parent in (world.issue, world.issue, other, None, None):
        set_parent(child, parent, actor=world.actor)
    db.session.commit()

    told = [action for _, action in events(child)][1:]
    assert [(one.from_ and one.from_.key, one.to and one.to.key) for one in told] == [
        (None, "ORC-1"),
        ("ORC-1", "ORC-3"),
        ("ORC-3", None),
    ]
    assert actions(world.issue) == ["created", "child_added", "child_removed"]
    assert actions(other) == ["created", "child_added", "child_removed"]
    assert events(other)[1][1].child.title == "Child"
    assert [done.difference for done in verify()][-1] is None


def test_an_issue_can_be_opened_as_a_sub_issue(world: worlds.World) -> None:
    child = worlds.issue(world.project, world.lead, title="Child", parent=world.issue)
    db.session.commit()
    [(_, created)] = events(child)
    assert created.parent.key == "ORC-1"
    assert created.parent.title == "Card payments fail"
    assert actions(world.issue) == ["created", "child_added"]
    assert plans_of([child.id, world.issue.id])[child.id].parent == "ORC-1"
    assert world.issue.id not in plans_of([world.issue.id])


def test_a_feed_over_many_issues_tells_the_act_once_and_the_parent_tells_it_too(world: worlds.World) -> None:
    child = worlds.issue(world.project, world.lead, title="Child")
    set_parent(child, world.issue, actor=world.actor)
    db.session.commit()
    assert [line.action for line in latest(world.issue).lines] == ["created", "child_added"]
    newest = [line.action for line in timeline(viewer_of(world.lead)).lines]
    assert newest[:2] == ["parent_changed", "created"]
    assert "child_added" not in newest


def test_no_circle_and_no_parent_of_oneself(world: worlds.World) -> None:
    top, middle, low = ladder(world, 3)
    for issue, parent, words in (
        (top, top, "cannot be its own parent"),
        (top, middle, "ORC-2 is below ORC-1"),
        (top, low, "ORC-3 is below ORC-1"),
    ):
        with pytest.raises(Invalid, match=words) as refused:
            set_parent(issue, parent, actor=world.actor)
        assert refused.value.field == "parent"
    db.session.commit()
    assert [one.parent_id for one in (top, middle, low)] == [None, top.id, middle.id]
    assert actions(top) == ["created", "child_added"]


def test_five_levels_are_the_most_counting_what_hangs_below(world: worlds.World) -> None:
    steps = ladder(world, LEVELS)
    assert [level_of(one) for one in steps] == [1, 2, 3, 4, 5]
    with pytest.raises(Invalid, match="ORC-5 is 5 levels deep already"):
        worlds.issue(world.project, world.lead, parent=steps[-1])
    db.session.rollback()
    pair = worlds.issue(world.project, world.lead, title="Pair")
    worlds.issue(world.project, world.lead, title="Its own", parent=pair)
    db.session.commit()
    with pytest.raises(Invalid, match="more than 5 levels deep"):
        set_parent(pair, steps[3], actor=world.actor)
    set_parent(pair, steps[2], actor=world.actor)
    db.session.commit()
    assert pair.parent_id == steps[2].id


def test_a_parent_is_of_the_same_project(world: worlds.World) -> None:
    elsewhere = worlds.issue(worlds.project(world.lead, key="TLS", name="Tools"), world.lead)
    db.session.commit()
    with pytest.raises(Invalid, match="TLS-1 is in another project"):
        set_parent(world.issue, elsewhere, actor=world.actor)


def test_how_many_are_done_is_counted_over_all_of_them(
    world: worlds.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = [
        worlds.issue(world.project, world.lead, title=f"Part {n}", parent=world.issue) for n in range(5)
    ]
    change_status(children[0], "resolve", actor=world.actor)
    change_status(children[3], "close", actor=world.actor)
    db.session.commit()
    found = sub_issues_of(world.issue)
    assert (found.count, found.done) == (5, 2)
    assert [(one.key, one.status) for one in found.shown][:2] == [("ORC-2", "resolved"), ("ORC-3", "open")]
    assert sub_issues_of(children[0]).count == 0


def test_both_are_read_for_change_with_the_rights_of_the_viewer(world: worlds.World) -> None:
    worlds.issue(world.project, world.lead, title="Child")
    db.session.commit()
    member, stranger = viewer_of(world.member), viewer_of(world.stranger)
    issue, parent = issue_and_parent(member, "ORC-2", "orc-1", Right.triage)
    assert (issue.key, parent and parent.key) == ("ORC-2", "ORC-1")
    assert issue_and_parent(member, "ORC-2", " 1 ", Right.triage)[1] is parent
    assert issue_and_parent(member, "ORC-2", "", Right.triage)[1] is None
    for key in ("ORC-99", "TLS-1", "x", "ORC-", "-1"):
        with pytest.raises(Invalid, match="There is no issue"):
            issue_and_parent(member, "ORC-2", key, Right.triage)
    with pytest.raises(NotFound):
        issue_and_parent(stranger, "ORC-2", "ORC-1", Right.triage)
    with pytest.raises(Forbidden):
        issue_and_parent(replace(viewer_of(world.member), can_write=False), "ORC-2", "ORC-1", Right.triage)


def test_verifying_finds_a_parent_or_a_milestone_that_no_event_speaks_of(world: worlds.World) -> None:
    child = worlds.issue(world.project, world.lead, title="Child", parent=world.issue)
    db.session.commit()
    drop_guards(db.session.connection())
    db.session.execute(text("UPDATE issues SET parent_id = NULL WHERE id = :id"), {"id": child.id})
    create_guards(db.session.connection())
    db.session.commit()
    difference = [done.difference for done in verify()][-1]
    assert difference is not None
    assert (difference.subject, difference.field, difference.row_says) == ("ORC-2", "parent_id", "None")


def test_two_changes_that_close_a_circle_together_come_one_after_the_other(
    world: worlds.World, app: Flask
) -> None:
    """B is below C and D below A; A goes below B while C goes below D: no row is in both changes."""
    a, b, c, d = (worlds.issue(world.project, world.lead, title=name) for name in "ABCD")
    set_parent(b, c, actor=world.actor)
    set_parent(d, a, actor=world.actor)
    db.session.commit()
    keys, began, refusals = (c.key, d.key), threading.Event(), []
    mine = threading.get_ident()

    def note(_c: object, _u: object, statement: str, *_rest: object) -> None:
        waits = statement.startswith("BEGIN IMMEDIATE") or "FOR NO KEY UPDATE" in statement
        if waits and threading.get_ident() != mine:
            began.set()

    def other() -> None:
        with app.app_context():
            issue, parent = issue_and_parent(viewer_of(world.lead), *keys, Right.triage)
            try:
                set_parent(issue, parent, actor=world.actor)
                db.session.commit()
            except Invalid as refusal:
                refusals.append(refusal.message)
            finally:
                db.session.remove()
                began.set()

    set_parent(a, b, actor=world.actor)
    sa_event.listen(db.engine, "before_cursor_execute", note)
    try:
        thread = threading.Thread(target=lambda: Context().run(other))
        thread.start()
        assert began.wait(20)
        db.session.commit()
        thread.join(20)
    finally:
        sa_event.remove(db.engine, "before_cursor_execute", note)
    assert refusals == [f"{d.key} is below {c.key}: it cannot be above it, too"]
