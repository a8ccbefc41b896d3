"""A lead makes a rule in the browser, tries it, switches it on, and everybody sees what it does and why."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Orchard
from tests.support.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("journeys")]

BASE = "/projects/ORC/settings/automation"


def add(page: Page, part: str, kind: str, wanted: str) -> None:
    """Add a row of this kind and wait for it."""
    page.select_option(f"select[name=new_{part}]", kind)
    page.click(f"#add-{part}")
    expect(page.locator(wanted)).to_have_count(1)


def write_rule(page: Page, name: str) -> None:
    """When an issue is closed, if the priority is at least high, reopen it and comment."""
    page.fill("#name", name)
    page.select_option("#when-0-value", "closed")
    add(page, "if", "priority", "#if-0-value")
    page.select_option("#if-0-op", "at_least")
    page.select_option("#if-0-value", "high")
    add(page, "then", "comment", "#then-0-text")
    page.fill("#then-0-text", "Not yet, {actor}")
    add(page, "then", "move", "#then-1-value")
    page.select_option("#then-1-value", "reopen")
    expect(page.locator("#if-0-value")).to_have_value("high")
    page.click("#up-then-1")
    expect(page.locator("#then-0-value")).to_have_value("reopen")


def switch_on(page: Page) -> None:
    """A dry run first, then the switch."""
    page.get_by_role("button", name="30 days").click()
    expect(page.locator("#tried")).to_contain_text("Nothing was done")
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator("main")).to_contain_text("Switch off")


def test_a_rule_is_made_in_place_and_its_work_is_seen_live(
    orchard: Orchard, visitor: Callable[..., Visitor]
) -> None:
    lead, reader = visitor(orchard.house, orchard.ada), visitor(orchard.house, orchard.tansy)
    lead.go(f"{BASE}/new")
    lead.page.evaluate("() => { window.stayed = true; }")
    write_rule(lead.page, "Not yet")
    assert lead.page.evaluate("() => window.stayed"), "rows are added in place"
    lead.page.click("#editor button.solid")
    expect(lead.page.locator("#rule")).to_have_text("Not yet")
    switch_on(lead.page)

    issue = orchard.issue("Closed too early")
    orchard.house.ok(orchard.ada, "PATCH", f"/issues/{issue}", {"priority": "urgent"})
    reader.watch(issue)
    orchard.house.ok(orchard.otis, "POST", f"/issues/{issue}/status", {"step": "close"})
    line = reader.page.locator("#feed > .event", has_text="Automation reopened this")
    expect(line).to_contain_text("because of rule")
    expect(line).to_contain_text("because Otis closed this")
    href = urlsplit(lead.page.url).path
    expect(line.get_by_role("link", name="Not yet")).to_have_attribute("href", href)
    reader.sees("Not yet, Otis")
    expect(reader.status).to_have_text("Reopened")

    lead.page.reload()
    expect(lead.page.locator("main")).to_contain_text(issue)
    expect(lead.page.locator("main")).to_contain_text("1 acted in 30 days")
    assert not lead.complaints


def test_a_rule_is_made_without_javascript(orchard: Orchard, visitor: Callable[..., Visitor]) -> None:
    lead = visitor(orchard.house, orchard.ada, java_script_enabled=False)
    lead.go(f"{BASE}/new")
    write_rule(lead.page, "Plain")
    lead.page.press("#name", "Enter")  # saves, and presses none of the buttons before it
    expect(lead.page.locator("#rule")).to_have_text("Plain")
    lead.page.get_by_role("button", name="Switch on").click()
    expect(lead.page.get_by_role("alert")).to_contain_text("Nobody has tried this version yet")
    switch_on(lead.page)
    lead.page.get_by_role("button", name="Switch off").click()
    expect(lead.page.get_by_role("button", name="Switch on")).to_be_visible()


def test_what_cannot_be_is_marked_and_takes_the_focus(
    orchard: Orchard, visitor: Callable[..., Visitor]
) -> None:
    lead = visitor(orchard.house, orchard.ada)
    lead.go(f"{BASE}/new?start=remind")
    lead.page.fill("#name", "")
    lead.page.fill("#then-0-text", "Hello {stranger}")
    lead.page.click("#editor button.solid")
    expect(lead.page.locator("#name-error")).to_contain_text("The name is missing")
    expect(lead.page.locator("#then-0-error")).to_contain_text("{stranger} stands for nothing")
    expect(lead.page.locator("#then-0-text")).to_have_value("Hello {stranger}")
    expect(lead.page.locator("#name")).to_be_focused()
