"""Bulk acts on the pages: what they would do is said first, done once, told once, and taken back."""

import re
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import event as sa_event
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from app import clock
from app.db import begin_write, db
from app.events.event import Event
from app.inboxes.delivery import Delivery
from app.issues.bulk import Wish, change_all
from app.issues.issue import Issue
from app.issues.subscription import unwatch, watch
from app.issues.workflow import change_status
from app.notifications.notification import Notification
from app.notifications.outgoing_mail import OutgoingMail
from app.projects.membership import add_member
from tests.automation.build import rule
from tests.automation.build import said as definition
from tests.support import world as worlds
from tests.support.deliveries import deliver, make_due, rows
from tests.support.web import Browser, browser_of, words


@pytest.fixture
def issues(world: worlds.World) -> list[Issue]:
    """ORC-2 to ORC-6, reported by the lead."""
    made = [worlds.issue(world.project, world.lead, title=f"Issue {n}") for n in range(2, 7)]
    db.session.commit()
    return made


def choose(browser: Browser, keys: list[str], key: str = "ORC", **fields: str) -> TestResponse:
    """Press a button of the bar with these issues chosen."""
    data: dict[str, object] = {"issue": keys, **fields}
    return browser.post(f"/projects/{key}/issues/bulk", data)  # type: ignore[arg-type]


def confirm(browser: Browser, page: TestResponse) -> TestResponse:
    """Press the button of the page that asks, with all that it carries."""
    form = page.text[page.text.index('action="/projects/ORC/issues/bulk"') :]
    form = form[: form.index("</form>")]
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', form):
        fields.setdefault(name, []).append(unescape(value))
    return browser.post("/projects/ORC/issues/bulk", fields)  # type: ignore[arg-type]


def count(table: type) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def statuses(issues: list[Issue]) -> list[str]:
    query = select(Issue.status).where(Issue.id.in_([one.id for one in issues])).order_by(Issue.id)
    return list(db.session.scalars(query))


def watched(issues: list[Issue], *people: object) -> None:
    for issue in issues:
        for person in people:
            watch(issue, person, actor=person.actor)  # type: ignore[arg-type, attr-defined]
    db.session.commit()


def test_the_list_offers_ticks_to_who_may_change_and_to_nobody_else(
    app: Flask, world: worlds.World, issues: list[Issue]
) -> None:
    reader = worlds.person("Tansy")
    add_member(world.project, reader, role="viewer", actor=world.actor)
    db.session.commit()
    page = browser_of(app, world.member).get("/projects/ORC/issues").text
    assert page.count('class="tick"') == 6
    assert not re.findall(r'class="tick"[^>]* checked', page)
    chosen = browser_of(app, world.member).get("/projects/ORC/issues?select=all").text
    assert len(re.findall(r'class="tick"[^>]* checked', chosen)) == 6
    for path in ("/projects/ORC/issues", "/projects/ORC/issues?select=all"):
        seen = browser_of(app, reader).get(path).text
        assert "tick" not in seen.replace("ticket", "")
        assert 'class="bulk"' not in seen
    assert "tick" not in browser_of(app, world.member).get("/issues").text


def test_first_it_is_said_what_would_happen_and_nothing_has(
    app: Flask, world: worlds.World, issues: list[Issue]
) -> None:
    watched(issues, world.member)
    change_status(issues[0], "resolve", actor=world.actor)
    change_status(issues[1], "close", actor=world.actor)
    rule(
        world.project,
        world.lead,
        definition("status_changed", steps=({"do": "comment", "text": "Thank you"},)),
        name="Thank them",
    )
    before = count(Event)
    page = choose(browser_of(app, world.member), [one.key for one in issues], step="resolve", q="status:any")
    said = words(page)
    assert "This will change 3 issues (1 is so already, 1 is left alone), tell 1 person once" in said
    assert "once (1 by mail too), start 1 rule." in said
    assert "Change 3 issues" in said
    assert f"{issues[1].key} Issue 3 This issue is closed; only one that is open" in said
    assert "Thank them on 3 issues" in said
    assert count(Event) == before
    assert statuses(issues) == ["resolved", "closed", "open", "open", "open"]


def test_what_was_said_is_what_happens(app: Flask, world: worlds.World, issues: list[Issue]) -> None:
    reader = worlds.person("Juno")
    add_member(world.project, reader, role="viewer", actor=world.actor)
    watched(issues[1:3], reader)
    deliver()
    told, mails = count(Notification), count(OutgoingMail)
    browser = browser_of(app, world.member)
    page = choose(browser, [one.key for one in issues], step="resolve")
    assert "change 5 issues, tell 2 people once each (2 by mail too), start no rule." in words(page)
    answer = confirm(browser, page)
    assert (answer.status_code, answer.location) == (303, "/projects/ORC/issues")
    after = browser.get("/projects/ORC/issues").text
    assert "5 issues changed" in after
    batch_id = db.session.scalar(select(Event.batch_id).where(Event.batch_id.is_not(None)).limit(1))
    assert f'action="/projects/ORC/issues/bulk/{batch_id}/undo"' in after
    assert statuses(issues) == ["resolved"] * 5
    deliver()
    assert count(Notification) - told == 2
    assert count(OutgoingMail) - mails == 2


def test_a_second_press_of_the_button_changes_nothing_and_says_so(
    app: Flask, world: worlds.World, issues: list[Issue]
) -> None:
    browser = browser_of(app, world.member)
    page = choose(browser, [one.key for one in issues], step="start")
    confirm(browser, page)
    before = count(Event)
    assert confirm(browser, page).status_code == 303
    assert "This was done already. Nothing changed now" in browser.get("/projects/ORC/issues").text
    assert count(Event) == before


def test_what_was_left_alone_is_listed_afterwards(
    app: Flask, world: worlds.World, issues: list[Issue]
) -> None:
    browser = browser_of(app, world.member)
    page = choose(browser, [*(one.key for one in issues), "LAN-1"], step="start")
    change_status(issues[0], "close", actor=world.actor)
    db.session.commit()
    answer = confirm(browser, page)
    said = words(answer)
    assert answer.status_code == 200
    assert "4 issues changed Undo" in said
    assert "2 issues were left alone" in said
    assert "LAN-1 There is no such issue in Orchard." in said
    assert "This issue is closed; only one that is open or reopened can be started." in said


def test_undo_is_one_press_and_says_how_many_it_left(
    app: Flask, world: worlds.World, issues: list[Issue]
) -> None:
    browser = browser_of(app, world.member)
    confirm(browser, choose(browser, [one.key for one in issues], step="start"))
    change_status(issues[0], "resolve", actor=world.actor)
    db.session.commit()
    batch_id = db.session.scalar(select(Event.batch_id).where(Event.batch_id.is_not(None)).limit(1))
    other = browser_of(app, world.lead).post(f"/projects/ORC/issues/bulk/{batch_id}/undo")
    assert other.status_code == 403
    answer = browser.post(f"/projects/ORC/issues/bulk/{batch_id}/undo")
    assert "4 issues changed back" in words(answer)
    assert "1 issue was left alone" in words(answer)
    assert statuses(issues) == ["resolved", "open", "open", "open", "open"]
    assert browser.post("/projects/ORC/issues/bulk/none/undo").status_code == 404


@pytest.mark.parametrize(
    ("keys", "fields", "status", "said"),
    [
        ([], {"step": "start"}, 422, "Choose at least one issue"),
        (["ORC-2"], {}, 422, "Choose what to change"),
        (["ORC-2"], {"step": "explode"}, 422, "There is no step 'explode'"),
        (["ORC-2"], {"priority": "dire"}, 422, "Choose a priority"),
        (["ORC-2"], {"add_label": "nope"}, 422, "There is no label nope in Orchard"),
        (["ORC-2"], {"assign": "nobody"}, 422, "There is nobody called nobody in Orchard"),
        (["ORC-2"], {"step": "start", "act": "1; DROP"}, 422, "This is not the button of that page"),
        ([f"ORC-{n}" for n in range(201)], {"step": "start"}, 422, "at most 200 issues; 201 were chosen"),
        (["PUB-1", "<b>", "ORC-999999999999"], {"step": "start"}, 200, "This would change nothing"),
    ],
)
def test_bad_input_gets_a_sentence_and_records_nothing(
    app: Flask,
    world: worlds.World,
    issues: list[Issue],
    keys: list[str],
    fields: dict[str, str],
    status: int,
    said: str,
) -> None:
    before = count(Event)
    answer = choose(browser_of(app, world.member), keys, **fields)
    assert answer.status_code == status
    assert said in words(answer)
    assert count(Event) == before


def test_who_may_not_change_may_not_change_in_bulk(
    app: Flask, world: worlds.World, issues: list[Issue]
) -> None:
    reader = worlds.person("Tansy")
    add_member(world.project, reader, role="viewer", actor=world.actor)
    db.session.commit()
    before = count(Event)
    assert choose(browser_of(app, reader), ["ORC-2"], step="start").status_code == 403
    assert choose(browser_of(app, world.stranger), ["ORC-2"], step="start").status_code == 404
    assert choose(browser_of(app, world.member), ["ORC-2"], "NONE", step="start").status_code == 404
    assert count(Event) == before


def test_done_quietly_nobody_is_told(app: Flask, world: worlds.World, issues: list[Issue]) -> None:
    deliver()
    told = count(Notification)
    browser = browser_of(app, world.member)
    page = choose(browser, [one.key for one in issues], step="resolve", quiet="1")
    assert "change 5 issues, tell nobody, start no rule." in words(page)
    confirm(browser, page)
    assert statuses(issues) == ["resolved"] * 5
    assert all(db.session.scalars(select(Event.quiet).where(Event.batch_id.is_not(None))))
    deliver()
    assert (count(Notification), count(OutgoingMail)) == (told, 0)


def test_a_bulk_act_is_one_notification_and_one_mail_for_each_person(
    app: Flask, world: worlds.World, issues: list[Issue]
) -> None:
    deliver()
    watched(issues[2:], world.member)
    other = worlds.person("Ada")
    add_member(world.project, other, role="member", actor=world.actor)
    db.session.commit()
    change_all(world.project, [one.key for one in issues], Wish(step="resolve"), actor=other.actor)
    db.session.commit()
    deliver()
    told = {one.user_id: one for one in db.session.scalars(select(Notification))}
    assert count(Notification) == 2
    assert told[world.lead.id].issue_id == issues[0].id
    assert told[world.member.id].issue_id == issues[2].id
    mails = {one.user_id: one for one in db.session.scalars(select(OutgoingMail))}
    assert count(OutgoingMail) == 2
    assert mails[world.member.id].subject == "[ORC] Ada moved 5 issues to resolved"
    assert "3 of them you are told of" in mails[world.member.id].text
    assert [one.key in mails[world.member.id].text for one in issues] == [False, False, True, True, True]
    assert all(one.key in mails[world.lead.id].html for one in issues)
    assert all(
        "/unsubscribe/mails/" in one.text and "/unsubscribe/mails/" in one.html for one in mails.values()
    )
    reasons = [one.reason for one in rows("in_app_notifications", "status_changed")]
    assert reasons == [
        "told 1 person",
        "told once for the whole bulk act",
        "told 1 person",
        "told once for the whole bulk act",
        "told once for the whole bulk act",
    ]
    inbox = words(browser_of(app, world.lead).get("/inbox"))
    assert "Ada moved 5 issues to resolved" in inbox


def test_who_mutes_an_issue_between_the_mails_gets_no_second_one(
    world: worlds.World, issues: list[Issue]
) -> None:
    deliver()
    change_all(world.project, [one.key for one in issues], Wish(step="start"), actor=world.member.actor)
    db.session.commit()
    for inbox in ("in_app_notifications", "email_notifications"):
        _deliver_first(inbox)
    unwatch(issues[0], world.lead, actor=world.actor)
    db.session.commit()
    deliver()
    assert (count(Notification), count(OutgoingMail)) == (1, 1)


def test_feeds_fold_the_act_and_the_issues_own_feed_links_to_it(
    app: Flask, world: worlds.World, issues: list[Issue]
) -> None:
    change_all(world.project, [one.key for one in issues], Wish(step="start"), actor=world.member.actor)
    db.session.commit()
    browser = browser_of(app, world.lead)
    for path in ("/", "/projects/ORC/activity", f"/people/{world.member.username}/activity"):
        page = words(browser.get(path))
        assert page.count("moved 5 issues to in progress Show each") == 1
        assert page.count("started work on") == 5
    own = browser.get(f"/issues/{issues[1].key}")
    assert "part of a bulk act with 4 others" in words(own)
    [link] = re.findall(r'href="(/events/[^"#]+)#act"', own.text)
    event = words(browser.get(link))
    assert "The bulk act Otis moved 5 issues to in progress" in event
    assert all(f"started work on {one.key}" in event for one in issues)
    assert "Undo it all" not in event
    assert "Undo it all" in words(browser_of(app, world.member).get(link))


def test_the_list_asks_as_many_statements_however_many_rows_it_has(
    app: Flask, world: worlds.World, issues: list[Issue]
) -> None:
    browser = browser_of(app, world.member)
    few = _statements(browser)
    for n in range(10):
        worlds.issue(world.project, world.lead, title=f"More {n}")
    db.session.commit()
    assert _statements(browser) == few


def _deliver_first(inbox: str) -> None:
    """Deliver the oldest event of this inbox, and no other for a minute."""
    waiting = [one for one in rows(inbox) if one.next_attempt_at is not None]
    begin_write()
    db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_([one.id for one in waiting[1:]]))
        .values(next_attempt_at=clock.now() + timedelta(minutes=1))
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    deliver()
    make_due(inbox)


def _statements(browser: Browser) -> int:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    browser.get("/projects/ORC/issues")
    sa_event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert browser.get("/projects/ORC/issues").status_code == 200
    finally:
        sa_event.remove(db.engine, "before_cursor_execute", note)
    return len(asked)
