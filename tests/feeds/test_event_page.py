"""The page of one event: who may read it, and what it says about where the event went."""

from flask import Flask
from sqlalchemy import select

from app.accounts.viewer import VISITOR
from app.db import db
from app.events.event import Event
from app.feeds.receipts import last_receipt
from app.issues.comment import add_comment
from app.issues.subscription import watch
from app.issues.workflow import change_status
from app.projects.membership import add_member
from tests.support import world as worlds
from tests.support.deliveries import deliver
from tests.support.web import browser_of, words
from tests.support.world import said


def newest(action: str) -> str:
    query = select(Event.uid).where(Event.action == action).order_by(Event.id.desc())
    uid = db.session.scalars(query).first()
    assert uid is not None
    return uid


def test_it_says_what_changed_and_where_it_went(app: Flask, world: worlds.World) -> None:
    watch(world.issue, world.member, actor=world.member.actor)
    change_status(world.issue, "resolve", actor=world.actor, reason="Fixed on staging")
    db.session.commit()
    deliver()
    page = words(browser_of(app, world.lead).get(f"/events/{newest('status_changed')}"))
    assert "status Open Resolved" in page
    assert "Fixed on staging" in page
    assert "In-app notifications" in page
    assert "told 1 person" in page
    assert "mailed to 1 person" in page
    assert f"{world.member.username}: delivered" in page


def test_others_than_leads_read_only_their_own_receipts(app: Flask, world: worlds.World) -> None:
    watch(world.issue, world.member, actor=world.member.actor)
    third = worlds.person("Third")
    add_member(world.project, third, role="member", actor=world.actor)
    watch(world.issue, third, actor=third.actor)
    add_comment(world.issue, said("Hello"), author=world.lead, actor=world.actor)
    db.session.commit()
    deliver()
    page = browser_of(app, world.member).get(f"/events/{newest('commented')}")
    assert f"{world.member.username}: delivered" in page.text
    assert third.username not in page.text


def test_who_may_not_see_the_issue_does_not_see_its_events(app: Flask, world: worlds.World) -> None:
    uid = newest("created")
    assert browser_of(app, world.lead).get(f"/events/{uid}").status_code == 200
    assert browser_of(app, world.stranger).get(f"/events/{uid}").status_code == 404
    assert browser_of(app).get(f"/events/{uid}").status_code == 404


def test_events_of_an_account_are_for_its_person_and_administrators(app: Flask, world: worlds.World) -> None:
    query = select(Event.uid).where(Event.user_id == world.member.id)
    uid = db.session.scalars(query).first()
    admin = worlds.person("Root", admin=True)
    db.session.commit()
    assert browser_of(app, world.member).get(f"/events/{uid}").status_code == 200
    assert browser_of(app, admin).get(f"/events/{uid}").status_code == 200
    assert browser_of(app, world.lead).get(f"/events/{uid}").status_code == 404


def test_there_is_no_event_by_any_other_name(app: Flask, world: worlds.World) -> None:
    for uid in ("1", "x", "00000000-0000-7000-8000-000000000000", "%27", "a" * 500):
        assert browser_of(app, world.lead).get(f"/events/{uid}").status_code == 404


def test_the_last_receipt_of_an_issue_is_of_its_last_shown_event(world: worlds.World) -> None:
    change_status(world.issue, "start", actor=world.actor)
    watch(world.issue, world.member, actor=world.member.actor)
    db.session.commit()
    lines = last_receipt(world.issue, VISITOR)
    assert lines is not None
    assert {(line.name, line.result) for line in lines} >= {
        ("Live updates", "Waiting"),
        ("In-app notifications", "Waiting"),
        ("Email", "Waiting"),
    }
    deliver()
    lines = last_receipt(world.issue, VISITOR) or []
    assert {line.tone for line in lines if line.name == "Live updates"} == {"good"}
