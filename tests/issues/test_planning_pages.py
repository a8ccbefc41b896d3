"""Milestones and sub-issues in the browser, without JavaScript and as htmx asks."""

import pytest
from flask import Flask
from sqlalchemy import event as sa_event

from app.accounts.user import User
from app.db import db
from app.issues.issue import Issue
from app.issues.milestone import Milestone, create_milestone
from app.issues.workflow import change_status
from app.projects.membership import add_member
from app.projects.project import Project
from tests.automation.build import actions, events, fresh
from tests.support import world as worlds
from tests.support.web import Browser, browser_of, claimed, words

BASE = "/projects/ORC/settings/milestones"


@pytest.fixture
def lead(context: Flask) -> User:
    return claimed("Rowan")


@pytest.fixture
def project(lead: User) -> Project:
    made = worlds.project(lead)
    worlds.issue(made, lead, title="Top")
    worlds.issue(made, lead, title="Low")
    db.session.commit()
    return made


@pytest.fixture
def browser(context: Flask, lead: User, project: Project) -> Browser:
    return browser_of(context, lead)


def issue(number: int) -> Issue:
    db.session.rollback()
    return db.session.query(Issue).filter_by(number=number).one()


def spring(project: Project, lead: User) -> Milestone:
    made = create_milestone(project, name="Spring", actor=lead.actor)
    db.session.commit()
    return made


class TestSettings:
    def test_a_milestone_is_made_changed_completed_reopened_and_deleted(
        self, browser: Browser, project: Project
    ) -> None:
        assert "No milestones" in words(browser.get(BASE))
        fields = {"name": "Spring", "due_on": "2020-02-29", "description": "All green"}
        assert browser.post(BASE, fields).location == BASE
        page = words(browser.get(BASE))
        assert "Spring" in page
        assert "All green No issues yet" in page
        assert "days overdue 29 February 2020" in page
        form = browser.get(f"{BASE}/1").text
        assert 'value="2020-02-29"' in form
        assert browser.post(f"{BASE}/1", {**fields, "due_on": "", "name": "May"}).location == BASE
        assert "No date" in words(browser.get(BASE))
        browser.post(f"{BASE}/1/complete")
        page = words(browser.get(BASE))
        assert "Completed" in page
        assert "Reopen" in page
        assert browser.post(f"{BASE}/1/complete").status_code == 409
        browser.post(f"{BASE}/1/reopen")
        assert browser.post(f"{BASE}/1/delete").location == BASE
        assert "No milestones" in words(browser.get(BASE))
        assert [event.action for event, _ in events(project=project)][2:] == [
            *("milestone_created", "milestone_updated", "milestone_completed"),
            *("milestone_reopened", "milestone_deleted"),
        ]

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"name": ""}, "The name is missing."),
            ({"name": "x" * 81}, "80 is the most"),
            ({"name": "SPRING"}, "There is already a milestone SPRING"),
            ({"due_on": "soon"}, "Give a day like 2026-12-24, or none."),
            ({"due_on": "2026-02-30"}, "Give a day like 2026-12-24, or none."),
            ({"description": "x" * 2_001}, "2,000 is the most"),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field_and_changes_nothing(
        self, browser: Browser, project: Project, lead: User, fields: dict[str, str], sentence: str
    ) -> None:
        spring(project, lead)
        answer = browser.post(BASE, {"name": "May", "due_on": "", "description": ""} | fields)
        assert answer.status_code == 422
        assert sentence in words(answer)
        assert 'aria-invalid="true"' in answer.text
        assert len(events(project=project)) == 3

    def test_one_with_issues_is_deleted_at_the_second_press(
        self, browser: Browser, project: Project, lead: User
    ) -> None:
        made = spring(project, lead).id
        browser.post("/issues/ORC-1/milestone", {"milestone": "spring"})
        first = browser.post(f"{BASE}/{made}/delete")
        assert first.status_code == 409
        assert "1 issue is in Spring. It will be in no milestone." in words(first)
        assert issue(1).milestone_id == made
        assert browser.post(f"{BASE}/{made}/delete", {"anyway": "1"}).status_code == 303
        assert issue(1).milestone_id is None
        assert browser.post(f"{BASE}/{made}/delete").status_code == 404

    def test_only_those_who_manage_the_project_come_in(
        self, context: Flask, project: Project, lead: User
    ) -> None:
        made = spring(project, lead)
        member, stranger = claimed("Otis"), claimed("Bram")
        add_member(project, member, role="member", actor=lead.actor)
        db.session.commit()
        for who, status in ((member, 403), (stranger, 404)):
            other = browser_of(context, who)
            assert other.get(BASE).status_code == status
            for path in (
                BASE,
                *(f"{BASE}/{made.id}{act}" for act in ("", "/complete", "/reopen", "/delete")),
            ):
                assert other.post(path, {"name": "Mine"}).status_code == status
        assert len(events(project=project)) == 4


class TestIssue:
    def test_an_issue_is_opened_below_another_and_in_a_milestone(
        self, browser: Browser, project: Project, lead: User
    ) -> None:
        made = spring(project, lead)
        form = browser.get("/projects/ORC/issues/new?parent=ORC-1").text
        assert 'name="parent" value="ORC-1"' in form
        assert '<option value="Spring">' in form
        fields = {"title": "Below", "milestone": "Spring", "parent": "orc-1"}
        answer = browser.post("/projects/ORC/issues", fields)
        assert answer.location == "/issues/ORC-3"
        assert (issue(3).milestone_id, issue(3).parent_id) == (made.id, issue(1).id)
        page = browser.get("/issues/ORC-3")
        assert "opened this in Orchard as a sub-issue of ORC-1 Top for the milestone Spring" in words(page)
        assert "Milestone Spring Parent ORC-1 Top" in words(page)
        assert page.text.index('href="/issues/ORC-1"') < page.text.index('aria-current="page"')
        parent = words(browser.get("/issues/ORC-1"))
        assert "Sub-issues 0 of 1 done Add sub-issue" in parent
        assert "ORC-3 Below" in parent
        assert "added the sub-issue ORC-3 Below" in parent
        listed = words(browser.get("/projects/ORC/issues?q=milestone:spring"))
        assert "Below Spring" in listed

    def test_what_cannot_be_is_said_at_its_field_and_opens_nothing(self, browser: Browser) -> None:
        for fields, sentence in (
            ({"parent": "ORC-99"}, "There is no issue ORC-99 in Orchard"),
            ({"milestone": "May"}, "There is no milestone May in Orchard"),
        ):
            answer = browser.post("/projects/ORC/issues", {"title": "Below", **fields})
            assert answer.status_code == 422
            assert sentence in words(answer)
            assert f'id="{next(iter(fields))}-error"' in answer.text
            assert 'value="Below"' in answer.text
        assert db.session.query(Issue).count() == 2

    def test_the_form_of_details_changes_both_and_keeps_what_was_sent_when_refused(
        self, browser: Browser, project: Project, lead: User
    ) -> None:
        made = spring(project, lead)
        answer = browser.post("/issues/ORC-2/properties", {"milestone": "Spring", "parent": "1"})
        assert answer.status_code == 303
        assert (issue(2).milestone_id, issue(2).parent_id) == (made.id, issue(1).id)
        form = browser.get("/issues/ORC-2/properties").text
        assert '<option value="Spring" selected>' in form
        assert 'name="parent" value="ORC-1"' in form
        refused = browser.post("/issues/ORC-1/properties", {"milestone": "Spring", "parent": "ORC-2"})
        assert refused.status_code == 422
        assert "ORC-2 is below ORC-1" in words(refused)
        assert 'name="parent" value="ORC-2"' in refused.text
        assert (issue(1).milestone_id, issue(1).parent_id) == (None, None)
        kept = browser.post("/issues/ORC-2/properties", {"priority": "high"})
        assert kept.status_code == 303
        assert (issue(2).milestone_id, issue(2).parent_id) == (made.id, issue(1).id)
        assert actions(issue(2)) == ["created", "milestone_changed", "parent_changed", "priority_changed"]

    def test_both_are_resources_of_their_own(self, browser: Browser, project: Project, lead: User) -> None:
        spring(project, lead)
        htmx = {"headers": {"HX-Request": "true", "HX-Request-Type": "partial"}}
        answer = browser.post("/issues/ORC-2/milestone", {"milestone": "Spring"}, **htmx)
        assert (answer.status_code, answer.headers["HX-Trigger"]) == (204, "live")
        assert browser.post("/issues/ORC-2/parent", {"parent": "ORC-1"}).location.startswith("/issues/ORC-2")
        fragment = browser.get("/issues/ORC-2/feed?after=1", **htmx).text
        assert "Spring" in fragment
        assert 'id="sub-issues" hx-swap-oob="true"' in fragment
        assert browser.post("/issues/ORC-2/parent", {"parent": "ORC-77"}).status_code == 422
        browser.post("/issues/ORC-2/milestone", {"milestone": ""})
        browser.post("/issues/ORC-2/parent", {"parent": ""})
        assert (issue(2).milestone_id, issue(2).parent_id) == (None, None)

    def test_strangers_change_nothing(self, context: Flask, project: Project, lead: User) -> None:
        spring(project, lead)
        viewer, stranger = claimed("Otis"), claimed("Bram")
        add_member(project, viewer, role="viewer", actor=lead.actor)
        db.session.commit()
        for who, status in ((viewer, 403), (stranger, 404)):
            other = browser_of(context, who)
            for path, fields in (
                ("milestone", {"milestone": "Spring"}),
                ("parent", {"parent": "ORC-1"}),
                ("properties", {"milestone": "Spring", "parent": "ORC-1"}),
            ):
                assert other.post(f"/issues/ORC-2/{path}", fields).status_code == status
        assert actions(issue(2)) == ["created"]

    def test_who_may_only_report_opens_an_issue_of_its_own(self, context: Flask, lead: User) -> None:
        public = worlds.project(lead, key="PUB", visibility="public")
        worlds.issue(public, lead)
        db.session.commit()
        other = browser_of(context, claimed("Bram"))
        other.post("/projects/PUB/issues", {"title": "Hello", "parent": "PUB-1"})
        made = db.session.query(Issue).filter_by(title="Hello").one()
        assert made.parent_id is None


def test_the_filters_of_lists_know_both(browser: Browser, project: Project, lead: User) -> None:
    spring(project, lead)
    browser.post("/issues/ORC-2/milestone", {"milestone": "Spring"})
    browser.post("/issues/ORC-2/parent", {"parent": "ORC-1"})
    for line, found in (
        ("milestone:spring", {"Low"}),
        ("-milestone:spring", {"Top"}),
        ("no:milestone", {"Top"}),
        ("milestone:none", {"Top"}),
        ("-no:milestone", {"Low"}),
        ("parent:ORC-1", {"Low"}),
        ("parent:orc-1 milestone:spring", {"Low"}),
        ("parent:none", {"Top"}),
        ("no:parent,milestone", {"Top"}),
        ("parent:TLS-1", set()),
    ):
        page = browser.get("/projects/ORC/issues", query_string={"q": line}).text
        assert {name for name in ("Low", "Top") if f">{name}</a>" in page} == found, line
    wrong = browser.get("/projects/ORC/issues?q=no:title")
    assert wrong.status_code == 422
    assert "have no “title”. Use one of milestone, parent, label, assignee." in words(wrong)


def test_pages_cost_the_same_whatever_hangs_below(
    browser: Browser, project: Project, lead: User, context: Flask
) -> None:
    def cost(path: str) -> int:
        statements: list[str] = []
        browser.get(path)

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            statements.append(statement)

        sa_event.listen(db.engine, "before_cursor_execute", note)
        try:
            assert browser.get(path).status_code == 200
        finally:
            sa_event.remove(db.engine, "before_cursor_execute", note)
        return len([one for one in statements if not one.startswith("BEGIN")])

    paths = ("/projects/ORC/issues", "/issues/ORC-1", BASE, "/issues/ORC-1/properties")
    made = spring(project, lead)
    before = [cost(path) for path in paths]
    top = issue(1)
    for number in range(12):
        milestone = create_milestone(fresh(project), name=f"M{number}", actor=lead.actor)
        below = worlds.issue(project, lead, title=f"Part {number}", milestone=milestone, parent=top)
        if number % 2:
            change_status(below, "resolve", actor=lead.actor)
        db.session.commit()
    browser.post("/issues/ORC-1/milestone", {"milestone": made.name})
    assert [cost(path) for path in paths] == before
    assert "6 of 12 done" in words(browser.get("/issues/ORC-1"))
