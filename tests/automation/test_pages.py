"""The editor and the pages of rules, without JavaScript: every button sends the form and gets it back changed."""

import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event as sa_event
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.accounts.user import User
from app.automation.rule import Rule, RuleVersion
from app.db import db
from app.events.event import Event
from app.feeds.queries import latest
from app.issues.label import create_label
from app.issues.workflow import change_status
from app.projects.membership import add_member
from app.projects.project import Project
from tests.automation.build import events, outcomes, rule, said
from tests.support import world as worlds
from tests.support.deliveries import deliver
from tests.support.web import Browser, browser_of, claimed, words

BASE = "/projects/ORC/settings/automation"
CLOSING = {
    "name": "Tidy",
    "when": ["status_changed"],
    "match": "all",
    "if_field": ["status"],
    "if_op": ["is"],
    "if_value": ["resolved"],
    "if_name": [""],
    "then_do": ["move", "comment"],
    "then_value": ["close", ""],
    "then_title": ["", ""],
    "then_text": ["Done", "Thank you, {actor}"],
}


@pytest.fixture
def lead(context: Flask) -> User:
    return claimed("Rowan")


@pytest.fixture
def project(lead: User) -> Project:
    made = worlds.project(lead)
    db.session.commit()
    return made


@pytest.fixture
def browser(context: Flask, lead: User, project: Project) -> Browser:
    return browser_of(context, lead)


def one_rule() -> Rule:
    return db.session.scalars(select(Rule)).one()


def of_project(project: Project) -> list[str]:
    return [event.action for event, _ in events(project=project)]


def save(browser: Browser, **changes: Any) -> TestResponse:
    return browser.post(f"{BASE}/new", CLOSING | {"act": "save"} | changes)


class TestEditor:
    def test_a_rule_is_made_off_and_switched_on_after_a_dry_run(
        self, browser: Browser, project: Project, lead: User
    ) -> None:
        assert "No rules" in words(browser.get(BASE))
        answer = save(browser)
        made = one_rule()
        assert (answer.status_code, answer.location) == (303, f"{BASE}/{made.id}")
        assert (made.enabled, made.author_id) == (False, lead.id)
        page = words(browser.get(answer.location))
        assert (
            "When work is started, stopped or finished (resolved), if the status is resolved: "
            "close it “Done” and comment “Thank you, {actor}”." in page
        )
        early = browser.post(f"{BASE}/{made.id}/enable")
        assert early.status_code == 409
        assert "Nobody has tried this version yet" in words(early)
        tried = browser.post(f"{BASE}/{made.id}/dry-run", {"days": "30"})
        assert "It would not have acted in 30 days" in words(tried)
        assert browser.post(f"{BASE}/{made.id}/enable").status_code == 303
        db.session.expire_all()
        assert one_rule().enabled
        assert of_project(project)[2:] == ["rule_created", "rule_dry_run", "rule_enabled"]

    def test_a_second_press_switches_on_without_a_dry_run(self, browser: Browser) -> None:
        save(browser)
        made = one_rule()
        assert browser.post(f"{BASE}/{made.id}/enable", {"anyway": "1"}).status_code == 303
        db.session.expire_all()
        assert one_rule().enabled

    def test_buttons_add_drop_and_move_rows_and_save_nothing(self, browser: Browser) -> None:
        def rows(answer: TestResponse, name: str) -> list[str]:
            assert answer.status_code == 200
            return re.findall(rf'name="{name}" value="([^"]*)"', answer.text)

        more = browser.post(f"{BASE}/new", CLOSING | {"act": "add-if", "new_if": "label"})
        assert rows(more, "if_field") == ["status", "label"]
        fewer = browser.post(f"{BASE}/new", CLOSING | {"act": "drop-if-0"})
        assert rows(fewer, "if_field") == []
        moved = browser.post(f"{BASE}/new", CLOSING | {"act": "up-then-1"})
        assert rows(moved, "then_do") == ["comment", "move"]
        added = browser.post(f"{BASE}/new", CLOSING | {"act": "add-then", "new_then": "create"})
        assert rows(added, "then_do") == ["move", "comment", "create"]
        assert "Thank you, {actor}" in added.text
        also = browser.post(f"{BASE}/new", CLOSING | {"act": "add-when"})
        assert also.text.count('name="when"') == 2
        assert db.session.scalar(select(func.count()).select_from(Rule)) == 0

    def test_each_example_can_be_saved_as_it_is(self, browser: Browser) -> None:
        starts = re.findall(r"new\?start=([a-z-]+)", browser.get(BASE).text)
        examples = [one for one in dict.fromkeys(starts) if one != "quiet"]
        assert len(examples) >= 6
        for start in examples:
            fields = _fields(browser.get(f"{BASE}/new?start={start}").text)
            answer = browser.post(f"{BASE}/new", fields | {"act": "save"})
            assert answer.status_code == 303, words(answer)
        assert db.session.scalar(select(func.count()).select_from(Rule)) == len(examples)

    def test_a_change_keeps_what_the_rule_said_before(self, browser: Browser, project: Project) -> None:
        save(browser)
        made = one_rule()
        fields = _fields(browser.get(f"{BASE}/{made.id}/edit").text)
        assert fields["then_text"] == CLOSING["then_text"]
        browser.post(f"{BASE}/{made.id}/edit", fields | {"act": "save"})
        browser.post(f"{BASE}/{made.id}/edit", fields | {"act": "save", "name": "Tidier"})
        db.session.expire_all()
        assert (one_rule().name, one_rule().version) == ("Tidier", 2)
        kept = db.session.scalars(select(RuleVersion)).one()
        assert (kept.name, kept.version) == ("Tidy", 1)
        assert of_project(project)[2:] == ["rule_created", "rule_changed"]

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"name": ""}, "The name is missing"),
            ({"name": "x" * 101}, "100 is the most"),
            ({"when": []}, "Say when"),
            ({"when": ["nonsense"]}, "Nothing that happens to an issue is called “nonsense”"),
            ({"when": ["rule_applied"]}, "is called “rule_applied”"),
            ({"if_value": [""]}, "Choose one of"),
            ({"if_value": ["burning"]}, "There is no “burning” here"),
            ({"if_op": ["has"]}, "cannot be asked of this"),
            ({"if_field": ["colour"]}, "There is no condition on “colour”"),
            ({"if_field": ["label"], "if_op": ["has"], "if_value": ["bug"]}, "There is no label “bug”"),
            ({"if_field": ["assignee"], "if_value": ["nobody9"]}, "There is nobody called nobody9"),
            ({"if_field": ["age"], "if_op": ["at_least"], "if_value": ["soon"]}, "whole number of days"),
            (
                {"if_field": ["labels"], "if_op": ["less_than"], "if_value": ["few"]},
                "Give a whole number from 1",
            ),
            ({"if_field": ["fact"], "if_name": ["colour"]}, "has no fact called “colour”"),
            ({"if_field": ["comment"], "if_op": ["contains"]}, "Only a comment has a text"),
            (
                {
                    "if_field": ["status", "status"],
                    "if_op": ["is", "is"],
                    "if_value": ["open", "closed"],
                    "if_name": ["", ""],
                },
                "No status fits",
            ),
            ({"when": ["closed"]}, "No status fits"),
            ({"then_do": [], "then_value": [], "then_title": [], "then_text": []}, "Say what to do"),
            ({"then_text": ["Done", " "]}, "Write the comment"),
            ({"then_text": ["Done", "Hello {who}"]}, "{who} stands for nothing"),
            ({"then_value": ["reopen", ""], "if_value": ["in_progress"]}, "The workflow never allows this"),
            ({"then_do": ["add_label", "comment"], "then_value": ["bug", ""]}, "takes no text"),
            ({"then_do": ["assign", "comment"], "then_text": ["", "Hi"]}, "There is nobody called close"),
            ({"then_text": ["Done", "x" * 4_001]}, "4,001 characters; 4,000 are the most"),
            ({"when": ["commented"], "if_field": [], "then_value": ["close", ""]}, "answer itself for ever"),
            ({"match": "some", "then_text": ["\x00", "x"]}, ""),
        ],
    )
    def test_what_cannot_mean_anything_is_said_at_its_place(
        self, browser: Browser, project: Project, changes: dict[str, Any], sentence: str
    ) -> None:
        before = db.session.scalar(select(func.count()).select_from(Event))
        answer = save(browser, **changes)
        assert answer.status_code in ((422,) if sentence else (400, 422)), words(answer)
        assert sentence in words(answer)
        assert db.session.scalar(select(func.count()).select_from(Rule)) == 0
        assert db.session.scalar(select(func.count()).select_from(Event)) == before

    @pytest.mark.parametrize(
        "act", ["explode-if-1", "drop-if-x", "drop-if-99999", "up-then-0", "add-nothing", "-"]
    )
    def test_a_button_that_is_not_there_harms_nothing(self, browser: Browser, act: str) -> None:
        assert browser.post(f"{BASE}/new", CLOSING | {"act": act}).status_code in (200, 422)

    def test_hostile_names_and_texts_are_only_text(self, browser: Browser) -> None:
        hostile = "<img src=x onerror=alert(1)>"
        answer = save(browser, name=hostile, then_text=["", hostile])
        for path in (BASE, answer.location, f"{answer.location}/edit"):
            page = browser.get(path).text
            assert hostile not in page
            assert "&lt;img src=x" in page


class TestStanding:
    @pytest.mark.parametrize(("role", "status"), [("member", 403), ("viewer", 403), (None, 404)])
    def test_only_leads_make_and_change_rules(
        self, context: Flask, project: Project, lead: User, role: Any, status: int
    ) -> None:
        made = rule(project, lead, said("closed", steps=({"do": "priority", "value": "low"},)))
        other = claimed("Otis")
        if role:
            add_member(project, other, role=role, actor=lead.actor)
            db.session.commit()
        theirs = browser_of(context, other)
        for path in (BASE, f"{BASE}/new", f"{BASE}/{made.id}/edit"):
            assert theirs.get(path).status_code == status
        for path in ("new", f"{made.id}/edit", f"{made.id}/enable", f"{made.id}/disable"):
            assert theirs.post(f"{BASE}/{path}", CLOSING | {"act": "save"}).status_code == status
        for path in (f"{made.id}/delete", f"{made.id}/dry-run"):
            assert theirs.post(f"{BASE}/{path}", {"days": "7"}).status_code == status
        page = theirs.get(f"{BASE}/{made.id}")
        assert page.status_code == (200 if role else 404)
        assert "Dry run" not in page.text
        db.session.expire_all()
        assert one_rule().enabled

    def test_a_rule_of_another_project_is_not_found_here(self, browser: Browser, lead: User) -> None:
        other = worlds.project(lead, key="TLS", name="Tools")
        made = rule(other, lead, said("closed", steps=({"do": "priority", "value": "low"},)))
        for path in ("", "/edit"):
            assert browser.get(f"{BASE}/{made.id}{path}").status_code == 404
        assert browser.post(f"{BASE}/{made.id}/delete").status_code == 404

    def test_a_removed_rule_is_gone_and_its_name_stays_in_the_feed(
        self, browser: Browser, project: Project, lead: User
    ) -> None:
        made = rule(project, lead, said("closed", steps=({"do": "priority", "value": "low"},)), name="Lower")
        issue = worlds.issue(project, lead)
        db.session.commit()
        change_status(issue, "close", actor=lead.actor)
        db.session.commit()
        deliver("events")
        assert outcomes(made) == ["applied"] or outcomes(made) == ["unchanged"]
        assert browser.post(f"{BASE}/{made.id}/delete").status_code == 303
        assert browser.get(f"{BASE}/{made.id}").status_code == 404
        assert "No rules" in words(browser.get(BASE))


class TestFeed:
    def test_the_line_names_the_rule_and_what_set_it_off(
        self, browser: Browser, project: Project, lead: User
    ) -> None:
        steps = ({"do": "priority", "value": "high"}, {"do": "comment", "text": "Noted"})
        rule(project, lead, said("closed", steps=steps), name="Look again")
        issue = worlds.issue(project, lead)
        change_status(issue, "close", actor=lead.actor)
        db.session.commit()
        deliver("events")
        page = words(browser.get("/issues/ORC-1"))
        assert (
            "Automation raised the priority from None to High because of rule Look again , "
            "because Rowan closed this without fixing" in page.replace("  ", " ")
        ), page
        everywhere = words(browser.get("/projects/ORC/activity"))
        assert "because of rule Look again" in everywhere
        assert "because Rowan closed ORC-1 without fixing" in everywhere

    def test_a_page_without_robots_costs_what_it_did(self, project: Project, lead: User) -> None:
        issue = worlds.issue(project, lead)
        change_status(issue, "close", actor=lead.actor)
        db.session.commit()
        asked: list[str] = []
        sa_event.listen(db.engine, "before_cursor_execute", lambda *one: asked.append(one[2]))
        db.session.refresh(issue)
        asked.clear()
        latest(issue)
        plain = len(asked)
        steps = ({"do": "priority", "value": "high"}, {"do": "assign", "value": "@reporter"})
        rule(project, lead, said("reopened", steps=steps), name="One")
        rule(project, lead, said("reopened", steps=({"do": "comment", "text": "Hm"},)), name="Two")
        change_status(issue, "reopen", actor=lead.actor)
        db.session.commit()
        deliver("events")
        db.session.refresh(issue)
        asked.clear()
        found = latest(issue)
        assert sum(bool(line.why) for line in found.lines) == 3
        assert (plain, len(asked)) == (2, 5)


def _fields(page: str) -> dict[str, Any]:
    """What a browser would send for the editor's form."""
    form = page[page.index('id="editor"') :]
    form = form[: form.index("</form>")]
    found: dict[str, list[str]] = {}
    pattern = re.compile(
        r'<input[^>]*?name="(?P<input>\w+)"[^>]*?>'
        r'|<textarea[^>]*?name="(?P<area>\w+)"[^>]*>(?P<text>.*?)</textarea>'
        r'|<select[^>]*?name="(?P<select>\w+)"[^>]*>(?P<options>.*?)</select>',
        re.DOTALL,
    )
    for match in pattern.finditer(form):
        if match["input"]:
            value = re.search(r'value="([^"]*)"', match[0])
            found.setdefault(match["input"], []).append(value[1] if value else "")
        elif match["area"]:
            found.setdefault(match["area"], []).append(match["text"])
        else:
            chosen = re.search(r'<option value="([^"]*)" selected', match["options"])
            first = re.search(r'<option value="([^"]*)"', match["options"])
            found.setdefault(match["select"], []).append((chosen or first)[1])  # type: ignore[index]
    found.pop("csrf_token", None)
    unescaped = {name: [unescape(value) for value in values] for name, values in found.items()}
    single = ("name", "match", "new_if", "new_then", "quiet_days")
    return {name: values[0] if name in single else values for name, values in unescaped.items()}


def test_labels_of_the_project_can_be_chosen(browser: Browser, project: Project, lead: User) -> None:
    create_label(project, name="needs-info", color="sky", actor=lead.actor)
    db.session.commit()
    page = browser.post(f"{BASE}/new", CLOSING | {"act": "add-if", "new_if": "label"})
    assert '<option value="needs-info">' in page.text
