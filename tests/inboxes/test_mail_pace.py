"""Mails that wait: one for many events, at the time their receiver chose, and none of them lost or doubled."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from app import clock
from app.accounts.pace import MailPace
from app.accounts.people import change_mail_pace, change_quiet_hours
from app.accounts.user import User
from app.db import db
from app.inboxes.claiming import claim_due
from app.issues.comment import add_comment
from app.issues.issue import Opening, open_issue
from app.issues.subscription import unwatch, watch
from app.issues.workflow import change_status
from app.processes import taking_name
from tests.inboxes.test_email import body
from tests.support import world as worlds
from tests.support.deliveries import deliver, row, rows, targets
from tests.support.smtp import Mailbox, mail_server
from tests.support.world import said

MAIL = "email_notifications"


@pytest.fixture
def mailbox(context: Flask) -> Iterator[Mailbox]:
    with mail_server() as box:
        context.extensions["settings"] = dataclasses.replace(
            context.extensions["settings"], smtp_url=box.url, base_url="https://tidings.example.org"
        )
        yield box


def wants(person: User, pace: MailPace) -> None:
    change_mail_pace(person, pace, actor=person.actor)
    db.session.commit()


def comment(world: worlds.World, words: str) -> None:
    add_comment(world.issue, said(words), author=world.member, actor=world.member.actor)
    db.session.commit()


def later(minutes: float) -> time_machine.travel:
    return time_machine.travel(clock.now() + timedelta(minutes=minutes))


def states() -> list[str]:
    return [one.state for one in rows(MAIL, "commented")]


def test_what_happens_within_ten_minutes_comes_in_one_mail(mailbox: Mailbox, world: worlds.World) -> None:
    wants(world.lead, "bundled")
    for number in range(3):
        comment(world, f"Word {number}")
        deliver()
    assert mailbox.mails == []
    assert states() == ["pending"] * 3
    assert (
        targets(row(MAIL, "commented"))[str(world.lead.id)].reason == "waits for the time its receiver chose"
    )
    with later(11):
        deliver()
    [mail] = mailbox.mails
    assert mail["Subject"] == "Re: [ORC-1] Card payments fail (3 updates)"
    words = body(mail)
    assert [f"Word {number}" in words for number in range(3)] == [True] * 3
    assert "Otis commented" in words
    assert f"Stop watching ORC-1: {mail['List-Unsubscribe'].strip('<>')}" in words
    with later(13):
        deliver()
    assert states() == ["delivered"] * 3
    assert len(mailbox.mails) == 1
    reasons = [targets(one)[str(world.lead.id)].reason for one in rows(MAIL, "commented")]
    assert reasons[0] == "handed to 127.0.0.1 with 2 more in it"
    assert reasons[1:] == ["handed to 127.0.0.1 with 2 more in it, in one mail with others"] * 2


def test_other_receivers_of_the_same_events_wait_for_nothing(mailbox: Mailbox, world: worlds.World) -> None:
    deliver()
    other = worlds.person("Third")
    worlds.add_member(world.project, other, role="member", actor=world.actor)
    watch(world.issue, other, actor=other.actor)
    wants(world.lead, "bundled")
    comment(world, "Hello")
    deliver()
    assert mailbox.receivers == [other.email]
    with later(11):
        deliver()
    assert mailbox.receivers == [other.email, world.lead.email]
    assert states() == ["delivered"]


def test_one_that_waited_alone_is_an_ordinary_mail(mailbox: Mailbox, world: worlds.World) -> None:
    wants(world.lead, "bundled")
    comment(world, "Only this")
    with later(11):
        deliver()
    [mail] = mailbox.mails
    assert mail["Subject"] == "Re: [ORC-1] Card payments fail"
    assert "You get this because" in body(mail)


def test_the_daily_mail_holds_what_happened_to_several_issues(mailbox: Mailbox, world: worlds.World) -> None:
    wants(world.lead, "daily")
    second = open_issue(
        world.project,
        Opening(title="Second one", description=said("")),
        reporter=world.lead,
        actor=world.lead.actor,
    )
    db.session.commit()
    comment(world, "About the first")
    change_status(second, "close", actor=world.member.actor)
    db.session.commit()
    deliver()
    assert mailbox.mails == []
    with later(25 * 60):
        deliver()
    [mail] = mailbox.mails
    assert mail["Subject"] == "2 updates on 2 issues"
    words = body(mail)
    assert "ORC-1 Card payments fail" in words
    assert "ORC-2 Second one" in words
    assert "https://tidings.example.org/settings/notifications" in words
    leave = mail["List-Unsubscribe"].strip("<>")
    assert leave.startswith("https://tidings.example.org/unsubscribe/mails/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"Stop all mails: {leave}" in words


def test_who_is_mentioned_is_mailed_at_once_with_what_waited(mailbox: Mailbox, world: worlds.World) -> None:
    wants(world.lead, "bundled")
    comment(world, "Waits")
    deliver()
    add_comment(world.issue, said("You!", world.lead), author=world.member, actor=world.member.actor)
    db.session.commit()
    deliver()
    [mail] = mailbox.mails
    assert "Waits" in body(mail)
    assert "You!" in body(mail)
    with later(13):
        deliver()
    assert len(mailbox.mails) == 1
    assert states() == ["delivered"] * 2


def test_in_quiet_hours_nothing_is_mailed(mailbox: Mailbox, world: worlds.World) -> None:
    now = clock.now()
    minute = now.hour * 60 + now.minute
    hours = ((minute - 60) % (24 * 60), (minute + 60) % (24 * 60))
    change_quiet_hours(world.lead, hours, actor=world.lead.actor)
    db.session.commit()
    comment(world, "In the night")
    comment(world, "Still in the night")
    deliver()
    assert mailbox.mails == []
    with later(61):
        deliver()
    assert len(mailbox.mails) == 1


def test_who_has_left_meanwhile_gets_nothing_of_it(mailbox: Mailbox, world: worlds.World) -> None:
    wants(world.lead, "bundled")
    comment(world, "Hello")
    deliver()
    unwatch(world.issue, world.lead, actor=world.lead.actor)
    db.session.commit()
    with later(11):
        deliver()
    assert mailbox.mails == []
    assert states() == ["skipped"]


def test_a_bundle_that_fails_says_the_same_on_every_attempt(mailbox: Mailbox, world: worlds.World) -> None:
    wants(world.lead, "bundled")
    comment(world, "First")
    comment(world, "Second")
    deliver()
    mailbox.answers[world.lead.email] = "450 not now"
    with later(11):
        deliver()
    assert sorted(states()) == ["failed", "pending"]
    comment(world, "Later than the bundle")
    del mailbox.answers[world.lead.email]
    with later(13):
        deliver()
    with later(30):
        deliver()
    [bundle] = [one for one in mailbox.mails if "First" in body(one)]
    [alone] = [one for one in mailbox.mails if one["Message-ID"] != bundle["Message-ID"]]
    assert "Second" in body(bundle)
    assert "Later than the bundle" not in body(bundle)
    assert "Later than the bundle" in body(alone)
    assert "Second" not in body(alone)
    assert states() == ["delivered"] * 3


def test_a_bundle_whose_receiver_is_refused_is_dead_with_all_that_was_in_it(
    mailbox: Mailbox, world: worlds.World
) -> None:
    wants(world.lead, "bundled")
    comment(world, "First")
    comment(world, "Second")
    deliver()
    mailbox.answers[world.lead.email] = "550 nobody here"
    with later(11):
        deliver()
    with later(13):
        deliver()
    assert states() == ["dead", "dead"]
    assert mailbox.mails == []


def test_a_worker_that_dies_while_sending_a_bundle_sends_the_same_again_and_marks_it(
    mailbox: Mailbox, world: worlds.World
) -> None:
    """The target was begun and never ended: as after `kill -9` in the middle of the exchange."""
    wants(world.lead, "bundled")
    comment(world, "First")
    comment(world, "Second")
    deliver()
    with later(11):
        [claim, *_] = claim_due("mail", [MAIL], limit=2, by=taking_name())
        target = targets(row(MAIL, "commented"))  # the second waits; the first was under way
        assert target
        db.session.execute(
            db.update(type(next(iter(target.values()))))
            .where(db.text("delivery_id = :one"))
            .values(state="processing"),
            {"one": claim.id},
        )
        db.session.commit()
    with later(13):
        deliver()
    with later(15):
        deliver()
    [mail] = mailbox.mails
    assert "First" in body(mail)
    assert "Second" in body(mail)
    assert states() == ["delivered"] * 2
    assert "may have been sent twice" in str(targets(rows(MAIL, "commented")[0])[str(world.lead.id)].reason)
