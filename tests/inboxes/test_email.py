"""Mail, against a real SMTP server: who gets it, what it says, and what every answer of the server means."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, text

from app import clock
from app.db import begin_write, db
from app.inboxes.claiming import LostLease, claim_due
from app.inboxes.email_notifications import EmailNotifications
from app.inboxes.outside import run
from app.inboxes.runner import load_happenings
from app.issues.assignment import assign
from app.issues.comment import add_comment, delete_comment
from app.issues.subscription import unwatch, watch
from app.issues.workflow import change_status
from app.notifications.outgoing_mail import OutgoingMail
from app.projects.membership import add_member, remove_member
from tests.support import world as worlds
from tests.support.deliveries import deliver, make_due, row, targets, writes_again
from tests.support.smtp import Mailbox, free_port, mail_server
from tests.support.world import said


def use(app: Flask, **changes: object) -> None:
    app.extensions["settings"] = dataclasses.replace(app.extensions["settings"], **changes)  # type: ignore[arg-type]


@pytest.fixture
def mailbox(context: Flask) -> Iterator[Mailbox]:
    with mail_server() as box:
        use(context, smtp_url=box.url, base_url="https://tidings.example.org")
        yield box


def comment(world: worlds.World, words: str = "Does it happen with house numbers too?") -> None:
    add_comment(world.issue, said(words, world.lead), author=world.member, actor=world.member.actor)
    db.session.commit()


def body(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n")


def without_guard(table: str) -> None:
    """Let the test write what the product would refuse at the edge."""
    on = f" ON {table}" if db.engine.dialect.name == "postgresql" else ""
    db.session.execute(text(f"DROP TRIGGER {table}_need_event{on}"))


def outgoing() -> list[OutgoingMail]:
    return list(db.session.scalars(select(OutgoingMail).order_by(OutgoingMail.id)))


def test_a_comment_is_mailed_to_who_watches_and_not_to_its_author(
    mailbox: Mailbox, world: worlds.World
) -> None:
    comment(world)
    deliver()
    assert mailbox.receivers == [world.lead.email]
    [kept] = outgoing()
    assert (kept.state, kept.address, kept.issue_id) == ("sent", world.lead.email, world.issue.id)
    one = row("email_notifications", "commented")
    assert (one.state, one.reason) == ("delivered", "mailed to 1 person")
    assert targets(one)[str(world.lead.id)].reason == "handed to 127.0.0.1"


def test_the_mail_says_what_happened_why_one_gets_it_and_how_to_leave(
    mailbox: Mailbox, world: worlds.World
) -> None:
    comment(world)
    deliver()
    [mail] = mailbox.mails
    words = body(mail)
    html = body(mail, "html")
    assert words.startswith("Otis commented on ORC-1\nORC-1 Card payments fail\n")
    assert "Does it happen with house numbers too?" in words
    assert "You get this because you were mentioned." in words
    assert "https://tidings.example.org/issues/ORC-1#event-2" in words
    assert "https://tidings.example.org/settings/notifications" in words
    assert "<b>Otis</b> commented on ORC-1" in html
    assert "<p>Does it happen with house numbers too?</p>" in html


def test_the_headers_thread_the_issue_and_let_one_leave_with_one_click(
    mailbox: Mailbox, world: worlds.World
) -> None:
    comment(world)
    change_status(world.issue, "start", actor=world.member.actor)
    db.session.commit()
    deliver()
    first, second = mailbox.mails
    assert first["Subject"] == second["Subject"] == "Re: [ORC-1] Card payments fail"
    assert first["References"] == first["In-Reply-To"] == second["References"]
    assert first["References"] == f"<issue.{world.issue.id}@tidings.example.org>"
    assert first["Message-ID"] != second["Message-ID"]
    assert first["Message-ID"].endswith(f".email_notifications.{world.lead.id}@tidings.example.org>")
    assert first["From"].addresses[0].display_name == "Otis via Tidings"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Precedence"] == "list"
    assert first["List-Id"] == "<orc.tidings.example.org>"
    assert first["List-Unsubscribe"].startswith("<https://tidings.example.org/unsubscribe/")
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_first_mail_of_an_issue_is_no_reply(mailbox: Mailbox, world: worlds.World) -> None:
    deliver()
    worlds.issue(world.project, world.lead, title="New one", assignees=(world.member,))
    db.session.commit()
    deliver()
    [mail] = mailbox.mails
    assert mail["Subject"] == "[ORC-2] New one"
    assert "because it is assigned to you" in body(mail, "plain")


HOSTILE = [
    "Bcc: all@example.org",
    "Ann\r\nBcc: all@example.org",
    "Ann\nBcc: all@example.org\n\n<script>",
    'Ann" <evil@example.org>, "',
    "ann@evil.example.org, Bob",
    "=?utf-8?q?Ann=0D=0ABcc=3A_all=40example=2Eorg?=",
    "Änne “Quote” \u202egro.live\u202c \u2028 Bcc: x",
    "\u00e4" * 80,
    "🦔 " * 26,
    "\x00\x07\x1b[31mred",
]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("where", ["actor", "receiver", "title"])
def test_nothing_a_person_writes_makes_a_header(
    mailbox: Mailbox, world: worlds.World, where: str, hostile: str
) -> None:
    if db.engine.dialect.name == "postgresql":
        hostile = hostile.replace("\x00", "")
    without_guard("issues" if where == "title" else "users")
    thing = {"actor": world.member, "receiver": world.lead, "title": world.issue}[where]
    setattr(thing, "title" if where == "title" else "name", hostile)
    db.session.commit()

    comment(world)
    deliver()

    [mail], [raw] = mailbox.mails, mailbox.raw
    assert mailbox.receivers == [world.lead.email]
    assert [one.addr_spec for one in mail["To"].addresses] == [world.lead.email]
    assert len(mail["From"].addresses) == 1
    assert mail["From"].addresses[0].addr_spec.startswith("tidings@")
    assert mail["Bcc"] is None
    assert not mail.defects
    head = raw.split(b"\r\n\r\n", 1)[0]
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert len(names) == len(set(names)) == 15
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))


def test_people_without_an_address_or_who_want_none_or_are_unclaimed_get_no_mail(
    mailbox: Mailbox, world: worlds.World
) -> None:
    deliver()
    without_guard("users")
    quiet, nowhere, imported = (
        worlds.person("Quiet"),
        worlds.person("Nowhere"),
        worlds.person("Imp", password_hash=None),
    )
    quiet.mails = False
    nowhere.email = None
    for person in (quiet, nowhere, imported):
        add_member(world.project, person, role="member", actor=world.actor)
        watch(world.issue, person, actor=person.actor)
    unwatch(world.issue, world.lead, actor=world.actor)
    db.session.commit()
    add_comment(world.issue, said("Hello"), author=world.member, actor=world.member.actor)
    db.session.commit()
    deliver()
    assert mailbox.receivers == []
    one = row("email_notifications", "commented")
    assert (one.state, one.reason) == ("skipped", "nobody who watches wants mails")


def test_who_lost_access_between_the_event_and_the_mail_gets_none(
    mailbox: Mailbox, world: worlds.World
) -> None:
    assign(world.issue, [world.member], actor=world.actor)
    db.session.commit()
    remove_member(world.project, world.member, actor=world.actor)
    db.session.commit()
    deliver()
    assert mailbox.receivers == []
    assert row("email_notifications", "assigned").reason == "nobody else is watching"


def test_a_comment_that_was_removed_meanwhile_is_not_mailed(mailbox: Mailbox, world: worlds.World) -> None:
    written = add_comment(
        world.issue, said("My password is 1234", world.lead), author=world.member, actor=world.member.actor
    )
    db.session.commit()
    delete_comment(world.issue, written, author=world.member.ref, actor=world.member.actor)
    db.session.commit()
    deliver()
    assert mailbox.raw == []
    assert row("email_notifications", "commented").reason == "the comment was removed"


def test_a_server_that_asks_to_come_back_is_asked_again_for_that_person_only(
    mailbox: Mailbox, world: worlds.World
) -> None:
    deliver()
    watch(world.issue, world.member, actor=world.member.actor)
    third = worlds.person("Third")
    add_member(world.project, third, role="member", actor=world.actor)
    mailbox.answers[world.lead.email or ""] = "450 4.2.1 mailbox busy"
    add_comment(world.issue, said("Hello"), author=third, actor=third.actor)
    db.session.commit()
    deliver()

    one = row("email_notifications", "commented")
    assert (one.state, one.attempts) == ("failed", 1)
    assert one.last_error == f"{world.lead.email}: 450 4.2.1 mailbox busy"
    assert one.next_attempt_at is not None
    assert 48 <= (one.next_attempt_at - clock.now()).total_seconds() <= 72
    assert mailbox.receivers == [world.member.email]
    first_id = mailbox.mails[0]["Message-ID"]

    mailbox.answers.clear()
    make_due("email_notifications")
    deliver()
    assert mailbox.receivers == [world.member.email, world.lead.email]
    assert row("email_notifications", "commented").state == "delivered"
    assert len({first_id, mailbox.mails[1]["Message-ID"]}) == 2


def test_an_address_that_does_not_exist_dies_alone_and_is_not_tried_again(
    mailbox: Mailbox, world: worlds.World
) -> None:
    deliver()
    watch(world.issue, world.member, actor=world.member.actor)
    third = worlds.person("Third")
    add_member(world.project, third, role="member", actor=world.actor)
    mailbox.answers[world.lead.email or ""] = "550 5.1.1 no such user"
    add_comment(world.issue, said("Hello"), author=third, actor=third.actor)
    db.session.commit()
    deliver()

    one = row("email_notifications", "commented")
    assert (one.state, one.reason) == ("delivered", "mailed to 2 people, 1 of them could not be reached")
    assert one.last_error == f"{world.lead.email}: 550 5.1.1 no such user"
    assert {name: at.state for name, at in targets(one).items()} == {
        str(world.lead.id): "dead",
        str(world.member.id): "delivered",
    }
    assert mailbox.receivers == [world.member.email]


def test_when_nobody_can_be_reached_the_delivery_is_dead(mailbox: Mailbox, world: worlds.World) -> None:
    mailbox.answers[world.lead.email or ""] = "550 5.1.1 no such user"
    comment(world)
    deliver()
    assert row("email_notifications", "commented").state == "dead"


def test_a_refusal_after_the_text_was_given_is_final_too(mailbox: Mailbox, world: worlds.World) -> None:
    mailbox.data_answer = "554 5.7.1 looks like spam"
    comment(world)
    deliver()
    one = row("email_notifications", "commented")
    assert (one.state, one.last_error) == ("dead", f"{world.lead.email}: 554 5.7.1 looks like spam")


def test_while_the_server_is_down_mails_wait_and_arrive_once(context: Flask, world: worlds.World) -> None:
    port = free_port()
    use(context, smtp_url=f"smtp://127.0.0.1:{port}")
    comment(world)
    deliver()
    assert row("email_notifications", "commented").state == "failed"
    assert outgoing() == []

    with mail_server(port) as box:
        for _ in range(2):
            make_due("email_notifications")
            deliver()
    assert box.receivers == [world.lead.email]
    assert len(outgoing()) == 1
    assert row("email_notifications", "commented").state == "delivered"


def test_after_six_attempts_over_half_a_day_the_mail_is_dead(context: Flask, world: worlds.World) -> None:
    use(context, smtp_url=f"smtp://127.0.0.1:{free_port()}")
    comment(world)
    for _ in range(EmailNotifications.attempts_allowed()):
        make_due("email_notifications")
        deliver("mail")
    one = row("email_notifications", "commented")
    assert (one.state, one.attempts) == ("dead", 6)
    assert [at.state for at in targets(one).values()] == ["dead"]
    assert sum(EmailNotifications.backoff, timedelta()) > timedelta(hours=10)


def test_a_worker_that_dies_between_sending_and_marking_repeats_that_one_mail_under_the_same_id(
    mailbox: Mailbox, world: worlds.World
) -> None:
    """Lead is marked; the worker dies after member's mail was taken: only member's comes again, same id."""
    deliver()
    watch(world.issue, world.member, actor=world.member.actor)
    third = worlds.person("Third")
    add_member(world.project, third, role="member", actor=world.actor)
    add_comment(world.issue, said("Hello"), author=third, actor=third.actor)
    db.session.commit()
    deliver("events")
    died = clock.now()
    begin_write()
    [claim] = [
        one
        for one in claim_due("mail", ["email_notifications"], limit=50, by="tests")
        if one.event_id == row("email_notifications", "commented").event_id
    ]
    db.session.commit()
    inbox = EmailNotifications(load_happenings([claim.event_id])[claim.event_id])
    to_lead, to_member = inbox.plan()
    EmailNotifications.send(to_lead)
    db.session.rollback()

    with time_machine.travel(died + timedelta(seconds=31)):
        deliver("mail")

    assert mailbox.receivers == [world.lead.email, world.lead.email, world.member.email]
    assert mailbox.mails[0]["Message-ID"] == mailbox.mails[1]["Message-ID"]
    assert len(outgoing()) == 2
    assert row("email_notifications", "commented").state == "delivered"


def test_a_worker_that_lost_its_lease_sends_nothing_more(mailbox: Mailbox, world: worlds.World) -> None:
    comment(world)
    deliver("events")
    [late] = claim_due("mail", ["email_notifications"], limit=1, by="late")
    while late.event_id != row("email_notifications", "commented").event_id:
        [late] = claim_due("mail", ["email_notifications"], limit=1, by="late")
    db.session.commit()
    with time_machine.travel(clock.now() + timedelta(seconds=31)):
        deliver("mail")
        assert mailbox.receivers == [world.lead.email]
        with pytest.raises(LostLease):
            run(late, load=load_happenings)
        writes_again()
    assert mailbox.receivers == [world.lead.email]
    assert row("email_notifications", "commented").state == "delivered"


def test_without_a_mail_server_mails_are_kept(context: Flask, world: worlds.World) -> None:
    comment(world)
    deliver()
    [kept] = outgoing()
    assert (kept.state, kept.subject) == ("kept", "Re: [ORC-1] Card payments fail")
    assert "Does it happen with house numbers too?" in kept.text
    assert targets(row("email_notifications", "commented"))[str(world.lead.id)].reason == (
        "kept: no mail server is set"
    )


def test_an_address_that_is_none_is_not_tried(mailbox: Mailbox, world: worlds.World) -> None:
    without_guard("users")
    world.lead.email = "lead@example.org>\r\nRCPT TO:<evil@example.org"
    db.session.commit()
    comment(world)
    deliver()
    assert mailbox.receivers == []
    assert row("email_notifications", "commented").state == "dead"


def test_relative_links_in_a_comment_lead_to_the_product(mailbox: Mailbox, world: worlds.World) -> None:
    written = said("see", world.lead)
    linked = dataclasses.replace(
        written, html='<p><a href="/issues/ORC-1">ORC-1</a> <a href="//x.org">x</a></p>'
    )
    add_comment(world.issue, linked, author=world.member, actor=world.member.actor)
    db.session.commit()
    deliver()
    html = body(mailbox.mails[0], "html")
    assert 'href="https://tidings.example.org/issues/ORC-1"' in html
    assert 'href="//x.org"' in html
