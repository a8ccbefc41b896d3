"""Every component in a real browser: nothing is refused by the content policy, and everybody can use it."""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.browser import (
    WIDTHS,
    accessibility_findings,
    scrolls_sideways,
    serving,
    until,
    watch_console,
)
from tests.web import gallery
from tests.web.test_templates import PAGES

pytestmark = pytest.mark.browser


@pytest.fixture
def address(web: Flask) -> Iterator[str]:
    gallery.said.clear()
    gallery.visited.clear()
    with serving(web) as url:
        yield url


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_clean_in_both_themes_and_at_every_width(
    context: BrowserContext, address: str, theme: str
) -> None:
    context.add_cookies([{"name": "theme", "value": theme, "url": address}])
    page = context.new_page()
    complaints = watch_console(page)
    for name in PAGES:
        page.goto(f"{address}/gallery/{name}")
        scheme = page.evaluate("() => getComputedStyle(document.documentElement).colorScheme")
        assert scheme == theme
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert not scrolls_sideways(page), f"{name} at {width}"
            if width in (390, 1440):
                assert accessibility_findings(page) == [], f"{name} at {width}"
    assert [one for one in complaints if "status of 404" not in one and "status of 500" not in one] == []


def test_the_theme_changes_at_once_and_without_a_script(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/gallery/components")
    page.get_by_role("radio", name="Dark").check()
    expect(page.locator("html")).to_have_css("color-scheme", "dark")
    context.close()


def test_a_comment_is_sent_with_the_keyboard_stands_greyed_and_arrives_once(page: Page, address: str) -> None:
    complaints = watch_console(page)
    page.goto(f"{address}/gallery/live")
    page.keyboard.press("n")
    box = page.get_by_role("textbox", name="Comment")
    expect(box).to_be_focused()
    box.type("Hello <b>there</b>")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#feed > .event")).to_have_count(1)
    expect(page.locator("#event-1")).to_contain_text("Hello <b>there</b>")
    expect(box).to_have_value("")
    expect(page.locator(".pending")).to_have_count(0)
    expect(box).to_be_focused()
    assert gallery.said == ["Hello <b>there</b>"]
    assert complaints == []


def test_a_refused_comment_keeps_its_text_and_says_why(page: Page, address: str) -> None:
    page.goto(f"{address}/gallery/live")
    box = page.get_by_role("textbox", name="Comment")
    box.fill("refuse me")
    page.get_by_role("button", name="Comment").click()
    expect(page.locator("#composer .note, form.composer .note")).to_contain_text("Hazel resolved this")
    expect(box).to_have_value("refuse me")
    expect(page.locator(".pending")).to_have_count(0)


def test_a_draft_survives_a_reload_until_it_is_sent(page: Page, address: str) -> None:
    page.goto(f"{address}/gallery/live")
    page.get_by_role("textbox", name="Comment").fill("half a thought")
    page.reload()
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("half a thought")
    page.get_by_role("button", name="Comment").click()
    expect(page.locator("#event-1")).to_be_attached()
    page.reload()
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("")


def test_a_comment_works_without_scripts(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/gallery/live")
    page.get_by_role("textbox", name="Comment").fill("plain")
    page.get_by_role("button", name="Comment").click()
    page.wait_for_url("**/gallery/live")
    assert gallery.said == ["plain"]
    context.close()


def test_news_out_of_view_move_nothing_and_a_pill_counts_them(page: Page, address: str) -> None:
    page.goto(f"{address}/gallery/live?lines=120")
    page.evaluate("() => scrollTo(0, 2000)")
    until(lambda: page.evaluate("() => scrollY") > 900)
    box = page.get_by_role("textbox", name="Comment")
    line = page.get_by_text("Line 60", exact=True)
    before = line.bounding_box()
    for text in ("one", "two"):
        gallery.said.append(text)
        page.evaluate("() => document.querySelector('.tail').dispatchEvent(new CustomEvent('live'))")
        expect(page.locator(f"#event-{len(gallery.said)}")).to_be_attached()
        expect(page.locator("#announcer")).to_have_text("Otis commented")
    expect(page.locator("[data-fresh]")).to_have_text("2 new updates")
    after = line.bounding_box()
    assert before
    assert after
    assert abs(before["y"] - after["y"]) < 1
    assert box.input_value() == ""
    assert page.evaluate("() => document.activeElement.tagName") == "BODY"


def test_single_keys_press_what_the_page_offers_and_nothing_while_typing(page: Page, address: str) -> None:
    page.goto(f"{address}/gallery/live")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("gh?")
    expect(page.locator("#q")).to_have_value("gh?")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("h")
    expect(page.locator("#later")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("details.menu")).not_to_have_attribute("open", "")
    expect(page.locator("details.menu summary")).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("x")
    page.wait_for_url("**/gallery/plain")


def test_rows_are_walked_and_ticked_with_the_keyboard(page: Page, address: str) -> None:
    page.goto(f"{address}/gallery/live")
    for key in ("j", "j", "k"):
        page.keyboard.press(key)
    expect(page.locator("#row-0")).to_be_focused()
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    expect(page.locator(".tick:checked")).to_have_count(3)
    expect(page.locator(".bulk b")).to_have_text("3")


def test_a_toast_undoes_with_one_key_and_goes_by_itself(page: Page, address: str) -> None:
    page.clock.install()
    page.goto(f"{address}/gallery/live")
    page.evaluate(
        """() => document.dispatchEvent(new CustomEvent("toast", { detail: {
            text: "ORC-142 resolved.", undo_path: "/gallery/undo", undo_fields: { step: "reopen" } } }))"""
    )
    expect(page.get_by_text("ORC-142 resolved.")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_text("Undone: reopen")).to_be_visible()
    page.clock.run_for(8_500)
    expect(page.get_by_text("Undone: reopen")).to_have_count(0)


def test_a_visit_is_told_after_two_seconds_in_view(page: Page, address: str) -> None:
    page.clock.install()
    page.goto(f"{address}/gallery/live")
    page.clock.run_for(1_500)
    assert gallery.visited == []
    page.clock.run_for(1_000)
    until(lambda: gallery.visited == ["3"])


def test_relative_times_grow_older(page: Page, address: str) -> None:
    page.clock.install(time="2026-11-23T15:44:30Z")
    page.goto(f"{address}/gallery/components")
    page.clock.run_for(10 * 60_000)
    expect(page.locator("time[data-relative]").first).to_have_text("10 minutes ago")
