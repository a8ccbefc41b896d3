"""The commonest tasks with the keyboard alone; each test presses what the list of keys promises."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import Orchard
from tests.support.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("journeys")]


def _press(one: Visitor, *keys: str) -> None:
    for key in keys:
        one.page.keyboard.press(key)


def test_open_the_newest_change_with_j_and_enter(orchard: Orchard, visitor: Callable[..., Visitor]) -> None:
    issue = orchard.issue("The newest")
    one = visitor(orchard.house, orchard.otis)
    one.go("/")
    expect(one.page.locator("#timeline .event").first).to_contain_text("The newest")
    _press(one, "j", "Enter")
    expect(one.page).to_have_url(f"{orchard.house.url}/issues/{issue}")


def test_j_and_k_walk_through_the_list(orchard: Orchard, visitor: Callable[..., Visitor]) -> None:
    for _ in range(2):
        orchard.issue()
    one = visitor(orchard.house, orchard.otis)
    one.go("/projects/ORC/issues")
    second = one.page.locator("[data-row] .key").nth(1).inner_text()
    _press(one, "j", "j", "k", "j", "Enter")
    expect(one.page).to_have_url(f"{orchard.house.url}/issues/{second}")


def test_comment_with_n_and_ctrl_enter(orchard: Orchard, visitor: Callable[..., Visitor]) -> None:
    one = visitor(orchard.house, orchard.otis)
    one.watch(orchard.issue())
    _press(one, "n")
    expect(one.page.locator("textarea[name=body]")).to_be_focused()
    one.page.keyboard.type("rcs? no key acts while one types")
    _press(one, "Control+Enter")
    one.sees("rcs? no key acts while one types")
    expect(one.status).to_have_text("Open")
    _press(one, "Escape")
    expect(one.page.locator("textarea[name=body]")).not_to_be_focused()


@pytest.mark.parametrize(("keys", "status"), [("s", "In progress"), ("r", "Resolved"), ("Shift+R", "Closed")])
def test_steps_have_a_key_each(
    orchard: Orchard, visitor: Callable[..., Visitor], keys: str, status: str
) -> None:
    one = visitor(orchard.house, orchard.otis)
    one.watch(orchard.issue())
    _press(one, keys)
    expect(one.status).to_have_text(status)


def test_take_it_with_i_watch_with_w_label_with_l(orchard: Orchard, visitor: Callable[..., Visitor]) -> None:
    one = visitor(orchard.house, orchard.otis)
    issue = orchard.issue()
    one.watch(issue)
    _press(one, "i")
    expect(one.page.locator("#side dd").first).to_contain_text("Otis")
    expect(one.page.locator("#watch")).to_have_attribute("aria-pressed", "true")
    _press(one, "w")
    expect(one.page.locator("#watch")).to_have_attribute("aria-pressed", "false")
    _press(one, "l")
    expect(one.page).to_have_url(f"{orchard.house.url}/issues/{issue}/properties")


def test_a_new_issue_with_c_a_title_and_ctrl_enter(orchard: Orchard, visitor: Callable[..., Visitor]) -> None:
    one = visitor(orchard.house, orchard.otis)
    one.go("/projects/ORC/issues")
    _press(one, "c")
    expect(one.page.locator("input[name=title]")).to_be_focused()
    one.page.keyboard.type("By keyboard alone")
    _press(one, "Control+Enter")
    expect(one.page.locator("h1.issue-title")).to_have_text("By keyboard alone")


def test_find_by_words_with_slash(orchard: Orchard, visitor: Callable[..., Visitor]) -> None:
    issue = orchard.issue("A zebra crossing")
    one = visitor(orchard.house, orchard.otis)
    one.go("/projects/ORC/issues")
    _press(one, "/")
    expect(one.page.locator("#q")).to_be_focused()
    one.page.keyboard.type("zebra")
    _press(one, "Enter")
    expect(one.page.locator("[data-row]")).to_have_count(1)
    expect(one.page.locator("[data-row]")).to_contain_text(issue)


def test_g_and_a_letter_go_to_places(orchard: Orchard, visitor: Callable[..., Visitor]) -> None:
    one = visitor(orchard.house, orchard.otis)
    one.go("/projects/ORC/issues")
    for letter, path in (
        ("b", "/projects/ORC/board"),
        ("a", "/projects/ORC/activity"),
        ("l", "/projects/ORC/issues"),
        ("i", "/inbox"),
        ("h", "/"),
    ):
        _press(one, "g", letter)
        expect(one.page).to_have_url(f"{orchard.house.url}{path}")
        expect(one.page.locator("#main")).to_be_visible()
        if letter == "i":
            expect(one.page.locator("h1")).to_have_text("Inbox")


def test_the_question_mark_lists_the_keys(orchard: Orchard, visitor: Callable[..., Visitor]) -> None:
    one = visitor(orchard.house, orchard.otis)
    one.go("/")
    sheet = one.page.locator("#keys")
    expect(sheet).to_be_hidden()
    _press(one, "?")
    expect(sheet).to_be_visible()
    expect(sheet).to_contain_text("Resolve")
    _press(one, "Escape")
    expect(sheet).to_be_hidden()


def test_catch_up_with_g_i_and_enter_then_done_with_e(
    orchard: Orchard, visitor: Callable[..., Visitor]
) -> None:
    house = orchard.house
    issue = orchard.issue("Catch up")
    house.ok(orchard.tansy, "POST", f"/issues/{issue}/comments", {"body": "@otis please look"})
    one = visitor(house, orchard.otis)
    one.go("/")
    _press(one, "g", "i")
    expect(one.page.locator(f"#letter-{issue}")).to_be_visible()
    expect(one.page.locator(".reader")).to_contain_text("please look")
    _press(one, "e")
    expect(one.page.locator("#toasts")).to_contain_text("done")
    expect(one.page.locator(f"#letter-{issue}")).to_have_count(0)
