"""What happens when both sides changed the same, when answers get lost, and when GitHub says no."""

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from app import clock
from app.db import db
from app.events.event import Event
from app.inboxes.external_sync import send_held
from app.issues.comment import Comment, add_comment
from app.issues.editing import retitle
from app.issues.workflow import change_status
from app.notifications.outgoing_mail import OutgoingMail
from app.sealing import seal
from app.sync.arrival import SyncArrival
from app.sync.connection import SyncConnection, locked, resume
from app.sync.github import GitHub
from tests.support import world as worlds
from tests.support.deliveries import deliver, row, rows, targets, writes_again
from tests.support.fake_github import Call, Says
from tests.support.world import said
from tests.sync.conftest import Both, joined


def test_an_issue_whose_answer_got_lost_is_found_and_not_made_twice(
    app: Flask, both: Both, github: object, world: worlds.World
) -> None:
    joined(world, app)
    both.github.next_answers = [Says(0, after=True, only="POST")]
    both.send()
    assert row("external_sync", "created").state == "failed"
    assert both.link().number is None
    with time_machine.travel(clock.now() + timedelta(minutes=1), tick=False):
        both.call()  # GitHub tells us of it before we have found it
        both.settle()
    assert len(both.github.issues) == 1
    assert both.link().number == 1
    assert (
        len(
            db.session.scalars(
                select(Event.id).where(Event.action == "created", Event.subject == "issue")
            ).all()
        )
        == 1
    )


def test_a_comment_whose_answer_got_lost_is_found_and_not_written_twice(
    both: Both, connection: SyncConnection
) -> None:
    add_comment(both.world.issue, said("once"), author=both.world.member, actor=both.world.actor)
    both.github.next_answers = [Says(502, after=True, only="POST")]
    both.send()
    assert "GitHub answered 502" in (row("external_sync", "commented").last_error or "")
    with time_machine.travel(clock.now() + timedelta(minutes=1), tick=False):
        both.settle()
    assert len(both.github.comments) == 1
    assert len(db.session.scalars(select(Comment)).all()) == 1


def test_the_same_call_counts_once_and_an_old_one_not_at_all(both: Both, connection: SyncConnection) -> None:
    both.github.edit(1, title="First")
    first = both.github.take_calls()
    with time_machine.travel(clock.now() + timedelta(seconds=30), tick=False):
        both.github.edit(1, title="Second")
        second = both.github.take_calls()
        assert both.call(second + second) == [202, 200]
        assert both.call(first) == [202]
    assert both.here().title == "Second"
    assert both.events().count("title_changed") == 1


def test_a_call_that_is_not_signed_or_not_to_be_read_changes_nothing(
    both: Both, connection: SyncConnection
) -> None:
    both.github.edit(1, title="Hacked")
    [call] = both.github.take_calls()
    wrong = "sha256=" + "0" * 64
    assert both.post(call, **{"X-Hub-Signature-256": wrong}) == 401
    assert both.post(call, **{"X-Hub-Signature-256": ""}) == 401
    assert both.post(call, **{"X-Hub-Signature-256": "sha1=ü"}) == 401
    assert both.post(Call(call.headers, call.body + b" ")) == 401
    assert both.post(call, **{"X-GitHub-Delivery": ""}) == 400
    assert both.post(call, **{"Content-Type": "application/x-www-form-urlencoded"}) in (400, 401)
    path = "/sync/github/00000000-0000-0000-0000-000000000000"
    assert both.app.test_client().post(path, data=call.body, headers=call.headers).status_code == 404
    writes_again()
    assert db.session.scalars(select(SyncArrival).where(SyncArrival.state == "waiting")).all() == []
    assert both.here().title == "Card payments fail"


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"nonsense",
        b'{"action": "edited", "sender": {"login": "x"}, "issue": {"number": "1"}}',
        b'{"action": "edited", "sender": {"login": "x"}, "issue": {"number": 1, "title": 5, "state": "open"}}',
        b"[" * 5_000,
    ],
)
def test_signed_garbage_is_kept_as_failed_and_changes_nothing(
    both: Both, connection: SyncConnection, body: bytes
) -> None:
    import hmac
    from hashlib import sha256

    signature = "sha256=" + hmac.new(both.github.secret.encode(), body, sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-GitHub-Event": "issues", "X-GitHub-Delivery": "d1"}
    before = both.events()
    assert both.call([Call({**headers, "X-Hub-Signature-256": signature}, body)]) == [202]
    arrival = db.session.scalars(select(SyncArrival).order_by(SyncArrival.id.desc())).first()
    assert arrival is not None
    assert arrival.state == "failed"
    assert "Not" in (arrival.outcome or "")
    assert both.events() == before


def test_hostile_texts_from_there_become_harmless_texts_here(both: Both, connection: SyncConnection) -> None:
    mark = f"<!-- tidings:ORC-1 {both.link().mark} -->"
    body = f"<script>alert(1)</script>\x00\u202e @{both.world.member.username} ORC-1 {mark}\r\n[x](javascript:alert(1))"
    both.github.edit(1, title="\u202e<b>\x00" + "long " * 60, body=body)
    both.github.say(1, body, by="evil](javascript:x)[")
    both.call()
    issue = both.here()
    assert len(issue.title) <= 200
    assert "\u202e" not in issue.title + issue.description
    assert "<script" not in issue.description_html
    assert (
        "javascript:" not in issue.description_html.replace("javascript:alert(1))", "", 1)
        or "href" not in issue.description_html
    )
    comment = db.session.scalars(select(Comment)).one()
    assert 'href="javascript' not in comment.html
    assert "tidings:ORC-1" not in comment.body
    assert both.world.member.username not in [
        person for person in comment.html.split('"') if person.startswith("/people/")
    ]
    before = len(both.github.writes)
    both.settle()
    assert len(both.github.writes) == before


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (
            Says(
                403,
                '{"message": "API rate limit exceeded"}',
                {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "+1200"},
            ),
            1200,
        ),
        (Says(403, '{"message": "You have exceeded a secondary rate limit"}', {"Retry-After": "90"}), 90),
        (Says(429, "{}", {"Retry-After": "45"}), 45),
        (Says(403, '{"message": "You have exceeded a secondary rate limit"}'), 60),
    ],
)
def test_a_limit_rests_the_whole_connection_and_costs_no_attempt(
    both: Both, connection: SyncConnection, answer: Says, seconds: int
) -> None:
    answer = Says(answer.status, answer.body, dict(answer.headers))
    if reset := answer.headers.get("X-RateLimit-Reset"):
        answer.headers["X-RateLimit-Reset"] = str(int(clock.now().timestamp()) + int(reset[1:]) + 1)
    both.github.next_answers = [answer]
    asked = len(both.github.requests)
    retitle(both.here(), "One", actor=both.world.actor)
    both.send()
    add_comment(both.here(), said("two"), author=both.world.member, actor=both.world.actor)
    both.send()
    both.ask()
    assert len(both.github.requests) == asked + 1
    assert "limit" in (both.row().last_error or "")
    states = {one.state for one in rows("external_sync") if one.state != "delivered"}
    assert states == {"pending"}
    with time_machine.travel(clock.now() + timedelta(seconds=seconds - 5), tick=False):
        both.send()
        assert len(both.github.requests) == asked + 1
    with time_machine.travel(clock.now() + timedelta(seconds=seconds + 5), tick=False):
        both.settle()
    assert both.there()["title"] == "One"
    assert len(both.github.comments) == 1
    assert both.row().last_error is None


def test_a_revoked_token_pauses_the_connection_and_nothing_is_lost(
    app: Flask, both: Both, connection: SyncConnection
) -> None:
    both.github.tokens = {"another"}
    retitle(both.here(), "One", actor=both.world.actor)
    both.send()
    retitle(both.here(), "Two", actor=both.world.actor)
    both.send()
    asked = len(both.github.requests)
    both.ask()
    assert len(both.github.requests) == asked
    paused = both.row()
    assert (
        paused.paused == "GitHub no longer accepts the token: it was revoked or has expired. Enter a new one"
    )
    assert [one.state for one in rows("external_sync", "title_changed")] == ["held", "held"]
    told = db.session.scalars(select(Event).where(Event.action == "integration_paused")).all()
    assert len(told) == 1
    deliver("mail")
    mails = db.session.scalars(
        select(OutgoingMail).where(OutgoingMail.subject.contains("GitHub is paused"))
    ).all()
    assert [mail.address for mail in mails] == [both.world.lead.email]
    assert "was revoked or has expired" in mails[0].text

    both.github.edit(1, state="closed")
    assert both.call() == [202]
    assert both.here().status == "open"
    held = locked(paused.id)
    assert held is not None
    held.token = seal("another")
    held.project = both.world.project
    resume(held, actor=both.world.actor)
    db.session.commit()
    send_held()
    writes_again()
    both.settle()
    assert both.there()["title"] == "Two"
    assert both.here().status == "closed"
    assert {one.state for one in rows("external_sync", "title_changed")} == {"delivered"}


@pytest.mark.parametrize(
    "answer", [Says(500), Says(502, "<html>"), Says(200, "<html>hotel</html>"), Says(0), Says(200, "[1]")]
)
def test_what_fails_is_tried_again_in_order(both: Both, connection: SyncConnection, answer: Says) -> None:
    both.github.next_answers = [answer]
    add_comment(both.here(), said("one"), author=both.world.member, actor=both.world.actor)
    db.session.commit()
    deliver("sync")
    add_comment(both.here(), said("two"), author=both.world.member, actor=both.world.actor)
    db.session.commit()
    deliver("sync")
    assert both.github.comments == {} or len(both.github.comments) <= 1
    with time_machine.travel(clock.now() + timedelta(minutes=2), tick=False):
        both.settle()
    assert [one["body"].partition("\n")[0] for one in both.github.comments_of(1)] == ["one", "two"]


def test_an_issue_that_was_deleted_there_is_let_go(both: Both, connection: SyncConnection) -> None:
    both.github.delete(1)
    both.github.take_calls()
    change_status(both.here(), "close", actor=both.world.actor)
    both.settle()
    assert both.events()[-1] == "external_unlinked"
    assert both.link().ended_at is not None
    [target] = targets(row("external_sync", "closed")).values()
    assert target.reason == "unlinked: it was deleted, or moved to another repository"
    change_status(both.here(), "reopen", actor=both.world.actor)
    both.settle()
    assert both.github.issues == {}
    assert row("external_sync", "reopened").reason == "the issue was unlinked"


def test_what_github_does_not_take_is_dead_with_its_words(both: Both, connection: SyncConnection) -> None:
    both.github.next_answers = [Says(422, json.dumps({"message": "Validation Failed"}), only="PATCH")]
    retitle(both.here(), "One", actor=both.world.actor)
    both.send()
    one = row("external_sync", "title_changed")
    assert (one.state, one.last_error) == ("dead", "GitHub did not take it: Validation Failed")


def test_asking_for_what_is_known_costs_nothing(both: Both, connection: SyncConnection) -> None:
    both.ask()
    both.ask()
    both.ask()
    assert both.github.not_modified >= 1
    assert both.events() == ["created", "external_linked"]


def test_many_pages_come_in_whole(app: Flask, both: Both, github: object, world: worlds.World) -> None:
    connection = joined(world, app, direction="in")
    for number in range(120):
        both.github.open(f"Issue {number}")
    both.github.take_calls()
    both.ask()
    assert connection.id
    assert both.here(121).title == "Issue 119"


def test_a_call_that_is_worked_off_again_after_a_death_sends_nothing_again(
    both: Both, connection: SyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = GitHub.change_issue

    def change_and_die(*arguments: Any) -> None:
        change(*arguments)
        raise KeyboardInterrupt

    both.github.now = lambda: clock.now() + timedelta(seconds=60)
    both.github.edit(1, body="More")
    retitle(both.here(), "Ours", actor=both.world.actor)
    with monkeypatch.context() as dying:
        dying.setattr(GitHub, "change_issue", change_and_die)
        pytest.raises(KeyboardInterrupt, both.call)
    writes_again()
    db.session.execute(update(SyncConnection).values(busy_until=None))
    db.session.commit()
    both.work_off()
    both.settle()
    assert both.github.idle == []
    assert [method for method, _ in both.github.requests].count("PATCH") == 1
    assert both.here().title == both.github.issues[1]["title"] == "Ours"
