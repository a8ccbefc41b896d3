"""The page on which one chooses whether and when one is mailed."""

from flask import Flask
from sqlalchemy import select

from app.accounts.user import User
from app.db import db
from app.events.event import Event
from tests.support.web import browser_of, claimed

FIELDS = {"mails": "y", "mail_pace": "bundled", "quiet_from": "22:00", "quiet_to": "07:30"}


def test_what_was_chosen_is_kept_shown_and_recorded(context: Flask) -> None:
    me = claimed("Ada")
    browser = browser_of(context, me)
    assert browser.post("/settings/notifications", FIELDS).status_code == 303
    db.session.refresh(me)
    assert (me.mail_pace, me.quiet_from, me.quiet_to) == ("bundled", 22 * 60, 7 * 60 + 30)
    page = browser.get("/settings/notifications").text
    assert 'value="22:00"' in page
    assert 'value="07:30"' in page
    changed = db.session.scalars(select(Event).where(Event.action == "preference_changed")).all()
    assert [event.facts["key"] for event in changed] == ["pace of mails", "quiet hours"]
    browser.post("/settings/notifications", {**FIELDS, "quiet_from": "", "quiet_to": ""})
    db.session.refresh(me)
    assert (me.quiet_from, me.quiet_to) == (None, None)


def test_half_of_the_quiet_hours_is_refused_at_its_field_and_changes_nothing(context: Flask) -> None:
    me = claimed("Ada")
    browser = browser_of(context, me)
    answer = browser.post("/settings/notifications", {**FIELDS, "quiet_to": ""})
    assert answer.status_code == 422
    assert "Give both, from when and until when it is quiet, or neither" in answer.text
    db.session.refresh(me)
    assert (me.mail_pace, me.quiet_from) == ("at_once", None)


def test_a_pace_that_is_none_is_refused(context: Flask) -> None:
    me = claimed("Ada")
    browser = browser_of(context, me)
    answer = browser.post("/settings/notifications", {**FIELDS, "mail_pace": "never"})
    assert answer.status_code == 422
    assert "Choose when you are mailed" in answer.text
    assert db.session.get(User, me.id, populate_existing=True).mail_pace == "at_once"
