"""The link at the end of every mail."""

from datetime import timedelta

import time_machine
from flask import Flask
from sqlalchemy import func, select

from app import clock
from app.accounts.stopping_mails import stop_token
from app.accounts.user import User
from app.db import db
from app.events.event import Event
from app.issues.subscription import Subscription
from app.issues.unsubscribing import unsubscribe_token
from tests.support import world as worlds
from tests.support.deliveries import writes_again
from tests.support.web import Browser, words


def muted(world: worlds.World) -> bool:
    writes_again()
    row = db.session.get(Subscription, (world.issue.id, world.lead.id), populate_existing=True)
    return bool(row and row.muted)


def link(world: worlds.World) -> str:
    return f"/unsubscribe/{unsubscribe_token(world.issue.id, world.lead.id)}"


def test_looking_changes_nothing(app: Flask, world: worlds.World) -> None:
    page = Browser(app).get(link(world))
    assert "Stop watching ORC-1?" in words(page)
    assert "Card payments" not in page.text
    assert not muted(world)


def test_one_click_from_the_mail_program_needs_no_cookie_and_no_form_token(
    app: Flask, world: worlds.World
) -> None:
    answer = app.test_client().post(link(world), data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert "You no longer watch ORC-1" in words(answer)
    assert muted(world)
    newest = db.session.scalars(select(Event).order_by(Event.id.desc())).first()
    assert newest is not None
    assert (newest.action, newest.actor_id) == ("unwatched", world.lead.id)


def test_a_second_time_changes_nothing(app: Flask, world: worlds.World) -> None:
    for _ in range(2):
        assert app.test_client().post(link(world)).status_code == 200
    writes_again()
    count = select(func.count()).select_from(Event).where(Event.action == "unwatched")
    assert db.session.scalar(count) == 1


def test_a_bad_or_an_old_link_gets_plain_words_and_changes_nothing(app: Flask, world: worlds.World) -> None:
    good = link(world)
    for path in (good[:-2], good + "x", "/unsubscribe/x", "/unsubscribe/WzEsMV0.aaaa.bbbb"):
        for ask in (app.test_client().get, app.test_client().post):
            answer = ask(path)
            assert answer.status_code == 404
            assert "This link does not work any more" in words(answer)
    with time_machine.travel(clock.now() + timedelta(days=181)):
        assert app.test_client().post(good).status_code == 404
    assert not muted(world)


def test_a_mail_about_several_issues_offers_to_end_all_mails_with_one_click(
    app: Flask, world: worlds.World
) -> None:
    path = f"/unsubscribe/mails/{stop_token(world.lead.id)}"
    assert "Stop all mails?" in words(Browser(app).get(path))
    writes_again()
    assert db.session.get_one(User, world.lead.id, populate_existing=True).mails
    for _ in range(2):
        answer = app.test_client().post(path, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert "Mails are off" in words(answer)
    writes_again()
    assert not db.session.get_one(User, world.lead.id, populate_existing=True).mails
    said = db.session.scalars(select(Event).where(Event.action == "preference_changed")).all()
    assert [(event.actor_id, event.user_id) for event in said] == [(world.lead.id, world.lead.id)]


def test_a_link_for_an_issue_ends_no_mails(app: Flask, world: worlds.World) -> None:
    token = unsubscribe_token(world.issue.id, world.lead.id)
    for bad in (token, stop_token(world.lead.id)[:-2], stop_token(99_999), "x"):
        assert app.test_client().post(f"/unsubscribe/mails/{bad}").status_code == 404
    good = stop_token(world.lead.id)
    with time_machine.travel(clock.now() + timedelta(days=181)):
        assert app.test_client().post(f"/unsubscribe/mails/{good}").status_code == 404
    writes_again()
    assert db.session.get_one(User, world.lead.id, populate_existing=True).mails
