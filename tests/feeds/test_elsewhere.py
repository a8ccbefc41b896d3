"""What an act led to on other issues, said on its line in the feed of its issue."""

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event as sa_event
from sqlalchemy import select

from app.context import caused_by
from app.db import db
from app.events.event import Actor, Event
from app.inboxes.runner import consequence_of
from app.issues.comment import add_comment
from app.issues.editing import prioritise
from app.issues.issue import Issue, Opening, open_issue
from app.issues.workflow import change_status
from app.issues.written import NOTHING
from app.projects.project import Project
from tests.automation.build import rule
from tests.automation.build import said as when
from tests.support import world as worlds
from tests.support.deliveries import deliver
from tests.support.web import Browser, browser_of, words
from tests.support.world import said

RULE = Actor("rule", ref="1")
FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}


def newest(action: str, issue: Issue) -> Event:
    query = select(Event).where(Event.action == action, Event.issue_id == issue.id).order_by(Event.id.desc())
    return db.session.scalars(query).first()  # type: ignore[return-value]


def opens(project: Project, because_of: Event, *, times: int = 1) -> list[Issue]:
    """Issues that a rule opened because of this event."""
    with caused_by(**consequence_of(because_of)):
        made = [
            open_issue(project, Opening(f"Follow-up {n}", NOTHING), reporter=None, actor=RULE)
            for n in range(times)
        ]
    db.session.commit()
    return made


def comments(world: worlds.World) -> Event:
    add_comment(world.issue, said("Hello"), author=world.member, actor=world.member.actor)
    db.session.commit()
    return newest("commented", world.issue)


def closes(world: worlds.World) -> Event:
    change_status(world.issue, "close", actor=world.actor)
    db.session.commit()
    return newest("closed", world.issue)


def lead(app: Flask, world: worlds.World) -> Browser:
    return browser_of(app, world.lead)


def test_what_a_rule_did_because_of_a_comment_hangs_under_the_comment(
    app: Flask, world: worlds.World
) -> None:
    with caused_by(**consequence_of(comments(world))):
        prioritise(world.issue, "urgent", actor=RULE)
    db.session.commit()
    page = lead(app, world).get("/issues/ORC-1")
    assert f'id="event-{newest("priority_changed", world.issue).seq}"' in page.text
    assert page.text.count('class="caused"') == 1


def test_the_line_of_the_cause_names_what_followed_on_other_issues(app: Flask, world: worlds.World) -> None:
    cause = comments(world)
    [follow_up] = opens(world.project, cause)
    with caused_by(**consequence_of(cause)):
        change_status(follow_up, "close", actor=RULE)
    db.session.commit()
    page = lead(app, world).get("/issues/ORC-1")
    assert "and because of that: opened ORC-2 , closed ORC-2" in words(page)
    assert f'id="elsewhere-{cause.seq}"' in page.text
    assert '<a class="actor" href="/issues/ORC-2">' in page.text
    fragment = lead(app, world).get("/issues/ORC-1/feed?before=99")
    assert "and because of that: opened ORC-2" in words(fragment)
    for path in ("/issues/ORC-2", "/projects/ORC/activity"):
        assert "and because of that" not in words(lead(app, world).get(path))


def test_many_are_counted_and_lead_to_the_tree(app: Flask, world: worlds.World) -> None:
    cause = closes(world)
    opens(world.project, cause, times=15)
    page = lead(app, world).get("/issues/ORC-1")
    assert "opened ORC-2 , ORC-3 , ORC-4 and 12 more" in words(page)
    assert f'href="/events/{cause.uid}#caused"' in page.text
    tree = lead(app, world).get(f"/events/{cause.uid}").text
    assert 'id="caused"' in tree
    assert tree.count('class="clip" href="/events/') == 15


def test_what_the_reader_may_not_see_is_neither_named_nor_counted(app: Flask, world: worlds.World) -> None:
    secret = worlds.project(world.lead, key="SEC", name="Secret")
    cause = closes(world)
    opens(secret, cause, times=5)
    assert "and because of that" not in words(browser_of(app, world.member).get("/issues/ORC-1"))
    assert "SEC-" not in browser_of(app, world.member).get("/issues/ORC-1").text
    opens(world.project, cause)
    theirs = words(browser_of(app, world.member).get("/issues/ORC-1"))
    assert "and because of that: opened ORC-2" in theirs
    assert "more" not in theirs.partition("opened ORC-2")[2].partition("Comment")[0]
    assert "opened SEC-1 , SEC-2 , SEC-3 and 3 more" in words(lead(app, world).get("/issues/ORC-1"))


def test_visitors_of_a_public_project_see_what_is_public(app: Flask, world: worlds.World) -> None:
    public = worlds.project(world.lead, key="PUB", name="Public", visibility="public")
    open_one = worlds.issue(public, world.lead)
    change_status(open_one, "close", actor=world.actor)
    db.session.commit()
    cause = newest("closed", open_one)
    opens(world.project, cause)
    opens(public, cause)
    page = words(Browser(app).get("/issues/PUB-1"))
    assert "and because of that: opened PUB-2" in page
    assert "ORC-2" not in page


def test_lines_that_led_elsewhere_are_not_folded_away(app: Flask, world: worlds.World) -> None:
    for priority in ("low", "high", "urgent"):
        prioritise(world.issue, priority, actor=world.actor)
        db.session.commit()
        if priority == "high":
            opens(world.project, newest("priority_changed", world.issue))
    page = lead(app, world).get("/issues/ORC-1").text
    assert "Show each" not in page
    assert page.count("and because of that") == 1


def test_it_costs_one_query_and_none_where_nothing_followed(app: Flask, world: worlds.World) -> None:
    def queries(path: str) -> int:
        browser = lead(app, world)
        browser.get(path)
        asked: list[Any] = []
        sa_event.listen(db.engine, "before_cursor_execute", note := lambda *one: asked.append(one[2]))
        assert browser.get(path).status_code == 200
        sa_event.remove(db.engine, "before_cursor_execute", note)
        return len(asked)

    cause, other = comments(world), closes(world)
    plain = queries("/issues/ORC-1"), queries("/issues/ORC-1/feed?before=99")
    opens(world.project, cause, times=4)
    opens(world.project, other, times=4)
    assert (queries("/issues/ORC-1"), queries("/issues/ORC-1/feed?before=99")) == (plain[0] + 1, plain[1] + 1)


def test_an_open_page_learns_of_it_under_the_line_it_has(app: Flask, world: worlds.World) -> None:
    step = {"do": "create", "title": "Look into {key}"}
    rule(world.project, world.lead, when("commented", steps=(step,)), name="Look")
    cause = comments(world)
    tail = f"/issues/ORC-1/feed?after={cause.seq}"
    before = lead(app, world).get(tail, headers=FRAGMENT)
    assert "elsewhere-" not in before.text
    deliver("events")
    live = lead(app, world).get(tail, headers=FRAGMENT)
    assert (
        f'<div hx-swap-oob="beforeend:#event-{cause.seq}"><ol class="caused" id="elsewhere-{cause.seq}"'
        in live.text
    )
    assert f'<i hx-swap-oob="delete:#elsewhere-{cause.seq}"></i>' in live.text
    assert "and because of that: opened ORC-2" in words(live)
    together = lead(app, world).get(f"/issues/ORC-1/feed?after={cause.seq - 1}", headers=FRAGMENT)
    assert together.text.count("and because of that") == 1
    assert 'hx-swap-oob="delete' not in together.text


@pytest.mark.parametrize("act", [closes, comments])
def test_the_line_of_the_effect_says_because_of_whose_act_on_which_issue(
    app: Flask, world: worlds.World, act: Any
) -> None:
    step = {"do": "create", "title": "Look into {key}"}
    rule(world.project, world.lead, when("commented", "closed", steps=(step,)), name="Look")
    cause = act(world)
    deliver("events")
    page = lead(app, world).get("/issues/ORC-2")
    said_so = {
        "closed": "because of rule Look , because Rowan closed ORC-1 without fixing",
        "commented": "because of rule Look , because Otis commented on ORC-1",
    }
    assert said_so[cause.action] in re.sub(r"\s+", " ", words(page))
    assert f'href="/events/{cause.uid}"' in page.text
