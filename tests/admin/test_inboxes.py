"""Admin > Inboxes, Deliveries and Outgoing mail: for administrators alone, with figures that are true."""

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import db
from app.events.event import Event
from app.inboxes.setting import switched_off
from app.issues.comment import add_comment
from app.issues.subscription import watch
from app.notifications.notification import Notification
from app.notifications.outgoing_mail import OutgoingMail
from tests.support import world as worlds
from tests.support.deliveries import deliver, make_due, refused_by_database, row, rows, writes_again
from tests.support.web import Browser, browser_of, words
from tests.support.world import said


@pytest.fixture
def admin(app: Flask, world: worlds.World) -> Browser:
    root = worlds.person("Root", admin=True)
    db.session.commit()
    deliver()
    return browser_of(app, root)


@pytest.fixture
def broken(admin: Browser, world: worlds.World) -> worlds.World:
    """A comment whose notification failed for good."""
    with refused_by_database("notifications"):
        add_comment(world.issue, said("Hello"), author=world.member, actor=world.member.actor)
        db.session.commit()
        for _ in range(8):
            make_due()
            deliver()
    assert row("in_app_notifications", "commented").state == "dead"
    return world


PAGES = ("/admin/inboxes", "/admin/deliveries", "/admin/mail", "/admin/mail/1")
ACTS = (
    "/admin/inboxes/email_notifications",
    "/admin/deliveries/retry",
    "/admin/deliveries/discard",
    "/admin/deliveries/1/retry",
    "/admin/deliveries/1/discard",
)


def test_for_others_none_of_this_exists(app: Flask, world: worlds.World) -> None:
    browser = browser_of(app, world.lead)
    before = len(rows())
    for path in PAGES:
        assert browser.get(path).status_code == 404
    for path in ACTS:
        assert browser.post(path, {"state": "dead"}).status_code == 404
    writes_again()
    assert not switched_off()
    assert len(rows()) == before


def test_an_inbox_is_switched_off_and_on_and_the_act_is_recorded(admin: Browser) -> None:
    admin.post("/admin/inboxes/email_notifications", {})
    assert "Email is off" in words(admin.get("/admin/inboxes"))
    writes_again()
    assert switched_off() == {"email_notifications"}
    admin.post("/admin/inboxes/email_notifications", {"enabled": "1"})
    writes_again()
    assert switched_off() == set()
    done = db.session.scalars(select(Event.action).where(Event.action.like("inbox_%")).order_by(Event.id))
    assert list(done) == ["inbox_disabled", "inbox_enabled"]
    assert admin.post("/admin/inboxes/nothing", {}).status_code == 404


def test_the_figures_are_those_of_the_ledger(admin: Browser, broken: worlds.World) -> None:
    page = words(admin.get("/admin/inboxes"))
    assert "Failed for good 1 need you" in page
    assert "Last error:" in page
    assert "the disk is sad" in page
    assert "INSERT INTO" not in page
    assert "Otis commented on ORC-1" in page
    delivered = [one for one in rows("live_updates") if one.state == "delivered"]
    assert f"{len(delivered)} delivered 0 skipped 0 failed" in page


def test_retry_sends_what_failed_for_good_and_is_recorded(admin: Browser, broken: worlds.World) -> None:
    admin.post("/admin/deliveries/retry", {"state": "dead", "inbox": "in_app_notifications"})
    assert "1 delivery sent again" in words(admin.get("/admin/inboxes"))
    deliver()
    one = row("in_app_notifications", "commented")
    assert (one.state, one.attempts) == ("delivered", 1)
    assert len(db.session.scalars(select(Notification)).all()) == 1
    assert db.session.scalar(select(Event.action).where(Event.action == "delivery_retried"))


def test_one_is_given_up_and_can_still_be_sent_again(admin: Browser, broken: worlds.World) -> None:
    dead = row("in_app_notifications", "commented").id
    assert admin.post(f"/admin/deliveries/{dead}/discard").status_code == 303
    writes_again()
    assert row("in_app_notifications", "commented").state == "discarded"
    assert row("in_app_notifications", "commented").reason == "given up by Root"
    assert admin.post(f"/admin/deliveries/{dead}/discard").status_code == 409
    assert admin.post(f"/admin/deliveries/{dead}/retry").status_code == 303
    deliver()
    assert row("in_app_notifications", "commented").state == "delivered"
    assert admin.post(f"/admin/deliveries/{dead}/retry").status_code == 409
    assert admin.post("/admin/deliveries/999999/retry").status_code == 404


def test_what_an_inbox_missed_while_it_was_off_can_be_sent(admin: Browser, world: worlds.World) -> None:
    admin.post("/admin/inboxes/in_app_notifications", {})
    writes_again()
    add_comment(world.issue, said("Hello"), author=world.member, actor=world.member.actor)
    db.session.commit()
    admin.post("/admin/inboxes/in_app_notifications", {"enabled": "1"})
    assert "Send 1 missed" in words(admin.get("/admin/inboxes"))
    admin.post("/admin/deliveries/retry", {"state": "skipped", "inbox": "in_app_notifications"})
    deliver()
    assert row("in_app_notifications", "commented").state == "delivered"
    others = [one for one in rows("in_app_notifications") if one.reason == "nobody else is watching"]
    assert others
    assert {one.state for one in others} == {"skipped"}


def test_a_state_or_an_inbox_there_is_not_is_refused(admin: Browser, broken: worlds.World) -> None:
    for fields in ({"state": "delivered"}, {"state": "x"}, {"state": "dead", "inbox": "x"}, {}):
        assert admin.post("/admin/deliveries/retry", fields).status_code == 422
    writes_again()
    assert row("in_app_notifications", "commented").state == "dead"


def test_deliveries_are_listed_by_state_and_inbox(admin: Browser, broken: worlds.World) -> None:
    assert "Otis commented on ORC-1" in words(admin.get("/admin/deliveries?state=dead"))
    assert "No such delivery" in words(admin.get("/admin/deliveries?state=held"))
    assert "Otis commented" not in words(admin.get("/admin/deliveries?state=dead&inbox=live_updates"))
    assert admin.get("/admin/deliveries?state=%27&inbox=x&cursor=").status_code == 200
    assert admin.get("/admin/deliveries?cursor=abc").status_code == 422


def test_mails_that_were_kept_can_be_read(admin: Browser, world: worlds.World) -> None:
    assert "No mails yet" in words(admin.get("/admin/mail"))
    watch(world.issue, world.member, actor=world.member.actor)
    add_comment(world.issue, said("<b>Hello</b>"), author=world.lead, actor=world.actor)
    db.session.commit()
    deliver()
    assert "Re: [ORC-1] Card payments fail" in words(admin.get("/admin/mail"))
    mail = db.session.scalar(select(OutgoingMail.id))
    page = admin.get(f"/admin/mail/{mail}")
    assert "&lt;b&gt;Hello&lt;/b&gt;" in page.text
    assert admin.get("/admin/mail/99999").status_code == 404


def test_commands_retry_and_sweep(app: Flask, broken: worlds.World) -> None:
    run = app.test_cli_runner().invoke
    refused = run(args=["deliveries", "retry", "--inbox", "nothing", "--state", "dead"])
    assert refused.exit_code == 1
    assert "There is no inbox nothing" in refused.output
    later = run(
        args=[
            "deliveries",
            "retry",
            "--inbox",
            "in_app_notifications",
            "--state",
            "dead",
            "--since",
            "2999-01-01",
        ]
    )
    assert "0 deliveries of in_app_notifications sent again" in later.output
    done = run(args=["deliveries", "retry", "--inbox", "in_app_notifications", "--state", "dead"])
    assert "1 delivery of in_app_notifications sent again" in done.output
    assert "events" in run(args=["events", "sweep"]).output
    writes_again()
    assert row("in_app_notifications", "commented").state == "pending"


def test_mails_are_switched_off_in_ones_own_settings(app: Flask, world: worlds.World) -> None:
    browser = browser_of(app, world.member)
    assert "Mail me as well" in words(browser.get("/settings/notifications"))
    browser.post("/settings/notifications", {})
    assert "Mails are off" in words(browser.get("/settings/notifications"))
    writes_again()
    db.session.refresh(world.member)
    assert world.member.mails is False
    assert browser_of(app).get("/settings/notifications").status_code == 303
