"""Many issues in one act, as a person does it: choose, read what it would do, do it, take it back."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import Orchard
from tests.support.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("journeys")]


def test_with_the_keyboard_choose_read_do_and_undo(orchard: Orchard, visitor: Callable[..., Visitor]) -> None:
    for _ in range(4):
        orchard.issue("Bulk by keys")
    one = visitor(orchard.house, orchard.otis)
    page = one.page
    one.go("/projects/ORC/issues?q=%22bulk%20by%20keys%22")
    one.is_live()
    bar = page.locator(".bulk")
    expect(bar).to_be_hidden()
    for key in ("j", "x", "j", "j", "Shift+X"):
        page.keyboard.press(key)
    expect(bar).to_contain_text("3 chosen")
    one.page.locator(".tick").nth(3).click(modifiers=["Shift"])
    expect(bar).to_contain_text("4 chosen")
    page.locator(".tick").nth(3).click()
    expect(bar).to_contain_text("3 chosen")
    orchard.issue("Bulk by keys, and one that came meanwhile")
    page.locator("#q").focus()  # the list waits while somebody is at it
    expect(page.locator(".tick")).to_have_count(5)
    expect(page.locator(".tick:checked")).to_have_count(3)
    page.get_by_text("Select all shown").click()
    expect(bar).to_contain_text("5 chosen")
    for place in (3, 4):
        page.locator(".tick").nth(place).click()
    page.locator(".tick").nth(1).focus()
    page.keyboard.press("s")
    page.keyboard.press("Enter")
    expect(page.locator("#radius")).to_contain_text("This will change 3 issues")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("3 issues changed")
    expect(page.locator("#g-in_progress + ul .issue")).to_have_count(3)
    page.keyboard.press("z")
    expect(page.locator(".toast")).to_contain_text("3 issues changed back")
    expect(page.locator("#g-in_progress + ul .issue")).to_have_count(0)


def test_without_scripts_it_works_with_forms_alone(orchard: Orchard, visitor: Callable[..., Visitor]) -> None:
    issues = [orchard.issue("Bulk without scripts") for _ in range(2)]
    signed_in = visitor(orchard.house, orchard.otis, fresh=True)
    cookies = signed_in.context.cookies()
    plain = visitor(orchard.house, fresh=True, java_script_enabled=False)
    plain.context.add_cookies(cookies)
    page = plain.page
    plain.go("/projects/ORC/issues?q=%22bulk%20without%22")
    page.get_by_text("Select all shown").click()
    expect(page.locator(".tick:checked")).to_have_count(2)
    page.locator(".bulk summary").nth(0).click()
    page.locator(".bulk button[value=close]").click()
    expect(page.locator("#radius")).to_contain_text("This will change 2 issues")
    page.locator("button[name=act]").click()
    expect(page.locator(".toast")).to_contain_text("2 issues changed")
    for issue in issues:
        plain.go(f"/issues/{issue}")
        expect(plain.status).to_have_text("Closed")
        expect(page.locator("#feed")).to_contain_text("part of a bulk act with 1 other")
