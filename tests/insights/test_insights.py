"""The charts of a project are what its log says, for any days, for those who may see it."""

import csv
import io
import random
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import event

from app import clock
from app.accounts.user import User
from app.db import db
from app.errors import Invalid
from app.events.bulk import Fact, record_many
from app.events.issue_actions import Closed, Commented, Reopened, StatusChanged
from app.insights.charts import CHARTS, charts, duration
from app.insights.figures import Figures, figures, middle, share
from app.insights.span import Span, read_span
from app.issues.issue import OPEN_STATUSES, Issue, Opening, open_issue
from app.issues.written import NOTHING
from app.projects.project import Project
from tests.support import world as worlds
from tests.support.web import browser_of, words

UTC_ZONE = ZoneInfo("UTC")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
MARCH = Span(date(2026, 3, 1), date(2026, 3, 30), UTC_ZONE)


def opened(place: Project, who: User, at: datetime) -> Issue:
    return open_issue(
        place, Opening(title="Story", description=NOTHING), reporter=who, actor=who.actor, at=at
    )


def move(issue: Issue, who: User, to: str, at: datetime) -> None:
    """Write a move of the workflow into the log at a time in the past."""
    before = getattr(issue, "told", "open")
    kind: Any = {"closed": Closed, "reopened": Reopened}.get(to, StatusChanged)
    step = {
        "in_progress": "start",
        "resolved": "resolve",
        "closed": "close",
        "reopened": "reopen",
        "open": "stop",
    }
    record_many(
        [Fact(issue, kind.model_validate({"from": before, "to": to, "step": step[to]}), who.actor, at)]
    )
    issue.status = issue.told = to  # type: ignore[attr-defined]
    db.session.flush()


def said(issue: Issue, who: User, at: datetime) -> None:
    record_many([Fact(issue, Commented(comment_id=1, sha256="x", excerpt="Hello"), who.actor, at)])


@pytest.fixture
def place(world: worlds.World) -> Project:
    """A project in which nothing has happened yet."""
    made = worlds.project(world.lead, key="CHT", visibility="members", name="Charted")
    db.session.commit()
    return made


def test_one_issues_life_is_measured(world: worlds.World, place: Project) -> None:
    issue = opened(place, world.lead, NOON)
    said(issue, world.lead, NOON + timedelta(hours=1))
    said(issue, world.member, NOON + timedelta(hours=5))
    move(issue, world.lead, "in_progress", NOON + timedelta(days=1))
    move(issue, world.lead, "resolved", NOON + timedelta(days=3))
    move(issue, world.lead, "reopened", NOON + timedelta(days=4))
    move(issue, world.lead, "closed", NOON + timedelta(days=6))
    db.session.commit()

    found = figures(place.id, MARCH)
    assert (sum(found.created), sum(found.closed), sum(found.reopened)) == (1, 2, 1)
    (done,) = found.finished
    assert (done.lead, done.cycle) == (timedelta(days=6), timedelta(days=5))
    assert found.in_status == {
        "open": [timedelta(days=1)],
        "in_progress": [timedelta(days=2)],
        "reopened": [timedelta(days=2)],
    }
    assert found.answers[0].answered == NOON + timedelta(hours=5)
    assert found.open[:8] == [0, 1, 1, 1, 0, 1, 1, 0]
    assert found.hours[0, 12] == 1
    assert found.hours[0, 17] == 1


def test_a_past_day_is_drawn_as_it_was_then(world: worlds.World, place: Project) -> None:
    first, second = opened(place, world.lead, NOON), opened(place, world.lead, NOON + timedelta(days=1))
    move(first, world.lead, "closed", NOON + timedelta(days=2))
    db.session.commit()
    before = figures(place.id, MARCH)
    later = NOON + timedelta(days=60)
    move(first, world.lead, "reopened", later)
    move(second, world.lead, "closed", later)
    said(second, world.member, later)
    db.session.commit()
    assert figures(place.id, MARCH) == before
    after = figures(place.id, Span(date(2026, 4, 15), date(2026, 5, 20), UTC_ZONE))
    assert (after.open_before, after.open[-1]) == (1, 1)
    assert after.finished[0].lead == timedelta(days=59)


def told_by_hand(lives: dict[int, list[tuple[datetime, str]]], span: Span) -> dict[str, Any]:
    """The same figures, the slow and obvious way."""
    standing = 0
    counts = {"created": 0, "closed": 0, "reopened": 0}
    finished = {}
    for number, moves in lives.items():
        before = None
        for at, status in moves:
            is_open, was_open = status in OPEN_STATUSES, before is None or before in OPEN_STATUSES
            if at < span.end and at >= span.begin:
                counts["created"] += before is None
                counts["closed"] += was_open and not is_open
                counts["reopened"] += is_open and not was_open
            before = status
        then = [status for at, status in moves if at < span.begin]
        standing += bool(then) and then[-1] in OPEN_STATUSES
        known = [(at, status) for at, status in moves if at < span.end]
        if known and known[-1][1] not in OPEN_STATUSES:
            end = next(
                at
                for place, (at, status) in reversed(list(enumerate(known)))
                if status not in OPEN_STATUSES and (place == 0 or known[place - 1][1] in OPEN_STATUSES)
            )
            if end >= span.begin:
                finished[number] = end - known[0][0]
    return {**counts, "open_before": standing, "finished": finished}


@pytest.mark.parametrize("seed", range(3))
def test_random_histories_agree_with_counting_by_hand(world: worlds.World, place: Project, seed: int) -> None:
    chance = random.Random(seed)
    ways = {
        "open": ("in_progress", "resolved", "closed"),
        "in_progress": ("open", "resolved", "closed"),
        "resolved": ("closed", "reopened"),
        "closed": ("reopened",),
        "reopened": ("in_progress", "resolved", "closed"),
    }
    lives: dict[int, list[tuple[datetime, str]]] = {}
    for _ in range(25):
        at = datetime(2026, 1, 20, tzinfo=UTC) + timedelta(hours=chance.randrange(24 * 80))
        issue, status = opened(place, world.lead, at), "open"
        lives[issue.number] = [(at, status)]
        for _ in range(chance.randrange(7)):
            at += timedelta(hours=chance.randrange(1, 200))
            status = chance.choice(ways[status])
            move(issue, world.lead, status, at)
            lives[issue.number].append((at, status))
    db.session.commit()
    for span in (MARCH, Span(date(2026, 2, 10), date(2026, 2, 10), ZoneInfo("Asia/Tokyo"))):
        found, true = figures(place.id, span), told_by_hand(lives, span)
        assert found.open_before == true["open_before"]
        for name in ("created", "closed", "reopened"):
            assert sum(getattr(found, name)) == true[name], name
        assert {one.number: one.lead for one in found.finished} == true["finished"]


def test_the_page_asks_as_often_whatever_there_is(app: Flask, world: worlds.World, place: Project) -> None:
    def asked() -> int:
        statements: list[str] = []

        def note(_c: object, _u: object, statement: str, *_rest: object) -> None:
            statements.append(statement)

        browser = browser_of(app, world.lead)
        browser.get("/projects/CHT/insights")
        event.listen(db.engine, "before_cursor_execute", note)
        try:
            assert browser.get("/projects/CHT/insights?from=2026-03-01&to=2026-03-30").status_code == 200
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
        return len(statements)

    few = asked()
    for number in range(30):
        issue = opened(place, world.lead, NOON + timedelta(hours=number))
        move(issue, world.lead, "closed", NOON + timedelta(days=number % 9 + 1))
        said(issue, world.member, NOON + timedelta(days=2))
    db.session.commit()
    assert asked() == few


def test_the_page_shows_pictures_sentences_and_tables(
    app: Flask, world: worlds.World, place: Project
) -> None:
    browser = browser_of(app, world.lead)
    page = browser.get("/projects/CHT/insights?from=2001-01-01&to=2001-01-30")
    assert "Nothing to draw yet" in words(page)
    issue = opened(place, world.lead, NOON)
    move(issue, world.lead, "in_progress", NOON + timedelta(days=1))
    move(issue, world.lead, "closed", NOON + timedelta(days=2))
    db.session.commit()
    page = browser.get("/projects/CHT/insights?from=2026-03-01&to=2026-03-30")
    assert "1 issue created and 1 closed" in words(page)
    assert "Half of 1 issue took at most 2.0 days from opening to closing" in words(page)
    assert "the busiest hour is Mondays from 12:00" in words(page)
    for drawn in re.findall(r"<svg role=\"img\".*?</svg>", page.text, re.DOTALL):
        assert "<title id=" in drawn
        assert "<desc id=" in drawn
    assert page.text.count('<svg role="img"') == 6  # nothing was reopened
    assert page.text.count("<details>") == len(CHARTS)
    assert " style=" not in page.text
    assert "Insights" in words(browser.get("/projects/CHT/issues"))


def test_every_table_is_a_file(app: Flask, world: worlds.World, place: Project) -> None:
    issue = opened(place, world.lead, NOON)
    move(issue, world.lead, "closed", NOON + timedelta(days=2))
    db.session.commit()
    browser = browser_of(app, world.lead)
    days = "from=2026-03-01&to=2026-03-30"
    for name in CHARTS:
        table = list(csv.reader(io.StringIO(browser.get(f"/projects/CHT/insights/{name}.csv?{days}").text)))
        assert len(table) > 1, name
        assert len({len(row) for row in table}) == 1
    lead = browser.get(f"/projects/CHT/insights/lead.csv?{days}").text
    assert "CHT-1,2026-03-04,2.00," in lead
    assert browser.get("/projects/CHT/insights/nothing.csv").status_code == 404


def test_those_who_may_not_see_the_project_see_no_chart(
    app: Flask, world: worlds.World, place: Project
) -> None:
    for browser in (browser_of(app, world.stranger), browser_of(app)):
        assert browser.get("/projects/CHT/insights").status_code == 404
        assert browser.get("/projects/CHT/insights/flow.csv").status_code == 404


@pytest.mark.parametrize(
    ("days", "field"),
    [
        ("from=yesterday", "from"),
        ("to=2999-01-01", "to"),
        ("from=2026-03-02&to=2026-03-01", "from"),
        ("from=1990-01-01", "from"),
        ("to=0001-01-01", "to"),
    ],
)
def test_days_that_cannot_be_drawn_are_refused_at_their_field(
    app: Flask, world: worlds.World, days: str, field: str
) -> None:
    page = browser_of(app, world.lead).get(f"/projects/ORC/insights?{days}")
    assert page.status_code == 422
    assert 'role="alert"' in page.text
    assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', page.text)
    assert browser_of(app, world.lead).get(f"/projects/ORC/insights/flow.csv?{days}").status_code == 422


def test_days_are_the_readers_own(context: Flask) -> None:
    tokyo = Span(date(2026, 3, 1), date(2026, 3, 1), ZoneInfo("Asia/Tokyo"))
    assert (tokyo.begin, tokyo.end) == (
        datetime(2026, 2, 28, 15, tzinfo=UTC),
        datetime(2026, 3, 1, 15, tzinfo=UTC),
    )
    assert read_span("", "", "UTC").last == clock.now().date()
    first = date(2026, 1, 1)
    spans = [Span(first, first + timedelta(days=days), UTC_ZONE) for days in (0, 29, 89, 364)]
    assert [len(span.buckets) for span in spans] == [1, 30, 13, 53]
    with pytest.raises(Invalid):
        read_span("2020-01-01", "2026-01-01", "UTC")


def test_small_things() -> None:
    hours = [timedelta(hours=n) for n in (1, 2, 3, 4)]
    assert (middle(hours), share(hours, 85), middle([])) == (hours[1], hours[3], None)
    assert [duration(one) for one in (None, timedelta(minutes=5), timedelta(hours=7), timedelta(days=3))] == [
        "–",
        "5 minutes",
        "7.0 hours",
        "3.0 days",
    ]
    one_day = Figures(Span(date(2026, 3, 1), date(2026, 3, 1), UTC_ZONE), 1, [0], [0], [0])
    assert len(charts(one_day, "CHT")) == len(CHARTS)
