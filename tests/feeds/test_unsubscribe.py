"""The link at the end of every mail."""

from datetime import timedelta

import time_machine
from flask import Flask
from sqlalchemy import func, select

from app import clock
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
