"""A deleted issue is gone for everybody at every door, and all of it comes back."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app import clock
from app.accounts.erasing import erase
from app.accounts.erasure import go_on
from app.accounts.viewer import viewer_of
from app.db import db
from app.errors import Conflict
from app.events.event import Event, EventText
from app.events.queries import with_actions
from app.events.verifying import verify
from app.insights.figures import figures
from app.insights.span import Span
from app.issues.comment import add_comment
from app.issues.deletion import delete_issue, restore_issue
from app.issues.editing import retitle
from app.live import topics
from app.notifications.queries import unread_count
from tests.api.conftest import Program
from tests.issues.deletable import LID, TITLE, Scene, pages, shows
from tests.support import world as worlds
from tests.support.deliveries import deliver, row, rows
from tests.support.web import words
from tests.support.world import said

ADDRESSES = ("/issues/ORC-1", "/issues/ORC-1/feed?after=0", "/issues/ORC-1/feed?before=99")
SUB_PAGES = ("edit", "properties", "deletion", "comments/{}/edit")
VERBS = {
    "status": {"step": "start"},
    "assignees": {"add": "me"},
    "labels": {"remove": "steam"},
    "subscription": {"remove": "me"},
    "priority": {"priority": "high"},
    "properties": {"priority": "high"},
    "edit": {"title": "Other", "description": "x"},
    "visits?seq=1": {},
    "comments": {"body": "Still here?"},
    "comments/{}": {"body": "Better"},
    "comments/{}/removal": {},
    "external": {"add": "github"},
    "deletion": {},
}


def items(program: Program, path: str) -> list[dict[str, Any]]:
    answer = program.get(path).json
    assert answer is not None
    found: list[dict[str, Any]] = answer["items"]
    return found


@pytest.mark.parametrize("who", ["member", "stranger", "visitor"])
def test_no_page_shows_a_deleted_issue_and_every_page_shows_a_restored_one(scene: Scene, who: str) -> None:
    browser = scene.browser(who)
    before = {path: shows(browser, path) for path in pages(scene)}
    assert all(before[path] for path in ADDRESSES)
    assert who != "member" or all(before.values()), [path for path, there in before.items() if not there]

    scene.delete()
    assert [path for path in pages(scene) if shows(browser, path)] == []
    for path in (*ADDRESSES, *(f"/events/{uid}" for uid in scene.uids)):
        assert browser.get(path).status_code == 404, path
    assert "Kettle that stays" in words(browser.get("/projects/ORC/issues"))

    scene.restore()
    after = {path: shows(browser, path) for path in pages(scene)}
    assert after == before


def test_leads_are_told_in_feeds_and_find_it_nowhere_else(scene: Scene) -> None:
    browser = scene.browser("lead")
    scene.delete()
    for path in ("/", "/projects/ORC/activity", f"/people/{scene.world.lead.username}/activity"):
        page = words(browser.get(path))
        assert f"deleted ORC-1 {TITLE}" in page, path
        assert LID not in page
        assert 'href="/issues/ORC-1' not in browser.get(path).text, path
    quiet = [
        path
        for path in pages(scene)
        if not path.startswith("/events/") and path != "/" and "activity" not in path
    ]
    assert [path for path in quiet if shows(browser, path)] == []
    for uid in scene.uids:
        answer = browser.get(f"/events/{uid}")
        assert answer.status_code == 200
        assert "ORC-1 is deleted." in words(answer)
        assert 'href="/issues/ORC-1' not in answer.text

    scene.restore()
    assert "restored this" in words(browser.get("/projects/ORC/activity"))
    assert "deleted this" in words(browser.get("/issues/ORC-1"))


def test_an_open_page_is_loaded_anew_and_says_that_nothing_is_there(scene: Scene) -> None:
    browser = scene.browser("member")
    asks = {"HX-Request": "true", "HX-Request-Type": "partial"}
    assert "HX-Refresh" not in browser.get("/issues/ORC-1/feed?after=1", headers=asks).headers
    scene.delete()
    answer = browser.get("/issues/ORC-1/feed?after=1", headers=asks)
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")


def test_no_verb_reaches_a_deleted_issue(scene: Scene) -> None:
    scene.delete()
    seq = scene.again().event_seq
    for who in ("lead", "member"):
        browser = scene.browser(who)
        for name in SUB_PAGES:
            path = f"/issues/ORC-1/{name.format(scene.comment_id)}"
            assert browser.get(path).status_code == 404, path
        for name, fields in VERBS.items():
            path = f"/issues/ORC-1/{name.format(scene.comment_id)}"
            assert browser.post(path, fields).status_code == 404, path
    assert scene.again().event_seq == seq


@pytest.mark.parametrize("who", ["lead", "member"])
def test_programs_do_not_find_it_either(scene: Scene, who: str) -> None:
    program = scene.program(who)
    addresses = [
        "/issues/ORC-1",
        "/issues/ORC-1/events",
        "/issues/ORC-1/comments",
        "/issues/ORC-1/subscription",
    ]
    lists = ["/projects/ORC/issues", "/events?limit=100", "/events?project=ORC&limit=100"]
    events = [f"/events/{uid}{more}" for uid in scene.uids for more in ("", "/deliveries")]
    for path in (*addresses, *events):
        assert program.get(path).status_code == 200, path
    for path in lists:
        assert TITLE in program.get(path).text, path

    scene.delete()
    for path in addresses:
        assert program.get(path).status_code == 404, path
    for path in events:
        assert program.get(path).status_code == (200 if who == "lead" else 404), path
    for path in lists:
        assert LID not in program.get(path).text, path
        assert "Kettle that stays" in program.get(path).text, path
    told = [one["action"] for one in items(program, lists[1]) if one["issue"] == "ORC-1"]
    assert told == (["deleted"] if who == "lead" else [])
    assert program.patch("/issues/ORC-1", {"title": "Other"}).status_code == 404
    assert program.post("/issues/ORC-1/comments", {"body": "x"}).status_code == 404
    assert program.post("/issues/ORC-1/status", {"step": "start"}).status_code == 404
    assert program.put("/issues/ORC-1/subscription").status_code == 404

    scene.restore()
    assert items(program, "/issues/ORC-1/events?limit=100")[-1]["action"] == "restored"


def drawn(scene: Scene) -> tuple[int, ...]:
    """What the charts are drawn from: opened, open, answered or waiting, open tomorrow, done in all hours."""
    today = clock.now().date()
    days = [Span(today + timedelta(days=n), today + timedelta(days=n), ZoneInfo("UTC")) for n in (0, 1)]
    now, later = (figures(scene.world.project.id, span) for span in days)
    return sum(now.created), now.open[-1], len(now.answers), later.open_before, sum(now.hours.values())


def test_it_is_counted_nowhere(scene: Scene) -> None:
    browser, member = scene.browser("member"), viewer_of(scene.world.member)
    topic = f"issue:{scene.world.issue.id}"
    before = drawn(scene)
    assert before[:4] == (2, 2, 2, 2)
    assert unread_count(member) == 1
    assert topics.heads([topic]) == {topic: scene.again().event_seq}

    scene.delete()
    assert unread_count(member) == 0
    assert topics.heads([topic]) == {}
    after = drawn(scene)
    assert after[:4] == (1, 1, 1, 1)
    assert after[4] < before[4]
    assert "2 open" not in words(browser.get("/projects"))

    scene.restore()
    assert unread_count(member) == 1
    assert topics.heads([topic]) == {topic: scene.again().event_seq}


@pytest.mark.parametrize("inbox", ["email_notifications", "slack_notifications", "automation_rules"])
def test_what_waits_to_be_told_is_skipped_with_the_reason(scene: Scene, inbox: str) -> None:
    world = scene.world
    add_comment(scene.again(), said("Too late"), author=world.lead, actor=world.actor)
    delete_issue(scene.again(), actor=world.actor)
    db.session.commit()
    deliver()
    waiting = row(inbox, "commented")
    assert (waiting.state, waiting.reason) == ("skipped", "the issue was deleted")


def test_notifications_that_waited_are_there_when_it_comes_back(scene: Scene) -> None:
    world, member = scene.world, viewer_of(scene.world.member)
    add_comment(scene.again(), said("In between"), author=world.lead, actor=world.actor)
    delete_issue(scene.again(), actor=world.actor)
    db.session.commit()
    deliver()
    assert unread_count(member) == 0
    assert rows("in_app_notifications", "deleted") == []

    scene.restore()
    page = words(scene.browser("member").get("/inbox?issue=ORC-1"))
    assert "In between" in page
    assert "restored this" in page


def test_the_event_keeps_the_row_as_it_was(scene: Scene) -> None:
    world = scene.world
    scene.delete()
    event = db.session.scalars(select(Event).where(Event.action == "deleted")).one()
    action = with_actions([event])[event.id].model_dump(mode="json")
    kept = action["snapshot"]
    assert (action["key"], action["title"], kept["title"]) == ("ORC-1", TITLE, TITLE)
    assert (kept["status"], kept["priority"], kept["excerpt"]) == ("open", "none", "It whistles")
    assert (kept["number"], kept["comment_count"]) == (1, 2)
    assert [one["name"] for one in kept["labels"]] == ["steam"]
    assert [one["username"] for one in kept["assignees"]] == [world.member.username]
    assert kept["reporter"]["name"] == world.lead.name
    assert TITLE not in str(event.facts)
    assert world.member.username not in str(event.facts)


def test_history_verifies_before_and_after_and_when_a_person_is_erased(scene: Scene) -> None:
    def differs() -> object:
        found = list(verify())[-1].difference
        db.session.rollback()
        return found

    assert differs() is None
    scene.delete()
    assert differs() is None
    erase(scene.world.member, actor=scene.world.actor)
    db.session.commit()
    assert go_on(scene.world.member.id)
    assert differs() is None
    event = db.session.scalars(select(Event).where(Event.action == "deleted")).one()
    texts = select(EventText.text).where(EventText.event_id == event.id)
    assert not any(text.startswith("otis") for text in db.session.scalars(texts))
    assert with_actions([event])[event.id].snapshot.assignees[0].name == "[removed]"  # type: ignore[attr-defined]
    scene.restore()
    assert differs() is None


def test_the_row_and_its_events_must_agree_about_it(scene: Scene) -> None:
    with pytest.raises(DBAPIError, match="needs an event"):
        db.session.execute(text("UPDATE issues SET deleted_at = created_at"))
    db.session.rollback()
    scene.delete()
    issue = scene.again()
    with pytest.raises(Conflict, match="was deleted"):
        retitle(issue, "Other", actor=scene.world.actor)
    db.session.rollback()
    with pytest.raises(Conflict, match="already"):
        delete_issue(scene.again(), actor=scene.world.actor)
    scene.restore()
    with pytest.raises(Conflict, match="not deleted"):
        restore_issue(scene.again(), actor=scene.world.actor)


def test_its_number_stays_taken(scene: Scene) -> None:
    scene.delete()
    assert worlds.issue(scene.world.project, scene.world.lead).number == 3
