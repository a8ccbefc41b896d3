"""What a channel in Slack is told, in which order, and what happens when Slack says no."""

import dataclasses
import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from app import clock
from app.context import caused_by
from app.db import begin_write, db
from app.events.action import IssueRef
from app.events.planning_actions import ChildAdded
from app.inboxes.claiming import claim_due
from app.inboxes.dispatch import drain
from app.inboxes.slack_turns import send_held
from app.issues.bulk import Wish, change_all
from app.issues.comment import add_comment, delete_comment
from app.issues.editing import prioritise, retitle
from app.issues.workflow import change_status
from app.projects.project import change_visibility
from app.sealing import seal
from app.slack import calling
from app.slack.channel import USUAL, SlackChannel, channel_of, connect
from app.slack.mrkdwn import sentence
from tests.patience import until
from tests.support import world as worlds
from tests.support.deliveries import deliver, make_due, row, rows, targets, writes_again
from tests.support.fake_slack import FakeSlack, Says
from tests.support.world import said

SLACK = "slack_notifications"


def comment(world: worlds.World, text: str) -> None:
    add_comment(world.issue, said(text), author=world.member, actor=world.member.actor)
    db.session.commit()


def told(slack: FakeSlack, count: int, *, seconds: float = 15) -> None:
    """Work until so many messages stand in the channel."""

    def enough() -> bool:
        deliver("webhooks")
        return len(slack.texts) >= count

    until(enough, seconds)


def free() -> None:
    """The pause after the last message is over."""
    db.session.execute(update(SlackChannel).values(free_at=None))
    db.session.commit()


@pytest.fixture(autouse=True)
def quiet(channel: SlackChannel, slack: FakeSlack) -> None:
    """What happened before the test is told, and the channel is free."""
    told(slack, 1)
    slack.calls.clear()
    free()


def test_an_act_is_one_message_with_who_what_where_and_the_way_back(
    app: Flask, world: worlds.World, slack: FakeSlack
) -> None:
    with caused_by(via="web"):
        change_status(world.issue, "start", actor=world.member.actor)
    db.session.commit()
    told(slack, 1)
    base = app.extensions["settings"].base_url
    link = f"<{base}/issues/ORC-1#event-{world.issue.event_seq}|ORC-1 Card payments fail>"
    assert slack.texts == [f"*Otis* started work on {link} Open → In progress"]
    one = row(SLACK, "status_changed")
    assert (one.state, one.reason) == ("delivered", "told in #orchard")
    assert list(targets(one)) == ["#orchard"]


def test_nothing_people_write_becomes_markup_a_mention_or_a_link(
    world: worlds.World, slack: FakeSlack
) -> None:
    retitle(world.issue, "a <!channel> *b* _c_ `d` <https://evil|x> | &amp;", actor=world.actor)
    comment(world, "<!everyone> *loud*\n> quote\n" + "long " * 200)
    told(slack, 2)
    renamed, commented = slack.texts
    assert "<!" not in renamed + commented
    assert "&lt;!channel&gt; \u200b*b\u200b* \u200b_c\u200b_ \u200b`d\u200b`" in renamed
    assert "&amp;amp;" in renamed
    assert commented.count("\n") == 1
    assert "\n> &lt;!everyone&gt; \u200b*loud\u200b* &gt; quote long" in commented
    assert commented.endswith("…")


def test_what_is_quiet_not_wanted_or_removed_is_not_told(world: worlds.World, slack: FakeSlack) -> None:
    add_comment(world.issue, said("psst"), author=world.member, actor=world.member.actor, quiet=True)
    prioritise(world.issue, "high", actor=world.actor)
    gone = add_comment(world.issue, said("oops"), author=world.member, actor=world.member.actor)
    delete_comment(world.issue, gone, author=world.member.ref, actor=world.member.actor)
    db.session.commit()
    told(slack, 1)  # that a comment was removed
    assert "removed a comment" in slack.texts[0]
    assert [one.reason for one in rows(SLACK, "commented")] == ["done quietly", "the comment was removed"]
    assert row(SLACK, "priority_changed").reason == "the channel is not told about planning"


def test_429_rests_the_whole_channel_and_keeps_the_order(world: worlds.World, slack: FakeSlack) -> None:
    slack.next_answers = [Says(429, "rate_limited", retry_after="30")]
    for number in range(4):
        comment(world, f"number {number}")
    deliver("webhooks")
    assert len(slack.calls) == 1
    waiting = [(one.state, one.attempts) for one in rows(SLACK, "commented")]
    assert waiting == [("pending", 0)] * 4
    channel = channel_of(world.project)
    assert channel is not None
    assert channel.last_error == "Slack asked us to wait 30 seconds (429)"
    with time_machine.travel(clock.now() + timedelta(seconds=29), tick=False):
        comment(world, "number 4")
        deliver("webhooks")
        assert len(slack.calls) == 1
    start = clock.now() + timedelta(seconds=31)
    for passed in range(8):
        with time_machine.travel(start + timedelta(seconds=1.1 * passed), tick=False):
            deliver("webhooks")
    assert [text.rpartition("number ")[2] for text in slack.texts] == ["0", "1", "2", "3", "4"]
    assert {one.state for one in rows(SLACK, "commented")} == {"delivered"}
    assert max(one.attempts for one in rows(SLACK, "commented")) == 1


def test_a_channel_takes_one_message_a_second(world: worlds.World, slack: FakeSlack) -> None:
    for number in range(3):
        comment(world, f"number {number}")
    told(slack, 3)
    times = [one.at for one in slack.calls]
    assert all(later - earlier >= 0.95 for earlier, later in zip(times, times[1:], strict=False))


def test_two_workers_call_a_channel_one_at_a_time_in_order(
    app: Flask, world: worlds.World, slack: FakeSlack
) -> None:
    for number in range(4):
        comment(world, f"number {number}")

    def work() -> None:
        with app.app_context():
            drain("webhooks", seconds=1)
            db.session.remove()

    def enough() -> bool:
        workers = [threading.Thread(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return len(slack.texts) >= 4

    db.session.rollback()
    until(enough, 20)
    writes_again()
    assert [text.rpartition("number ")[2] for text in slack.texts] == ["0", "1", "2", "3"]
    assert slack.most_at_once == 1


def test_many_that_wait_become_one_message(world: worlds.World, slack: FakeSlack) -> None:
    for number in range(30):
        comment(world, f"number {number}")
    prioritise(world.issue, "high", actor=world.actor)
    db.session.commit()
    deliver("webhooks")
    [text] = slack.texts
    lines = text.splitlines()
    assert lines[0].startswith("*30 things happened* in <")
    assert len(lines) == 17
    assert lines[-1] == "… and 15 more"
    found = rows(SLACK, "commented")
    assert {(one.state, one.next_attempt_at) for one in found} == {("delivered", None)}
    assert found[-1].reason == "told in one message with 29 others"
    assert targets(found[-1])["#orchard"].state == "delivered"


def test_a_bulk_act_is_one_message_however_few_it_changed(world: worlds.World, slack: FakeSlack) -> None:
    issues = [world.issue, worlds.issue(world.project, world.lead, title="The second")]
    db.session.commit()
    told(slack, 1)
    free()
    change_all(world.project, [one.key for one in issues], Wish(step="start"), actor=world.member.actor)
    comment(world, "And a word")
    before = len(slack.texts)
    deliver("webhooks")
    text = slack.texts[before]
    assert text.splitlines()[0].startswith("*Otis* moved 2 issues to in progress in <")
    assert text.count("started work") == 2
    assert "And a word" not in text
    assert row(SLACK, "status_changed").reason == "told in one message with 1 others"


class Died(BaseException):
    """The worker is gone, as after kill -9: nothing that follows is done."""


def test_of_many_in_one_message_each_is_marked_when_its_worker_died_before_it_could_say_so(
    world: worlds.World, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = calling.post

    def post_and_die(*arguments: Any, **more: Any) -> None:
        post(*arguments, **more)
        raise Died

    for number in range(25):
        comment(world, f"number {number}")
    monkeypatch.setattr(calling, "post", post_and_die)
    with pytest.raises(Died):
        deliver("webhooks")
    monkeypatch.setattr(calling, "post", post)
    assert slack.texts[0].startswith("*25 things happened*")
    assert {one.state for one in rows(SLACK, "commented")} == {"processing"}

    def all_told() -> bool:
        make_due(SLACK)
        free()
        deliver("webhooks")
        return {one.state for one in rows(SLACK, "commented")} == {"delivered"}

    db.session.execute(update(SlackChannel).values(busy_until=None))
    until(all_told, 15)
    for one in rows(SLACK, "commented"):
        at = targets(one)["#orchard"]
        assert at.doubts == 1
        assert (at.reason or "").endswith("may have been sent twice")


def test_what_is_being_told_with_others_is_told_by_nobody_else(
    world: worlds.World, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, taken = calling.post, []

    def post_while_another_looks(*arguments: Any, **more: Any) -> None:
        begin_write()
        taken.extend(claim_due("webhooks", [SLACK], limit=100, by="another"))
        db.session.commit()
        post(*arguments, **more)

    for number in range(25):
        comment(world, f"number {number}")
    monkeypatch.setattr(calling, "post", post_while_another_looks)
    deliver("webhooks")
    assert taken == []
    [text] = slack.texts
    assert text.startswith("*25 things happened*")
    assert {one.state for one in rows(SLACK, "commented")} == {"delivered"}


def test_many_whose_message_did_not_get_through_wait_for_their_turn_and_have_spent_no_attempt(
    world: worlds.World, slack: FakeSlack
) -> None:
    slack.next_answers = [Says(500, "oh")]
    for number in range(25):
        comment(world, f"number {number}")
    deliver("webhooks")
    first, *others = rows(SLACK, "commented")
    assert (first.state, first.attempts) == ("failed", 1)
    assert {(one.state, one.attempts) for one in others} == {("pending", 0)}
    assert {at.state for one in others for at in targets(one).values()} == {"pending"}
    make_due(SLACK)
    free()
    told(slack, 1)
    assert {one.state for one in rows(SLACK, "commented")} == {"delivered"}
    assert {at.doubts for one in rows(SLACK, "commented") for at in targets(one).values()} == {0}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Says(404, "no_service"), "the webhook was removed in Slack"),
        (Says(403, "invalid_token"), "not valid"),
        (Says(410, "channel_is_archived"), "the channel is archived"),
        (Says(404, "<html>nginx</html>"), "it answered 404"),
        (Says(302, ""), "redirect"),
    ],
)
def test_an_address_that_is_refused_is_not_called_again_and_what_follows_waits_for_a_new_one(
    app: Flask, world: worlds.World, slack: FakeSlack, answer: Says, words: str
) -> None:
    slack.next_answers = [answer]
    comment(world, "first")
    deliver("webhooks")
    first = row(SLACK, "commented")
    assert first.state == "dead"
    assert words in (first.last_error or "")
    assert "secretword" not in (first.last_error or "")
    free()
    comment(world, "second")
    deliver("webhooks")
    second = row(SLACK, "commented")
    assert (second.state, len(slack.calls)) == ("held", 1)
    assert words in (second.reason or "")

    sealed = seal(slack.url("/services/new"))
    connect(world.project, sealed=sealed, hint="/new", title="#orchard", families=USUAL, actor=world.actor)
    db.session.commit()
    send_held()
    writes_again()
    told(slack, 1)
    assert slack.calls[1].path == "/services/new"
    assert row(SLACK, "commented").state == "delivered"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Says(500, "rollup_error"), "Slack answered 500"),
        (Says(200, "<html>welcome to the hotel</html>"), "not Slack"),
        (Says(503, ""), "Slack answered 503"),
        (Says(hangs=0.1), "closed the connection"),
    ],
)
def test_what_fails_is_tried_again_before_what_came_later(
    world: worlds.World, slack: FakeSlack, answer: Says, words: str
) -> None:
    slack.next_answers = [answer]
    comment(world, "first")
    deliver("webhooks")
    comment(world, "second")
    deliver("webhooks")
    assert slack.texts == []
    states = [(one.state, one.attempts) for one in rows(SLACK, "commented")]
    assert states == [("failed", 1), ("pending", 0)]
    assert words in (rows(SLACK, "commented")[0].last_error or "")
    start = clock.now() + timedelta(seconds=15)
    for passed in range(4):
        with time_machine.travel(start + timedelta(seconds=2 * passed), tick=False):
            deliver("webhooks")
    assert [text.rpartition("> ")[2] for text in slack.texts] == ["first", "second"]


def test_a_message_slack_cannot_read_is_lost_alone(world: worlds.World, slack: FakeSlack) -> None:
    slack.next_answers = [Says(400, "invalid_payload")]
    comment(world, "first")
    comment(world, "second")
    told(slack, 1)
    assert [one.state for one in rows(SLACK, "commented")] == ["dead", "delivered"]


def test_the_installations_channel_hears_of_public_projects_only(
    app: Flask, slack: FakeSlack, world: worlds.World
) -> None:
    settings = app.extensions["settings"]
    app.extensions["settings"] = dataclasses.replace(settings, slack_webhook_url=slack.url("/instance"))
    secret = worlds.project(world.lead, key="SEC", name="Secret")
    opened = worlds.project(world.lead, key="OPN", name="Opened", visibility="public")
    db.session.commit()
    worlds.issue(secret, world.lead, title="Canary")
    worlds.issue(opened, world.lead, title="Sparrow")
    db.session.commit()
    told(slack, 1)
    assert [(one.path, "Sparrow" in one.text) for one in slack.calls] == [("/instance", True)]
    reasons = {one.reason for one in rows(SLACK) if one.state == "skipped"}
    assert "only public projects are told in the installation's channel" in reasons
    slack.calls.clear()
    change_visibility(opened, "members", actor=world.actor)
    worlds.issue(opened, world.lead, title="Wren")
    db.session.commit()
    deliver("webhooks")
    assert slack.calls == []


def test_another_issue_is_named_by_its_key_and_its_title() -> None:
    parts = ChildAdded(child=IssueRef(id=2, key="ORC-2", title="Sort *it*")).line(None)
    assert (
        sentence("Otis", parts, this="ORC-1")
        == "*Otis* added the sub-issue ORC-2 Sort \u200b*it\u200b* to ORC-1"
    )
