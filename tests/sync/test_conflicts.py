"""What happens when both sides changed the same, or a call came late."""

import time
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from app import clock
from app.db import db
from app.events.event import Event
from app.events.external_actions import SyncConflicted
from app.events.queries import with_actions
from app.issues.comment import Comment, add_comment, edit_comment
from app.issues.editing import retitle
from app.issues.workflow import change_status
from app.sync.connection import SyncConnection
from tests.support.deliveries import writes_again
from tests.support.fake_github import Says
from tests.support.world import said
from tests.sync.conftest import Both


def conflicts(both: Both) -> list[SyncConflicted]:
    query = select(Event).where(Event.action == "sync_conflicted").order_by(Event.id)
    events = db.session.scalars(query).all()
    found = with_actions(events)
    return [one for event in events if isinstance(one := found[event.id], SyncConflicted)]


@pytest.mark.parametrize("noticed", ["sending", "a call", "asking"])
@pytest.mark.parametrize(("ahead", "kept"), [(60, "theirs"), (0, "ours"), (-60, "ours")])
def test_when_both_changed_the_same_the_newest_wins_and_it_is_said(
    both: Both, connection: SyncConnection, noticed: str, ahead: int, kept: str
) -> None:
    both.github.now = lambda: clock.now() + timedelta(seconds=ahead)
    if ahead < 0:
        time.sleep(0)  # the other side's clock is behind: its change is older than ours
    with time_machine.travel(clock.now() + timedelta(seconds=100), tick=False):
        both.github.edit(1, title="Theirs", state="closed")
        retitle(both.here(), "Ours", actor=both.world.actor)
        if noticed == "a call":
            both.call()
        elif noticed == "asking":
            both.ask()
        both.settle()
    [conflict] = conflicts(both)
    assert (conflict.field, conflict.ours, conflict.theirs, conflict.kept) == (
        "title",
        "Ours",
        "Theirs",
        kept,
    )
    title = "Ours" if kept == "ours" else "Theirs"
    assert (both.here().title, both.there()["title"]) == (title, title)
    assert (both.here().status, both.there()["state"]) == ("closed", "closed")


def test_a_comment_changed_on_both_sides_is_a_conflict_too(both: Both, connection: SyncConnection) -> None:
    comment = add_comment(both.world.issue, said("one"), author=both.world.member, actor=both.world.actor)
    both.settle()
    [there] = both.github.comments_of(1)
    with time_machine.travel(clock.now() + timedelta(seconds=5), tick=False):
        edit_comment(both.here(), comment, said("ours"), version=1, actor=both.world.actor)
    with time_machine.travel(clock.now() + timedelta(seconds=50), tick=False):
        both.github.reword(there["id"], "theirs")
        both.settle()
    [conflict] = conflicts(both)
    assert (conflict.field, conflict.kept) == ("comment", "theirs")
    both_texts = {db.session.scalars(select(Comment.body)).one(), both.github.comments[there["id"]]["body"]}
    assert both_texts == {"theirs"}


def test_a_call_that_came_late_overwrites_nothing_that_was_changed_there_since(
    both: Both, connection: SyncConnection
) -> None:
    both.github.now = lambda: clock.now() + timedelta(seconds=60)
    both.github.edit(1, body="More")
    both.github.edit(1, title="Theirs")
    early, late = both.github.take_calls()
    retitle(both.here(), "Ours", actor=both.world.actor)
    both.call([early])
    both.call([late])
    both.settle()
    [conflict] = conflicts(both)
    assert (conflict.field, conflict.ours, conflict.theirs) == ("title", "Ours", "Theirs")
    assert both.here().title == both.github.issues[1]["title"] == "Theirs"


@pytest.mark.parametrize("noticed", ["sending", "a call", "asking"])
def test_our_own_change_whose_answer_got_lost_is_not_taken_for_theirs(
    both: Both, connection: SyncConnection, noticed: str
) -> None:
    """We close it there and never hear that it worked; meanwhile somebody here has reopened it."""
    both.github.next_answers = [Says(502, after=True, only="PATCH")]
    change_status(both.here(), "close", actor=both.world.member.actor)
    both.send()
    assert both.there()["state"] == "closed"
    calls = both.github.take_calls()
    change_status(both.here(), "reopen", actor=both.world.member.actor)
    db.session.commit()
    _rested(connection.id)
    if noticed == "a call":
        both.call(calls)
    elif noticed == "asking":
        both.ask()
    both.settle()
    assert both.here().is_open
    assert both.there()["state"] == "open"
    assert both.events().count("reopened") == 1
    assert both.events().count("closed") == 1
    assert both.events().count("external_changed") == 0
    assert conflicts(both) == []


def test_our_own_words_whose_answer_got_lost_are_no_conflict(both: Both, connection: SyncConnection) -> None:
    member = both.world.member
    comment = add_comment(both.here(), said("First"), author=member, actor=member.actor)
    both.settle()
    both.github.next_answers = [Says(502, after=True, only="PATCH")]
    edit_comment(both.here(), comment, said("Second"), version=comment.version, actor=member.actor)
    both.send()
    calls = both.github.take_calls()
    edit_comment(both.here(), comment, said("Third"), version=comment.version, actor=member.actor)
    db.session.commit()
    _rested(connection.id)
    both.call(calls)
    both.settle()
    [there] = both.github.comments.values()
    assert "Third" in there["body"]
    assert conflicts(both) == []
    assert both.events().count("comment_edited") == 2


def _rested(number: int) -> None:
    """A connection rests after a failure; here that is over."""
    writes_again()
    db.session.execute(update(SyncConnection).where(SyncConnection.id == number).values(free_at=None))
    db.session.commit()
