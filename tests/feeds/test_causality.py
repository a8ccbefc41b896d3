"""Causes and consequences: on the page of an event and under the lines of a feed."""

import pytest
from flask import Flask
from sqlalchemy import select

from app.context import caused_by
from app.db import db
from app.events.batch import batch
from app.events.event import Actor, Event, EventContext
from app.feeds import consequences
from app.inboxes.audience import audience
from app.inboxes.email_notifications import MAILED_NAMES
from app.inboxes.ledger import postings_of
from app.inboxes.recipients import recipients
from app.inboxes.runner import consequence_of, load_happenings
from app.issues.assignment import assign
from app.issues.comment import add_comment
from app.issues.editing import prioritise, retitle
from app.issues.subscription import unwatch, watch
from app.issues.visit import note_visit
from app.issues.workflow import change_status
from app.notifications.notification import Notification
from app.projects.membership import add_member, remove_member
from tests.support import world as worlds
from tests.support.deliveries import deliver
from tests.support.web import browser_of, words
from tests.support.world import said

RULE = Actor("rule", ref="1")


def newest(action: str) -> Event:
    return db.session.scalars(select(Event).where(Event.action == action).order_by(Event.id.desc())).first()  # type: ignore[return-value]


@pytest.fixture
def chain(world: worlds.World) -> worlds.World:
    """A move that led to a new priority, that led to a new title, that led to an assignment, that led to a comment."""
    change_status(world.issue, "start", actor=world.actor)
    for action, act in (
        ("status_changed", lambda: prioritise(world.issue, "urgent", actor=RULE)),
        ("priority_changed", lambda: retitle(world.issue, "On fire", actor=RULE)),
        ("title_changed", lambda: assign(world.issue, [world.member], actor=RULE)),
    ):
        with caused_by(**consequence_of(newest(action))):
            act()
    db.session.commit()
    return world


def test_the_page_tells_the_tree_below_and_the_chain_above(app: Flask, chain: worlds.World) -> None:
    browser = browser_of(app, chain.lead)
    page = browser.get(f"/events/{newest('status_changed').uid}")
    tree = words(page).partition("Because of this")[2]
    places = [tree.index(word) for word in ("priority", "On fire", "Otis")]
    assert places == sorted(places)
    assert page.text.count('class="tree"') == 3
    above = words(browser.get(f"/events/{newest('assigned').uid}"))
    assert "Step 3 after the first" in above
    because = above.partition("Because of")[2].partition("Because of this")[0]
    assert [because.index(word) for word in ("On fire", "priority", "Rowan")] == sorted(
        because.index(word) for word in ("On fire", "priority", "Rowan")
    )
    assert "Nothing followed by itself" in above


def test_consequences_hang_under_their_cause_and_deeper_ones_are_a_number(
    app: Flask, chain: worlds.World
) -> None:
    page = browser_of(app, chain.lead).get("/issues/ORC-1").text
    assert page.count('class="caused"') == 2
    assert "and 1 more step" in page
    for action in ("status_changed", "priority_changed", "title_changed"):
        assert f'id="event-{newest(action).seq}"' in page
    for path in ("/", "/projects/ORC/activity"):
        assert browser_of(app, chain.lead).get(path).text.count('class="caused"') == 2


def test_a_consequence_whose_cause_stands_elsewhere_says_what_it_was(app: Flask, world: worlds.World) -> None:
    other = worlds.issue(world.project, world.lead, title="The other")
    change_status(world.issue, "close", actor=world.actor)
    with caused_by(**consequence_of(newest("closed"))):
        change_status(other, "close", actor=RULE)
    db.session.commit()
    page = words(browser_of(app, world.lead).get("/issues/ORC-2"))
    assert "because Rowan" in page
    assert "ORC-1" in page


def test_what_may_not_be_seen_is_neither_cause_nor_consequence(app: Flask, world: worlds.World) -> None:
    secret = worlds.project(world.lead, key="SEC", name="Secret")
    hidden = worlds.issue(secret, world.lead, title="Hush")
    change_status(hidden, "close", actor=world.actor)
    with caused_by(**consequence_of(newest("closed"))):
        change_status(world.issue, "start", actor=RULE)
    with caused_by(**consequence_of(newest("status_changed"))):
        change_status(hidden, "reopen", actor=RULE)
    db.session.commit()
    browser = browser_of(app, world.member)
    for path in ("/issues/ORC-1", f"/events/{newest('status_changed').uid}"):
        page = words(browser.get(path))
        assert "SEC-1" not in page
        assert "Hush" not in page
    assert "SEC-1" in words(browser_of(app, world.lead).get("/issues/ORC-1"))


def test_a_tree_ends_at_a_number_and_says_how_many_more(
    app: Flask, world: worlds.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_status(world.issue, "start", actor=world.actor)
    with caused_by(**consequence_of(newest("status_changed"))):
        for number in range(5):
            retitle(world.issue, f"Title {number}", actor=RULE)
    db.session.commit()
    monkeypatch.setattr(consequences, "MOST", 3)
    page = words(browser_of(app, world.lead).get(f"/events/{newest('status_changed').uid}"))
    assert "And 2 more." in page
    assert "Title 2" in page
    assert "Title 4" not in page.partition("Because of this")[2]


def test_it_says_of_each_watcher_whether_they_were_told_and_why(app: Flask, world: worlds.World) -> None:
    names = ("Told", "Nomail", "Muted", "Gone", "Outside")
    people = {name: worlds.person(name) for name in names}
    for person in people.values():
        add_member(world.project, person, role="member", actor=world.actor)
        watch(world.issue, person, actor=person.actor)
    people["Nomail"].mails = False
    unwatch(world.issue, people["Muted"], actor=people["Muted"].actor)
    remove_member(world.project, people["Outside"], actor=world.actor)
    db.session.commit()
    add_comment(world.issue, said("Hello"), author=world.lead, actor=world.actor)
    db.session.commit()
    deliver()
    event = newest("commented")
    happening = load_happenings([event.id])[event.id]
    told = {one.name: one for one in audience(happening, postings_of(event.id)).people}
    assert {one.user.name for one in recipients(happening, MAILED_NAMES)} == {
        name for name, one in told.items() if one.told
    }
    assert told["Told"].ways == "in the product and by mail"
    assert told["Told"].why == "watches it"
    assert told["Nomail"].why.endswith("wants no mails")
    assert told["Muted"].why == "has muted the issue"
    assert told["Outside"].why == "may not see the project"
    assert told["Rowan"].why == "did it"
    page = words(browser_of(app, world.lead).get(f"/events/{event.uid}"))
    assert "Has muted the issue" in page
    mine = words(browser_of(app, people["Told"]).get(f"/events/{event.uid}"))
    assert "Were you told?" in mine
    assert "Muted" not in mine


def test_the_door_and_the_request_are_kept_beside_the_event(app: Flask, world: worlds.World) -> None:
    browser = browser_of(app, world.lead)
    browser.post("/issues/ORC-1/status", {"step": "start"}, headers={"X-Request-Id": "request-12345"})
    event = newest("status_changed")
    context = db.session.get_one(EventContext, event.id)
    assert (context.via, context.request_id) == ("web", "request-12345")
    page = words(browser.get(f"/events/{event.uid}"))
    assert "From The web pages" in page
    assert "request-12345" in page
    assert "request-12345" not in words(browser_of(app, world.member).get(f"/events/{event.uid}"))


def test_a_bulk_act_is_named_on_each_of_its_events(app: Flask, world: worlds.World) -> None:
    other = worlds.issue(world.project, world.lead, title="The other")
    with batch("Started 2 issues") as batch_id:
        change_status(world.issue, "start", actor=world.actor)
        change_status(other, "start", actor=world.actor)
    retitle(other, "Alone", actor=world.actor)
    db.session.commit()
    assert newest("status_changed").batch_id == batch_id
    assert newest("title_changed").batch_id is None
    page = words(browser_of(app, world.lead).get(f"/events/{newest('status_changed').uid}"))
    assert "Part of Started 2 issues, 2 events" in page
    feed = words(browser_of(app, world.lead).get("/projects/ORC/activity"))
    assert feed.count("Rowan Started 2 issues Show each") == 1
    own = words(browser_of(app, world.lead).get("/issues/ORC-2"))
    assert "Open to In progress part of a bulk act with 1 other" in own


def test_what_is_done_quietly_is_recorded_and_nobody_is_told(app: Flask, world: worlds.World) -> None:
    watch(world.issue, world.member, actor=world.member.actor)
    db.session.commit()
    deliver()
    browser = browser_of(app, world.lead)
    assert 'name="quiet"' in browser.get("/issues/ORC-1/edit").text
    browser.post("/issues/ORC-1/status", {"step": "start", "quiet": "1"})
    event = newest("status_changed")
    assert event.quiet
    deliver()
    assert not db.session.scalars(select(Notification).where(Notification.event_id == event.id)).all()
    page = words(browser.get(f"/events/{event.uid}"))
    assert "It was done quietly" in page
    assert "started work" in words(browser.get("/issues/ORC-1"))
    browser.post("/issues/ORC-1/status", {"step": "resolve"})
    assert not newest("status_changed").quiet


def test_what_was_looked_at_is_shown_to_oneself_when_asked_for(app: Flask, world: worlds.World) -> None:
    note_visit(world.issue, world.member, seen_seq=1)
    db.session.commit()
    path = f"/people/{world.member.username}/activity"
    mine, others = browser_of(app, world.member), browser_of(app, world.lead)
    assert "looked at" not in words(mine.get(path)).replace("Looked at", "")
    assert "Looked at ORC-1" in words(mine.get(f"{path}?show=viewed")).replace("looked at", "Looked at")
    for page in (others.get(path), others.get(f"{path}?show=viewed")):
        assert "looked at" not in words(page).lower()
