"""The person's inbox: what stands in it, for whom, and what its buttons do."""

import re

import pytest
from flask import Flask
from sqlalchemy import event as sa_event
from sqlalchemy import select

from app.accounts.viewer import viewer_of
from app.db import db
from app.feeds.inbox import inbox_page
from app.issues.assignment import assign
from app.issues.comment import add_comment
from app.issues.workflow import change_status
from app.notifications.notification import Notification
from app.notifications.queries import unread_count, user_heads
from app.projects.membership import remove_member
from tests.support import world as worlds
from tests.support.deliveries import deliver, writes_again
from tests.support.web import Browser, browser_of, words
from tests.support.world import said


@pytest.fixture
def told(world: worlds.World) -> worlds.World:
    """The member was mentioned on ORC-1, and given ORC-2."""
    second = worlds.issue(world.project, world.lead, title="Second thing")
    db.session.commit()
    deliver()
    add_comment(world.issue, said("@otis look", world.member), author=world.lead, actor=world.actor)
    change_status(world.issue, "start", actor=world.actor)
    assign(second, [world.member], actor=world.actor)
    db.session.commit()
    deliver()
    return world


@pytest.fixture
def browser(app: Flask, told: worlds.World) -> Browser:
    return browser_of(app, told.member)


def fresh() -> list[Notification]:
    writes_again()
    query = select(Notification).order_by(Notification.id).execution_options(populate_existing=True)
    return list(db.session.scalars(query))


def test_there_is_one_row_for_each_issue_with_the_reason_in_words(browser: Browser) -> None:
    page = words(browser.get("/inbox"))
    assert "Rowan assigned you" in page
    assert "Rowan mentioned you" in page
    assert page.index("Second thing") < page.index("Card payments fail")
    rows = re.findall(r'id="letter-(ORC-\d)"', browser.get("/inbox").text)
    assert rows == ["ORC-2", "ORC-1"]


def test_the_reader_shows_what_is_new_on_the_chosen_issue(browser: Browser) -> None:
    page = words(browser.get("/inbox?issue=ORC-1"))
    assert "You are here because it is assigned to you" not in page
    assert "@otis look" in page
    assert "2 updates" in page


def test_the_side_bar_counts_issues_and_not_events(told: worlds.World, browser: Browser) -> None:
    assert unread_count(viewer_of(told.member)) == 2
    assert re.search(r"Inbox\s*2\s*unread", words(browser.get("/inbox")))


def test_what_is_done_leaves_and_comes_back_with_undo(told: worlds.World, browser: Browser) -> None:
    answer = browser.post("/inbox/done", {"issue": str(told.issue.id), "next": "/inbox?tab=unread"})
    assert (answer.status_code, answer.location) == (303, "/inbox?tab=unread")
    page = browser.get("/inbox")
    assert "1 issue done" in words(page)
    assert 'id="letter-ORC-1"' not in page.text
    assert 'id="letter-ORC-1"' in browser.get("/inbox?tab=done").text
    assert unread_count(viewer_of(told.member)) == 1

    browser.post("/inbox/done", {"issue": str(told.issue.id), "undo": "1"})
    assert 'id="letter-ORC-1"' in browser.get("/inbox").text
    assert unread_count(viewer_of(told.member)) == 2


def test_read_and_unread(told: worlds.World, browser: Browser) -> None:
    browser.post("/inbox/read", {"issue": str(told.issue.id)})
    assert 'id="letter-ORC-1"' not in browser.get("/inbox").text
    assert 'id="letter-ORC-1"' in browser.get("/inbox?tab=all").text
    browser.post("/inbox/read", {"issue": str(told.issue.id), "undo": "1"})
    assert 'id="letter-ORC-1"' in browser.get("/inbox").text
    assert [one.read_at is None for one in fresh() if one.issue_id == told.issue.id] == [False, True]


def test_everything_is_read_with_one_press(browser: Browser) -> None:
    browser.post("/inbox/read", {"all": "1"})
    page = words(browser.get("/inbox"))
    assert "2 issues read" in page
    assert "All caught up New mentions, assignments and replies land here." in page


def test_nobody_changes_what_somebody_else_was_told(app: Flask, told: worlds.World) -> None:
    other = browser_of(app, told.lead)
    other.post("/inbox/done", {"issue": str(told.issue.id)})
    assert all(one.done_at is None for one in fresh() if one.user_id == told.member.id)


@pytest.mark.parametrize("issue", ["", "x", "1;2", "-1", "٣", "9" * 30])
def test_what_is_no_issue_is_refused_and_changes_nothing(browser: Browser, issue: str) -> None:
    assert browser.post("/inbox/done", {"issue": issue}).status_code == 422
    assert all(one.done_at is None for one in fresh())


def test_a_form_leads_nowhere_else(told: worlds.World, browser: Browser) -> None:
    answer = browser.post("/inbox/done", {"issue": str(told.issue.id), "next": "https://evil.example"})
    assert answer.location == "/"


def test_what_one_may_not_see_any_more_is_not_there_and_not_counted(
    told: worlds.World, browser: Browser
) -> None:
    remove_member(told.project, told.member, actor=told.actor)
    db.session.commit()
    assert unread_count(viewer_of(told.member)) == 0
    for address in ("/inbox", "/inbox?tab=all", "/inbox?issue=ORC-1"):
        page = browser.get(address)
        assert page.status_code == 200
        assert "Card payments" not in page.text
        assert "All caught up" in page.text


def test_visitors_sign_in_first(app: Flask, told: worlds.World) -> None:
    assert browser_of(app).get("/inbox").location.startswith("/sign-in")


def test_the_live_topic_of_a_person_is_at_their_newest_notification(told: worlds.World) -> None:
    db.session.refresh(told.member)
    assert user_heads([told.member.id]) == {told.member.id: told.member.feed_seq}
    assert told.member.feed_seq == 3


def test_pages_go_on_where_the_one_before_ended(told: worlds.World) -> None:
    reader = viewer_of(told.member)
    first = inbox_page(reader, "all", limit=1)
    second = inbox_page(reader, "all", after=first.next, limit=1)
    assert [row.issue.key for row in (*first.rows, *second.rows)] == ["ORC-2", "ORC-1"]
    assert second.next is None


def test_the_number_of_queries_does_not_grow_with_the_rows(told: worlds.World) -> None:
    def queries() -> int:
        statements: list[str] = []

        def note(*args: object) -> None:
            statements.append(str(args[2]))

        sa_event.listen(db.engine, "before_cursor_execute", note)
        inbox_page(viewer_of(told.member), "all")
        sa_event.remove(db.engine, "before_cursor_execute", note)
        return len(statements)

    few = queries()
    for number in range(8):
        worlds.issue(told.project, told.lead, title=f"More {number}", assignees=(told.member,))
    db.session.commit()
    deliver()
    assert queries() <= few + 1  # no comment was among the newest before, one more query at most
