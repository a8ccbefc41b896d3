"""What the mail server can do to us, one fault at a time: what is done, and what an administrator reads about it."""

import dataclasses
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock, mail, processes
from app.db import begin_write, db
from app.inboxes import outside
from app.inboxes.claiming import claim_due
from app.inboxes.delivery import Delivery, DeliveryTarget
from app.inboxes.runner import run_due
from app.issues.comment import add_comment
from app.issues.subscription import watch
from app.projects.membership import add_member, remove_member
from tests.support import world as worlds
from tests.support.deliveries import deliver, make_due, row, targets, writes_again
from tests.support.smtp import Mailbox, free_port, mail_server, rude_server
from tests.support.world import said

MAIL = "email_notifications"


def use(app: Flask, **changes: object) -> None:
    app.extensions["settings"] = dataclasses.replace(app.extensions["settings"], **changes)  # type: ignore[arg-type]


@pytest.fixture
def mailbox(context: Flask) -> Iterator[Mailbox]:
    with mail_server() as box:
        use(context, smtp_url=box.url)
        yield box


def comment(world: worlds.World, words: str = "Hello") -> None:
    add_comment(world.issue, said(words), author=world.member, actor=world.member.actor)
    db.session.commit()


def only(delivery: Delivery) -> DeliveryTarget:
    [one] = targets(delivery).values()
    return one


def wait_of(delivery: Delivery) -> float:
    assert delivery.next_attempt_at is not None
    return (delivery.next_attempt_at - clock.now()).total_seconds()


@pytest.mark.parametrize("answer", ["421 4.3.2 closing for tonight", "450 4.2.1 busy", "452 4.2.2 full"])
def test_who_asks_to_come_back_is_asked_again_after_a_minute(
    mailbox: Mailbox, world: worlds.World, answer: str
) -> None:
    mailbox.answers[world.lead.email or ""] = answer
    comment(world)
    deliver()
    one = row(MAIL, "commented")
    assert (one.state, one.last_error) == ("failed", f"{world.lead.email}: {answer}")
    assert 47 <= wait_of(one) <= 72
    assert row("in_app_notifications", "commented").state == "delivered"


@pytest.mark.parametrize(
    ("answer", "state"),
    [("552 5.2.2 mailbox full", "dead"), ("451 4.3.0 try again", "failed")],
)
def test_an_answer_after_the_text_counts_as_one_before_it(
    mailbox: Mailbox, world: worlds.World, answer: str, state: str
) -> None:
    mailbox.data_answer = answer
    comment(world)
    deliver()
    one = row(MAIL, "commented")
    assert (one.state, one.last_error) == (state, f"{world.lead.email}: {answer}")
    assert (only(one).state, only(one).doubts) == (state, 0)


def test_a_server_that_is_down_is_named_and_tried_again(context: Flask, world: worlds.World) -> None:
    use(context, smtp_url=f"smtp://127.0.0.1:{free_port()}")
    comment(world)
    deliver()
    one = row(MAIL, "commented")
    assert one.state == "failed"
    assert "Connection refused" in (one.last_error or "")
    assert 47 <= wait_of(one) <= 72
    assert row("in_app_notifications", "commented").state == "delivered"


def test_a_server_that_turns_us_away_at_the_door_is_tried_again(context: Flask, world: worlds.World) -> None:
    with rude_server(b"421 4.7.0 too many of you\r\n") as url:
        use(context, smtp_url=url)
        comment(world)
        deliver()
    one = row(MAIL, "commented")
    assert (one.state, one.last_error) == ("failed", f"{world.lead.email}: 421 4.7.0 too many of you")


def test_a_server_that_never_says_a_word_costs_one_timeout_and_no_other_inbox(
    context: Flask, world: worlds.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.2)
    with rude_server() as url:
        use(context, smtp_url=url)
        comment(world)
        deliver("events")
        assert row("in_app_notifications", "commented").state == "delivered"
        began = clock.monotonic()
        deliver("mail")
    assert clock.monotonic() - began < 5
    one = row(MAIL, "commented")
    assert one.state == "failed"
    assert f"{world.lead.email}: " in (one.last_error or "")
    assert "timed out" in (one.last_error or "")
    assert only(one).doubts == 0


def test_a_connection_that_breaks_before_the_answer_may_have_sent_and_says_so(
    mailbox: Mailbox, world: worlds.World
) -> None:
    mailbox.drops = 1
    comment(world)
    deliver()
    one = row(MAIL, "commented")
    assert one.state == "failed"
    assert "took the whole message and never said whether it keeps it" in (one.last_error or "")
    assert (only(one).reason, only(one).doubts) == ("may have been sent", 1)
    assert 47 <= wait_of(one) <= 72

    make_due(MAIL)
    deliver()
    one = row(MAIL, "commented")
    assert one.state == "delivered"
    assert (only(one).reason, only(one).doubts) == ("handed to 127.0.0.1, may have been sent twice", 1)
    assert mailbox.receivers == [world.lead.email, world.lead.email]
    assert mailbox.mails[0]["Message-ID"] == mailbox.mails[1]["Message-ID"]


def test_one_that_may_have_been_sent_and_then_fails_for_good_still_says_so(
    mailbox: Mailbox, world: worlds.World
) -> None:
    mailbox.drops = 1
    comment(world)
    deliver()
    mailbox.answers[world.lead.email or ""] = "550 5.1.1 gone"
    make_due(MAIL)
    deliver()
    one = row(MAIL, "commented")
    assert (one.state, only(one).state, only(one).reason) == ("dead", "dead", "may have been sent")


def three_watchers(world: worlds.World) -> None:
    """Lead, member and another one watch; a fourth acts."""
    deliver()
    for name in ("Third", "Acting"):
        person = worlds.person(name)
        add_member(world.project, person, role="member", actor=world.actor)
        if name == "Third":
            watch(world.issue, person, actor=person.actor)
    watch(world.issue, world.member, actor=world.member.actor)
    add_comment(world.issue, said("To three"), author=person, actor=person.actor)
    db.session.commit()
    deliver("events")


def test_a_mail_to_many_gives_way_to_other_events_after_its_slice_of_time(
    mailbox: Mailbox, world: worlds.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "SLICE_SECONDS", 0.0)
    three_watchers(world)
    other = worlds.issue(world.project, world.member, title="Another matter")
    watch(other, world.lead, actor=world.lead.actor)
    add_comment(other, said("To one"), author=world.member, actor=world.member.actor)
    db.session.commit()
    deliver()

    texts = [mail.get_body(("plain",)).get_content() for mail in mailbox.mails]  # type: ignore[union-attr]
    to_three = [number for number, text in enumerate(texts) if "To three" in text]
    [to_one] = [number for number, text in enumerate(texts) if "To one" in text]
    assert len(to_three) == 3
    assert to_three[0] < to_one < to_three[-1]
    first = row(MAIL, "commented")
    assert (first.state, first.attempts) == ("delivered", 1)
    assert {one.attempts for one in db.session.scalars(select(DeliveryTarget))} == {1}


def test_a_worker_that_is_to_stop_hands_the_rest_back_and_another_goes_on(
    mailbox: Mailbox, world: worlds.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_watchers(world)
    monkeypatch.setitem(processes._stop, "asked", True)
    begin_write()
    run_due("mail", by="one that stops")
    one = row(MAIL, "commented")
    assert (one.state, one.attempts, len(mailbox.raw)) == ("pending", 0, 1)
    assert sorted(at.state for at in targets(one).values()) == ["delivered", "pending", "pending"]

    monkeypatch.setitem(processes._stop, "asked", False)
    deliver()
    one = row(MAIL, "commented")
    assert (one.state, one.attempts, len(mailbox.raw)) == ("delivered", 1, 3)
    assert {at.doubts for at in targets(one).values()} == {0}


def test_one_that_was_under_way_when_its_worker_vanished_is_sent_again_and_marked(
    mailbox: Mailbox, world: worlds.World
) -> None:
    three_watchers(world)
    begin_write()
    [claim] = claim_due("mail", [MAIL], limit=1, by="one that vanishes")
    db.session.commit()
    begun = DeliveryTarget(delivery_id=claim.id, target=str(world.member.id), state="processing", attempts=0)
    db.session.add(begun)
    db.session.commit()
    make_due(MAIL)
    deliver()

    found = targets(row(MAIL, "commented"))
    assert found[str(world.member.id)].reason == "handed to 127.0.0.1, may have been sent twice"
    assert sorted(one.doubts for one in found.values()) == [0, 0, 1]


def test_who_is_removed_while_mails_wait_gets_none_of_them(mailbox: Mailbox, world: worlds.World) -> None:
    deliver()
    for number in range(5):
        add_comment(world.issue, said(f"{number}", world.lead), author=world.member, actor=world.member.actor)
    add_comment(world.issue, said("to the one who goes", world.member), author=world.lead, actor=world.actor)
    remove_member(world.project, world.member, actor=world.actor)
    db.session.commit()
    deliver()
    writes_again()
    assert set(mailbox.receivers) == {world.lead.email}
    assert row(MAIL, "commented").reason == "nobody else is watching"
