"""From an empty database to a moved issue, as the first person on a fresh machine does it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.databases import PostgresServer, postgres_copy
from tests.support.house import PASSWORD, House, house_in
from tests.support.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("journeys")]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A house without anybody in it."""
    if request.param == "sqlite":
        with house_in(tmp_path / "instance") as house:
            yield house
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        with (
            postgres_copy(server, "template_tidings") as url,
            house_in(tmp_path / "instance", {"DATABASE_URL": url}) as house,
        ):
            yield house


def test_the_first_person_sets_up_and_does_the_work(
    empty: House, visitor: Callable[..., Visitor], request: pytest.FixtureRequest
) -> None:
    """With scripts on SQLite, and then once more without scripts; on PostgreSQL without them only."""
    scripts = empty.environment.get("DATABASE_URL") is None
    ada = visitor(empty, java_script_enabled=scripts)
    _set_up(ada)
    _work(ada, "ORC", scripts=scripts)
    assert not ada.complaints
    if scripts:
        plain = visitor(empty, java_script_enabled=False)
        plain.go("/sign-in")
        plain.page.fill("input[name=email]", "ada@example.org")
        plain.page.fill("input[name=password]", PASSWORD)
        plain.page.click("main button.solid")
        expect(plain.page.locator("h1")).to_have_text("Home")
        _work(plain, "LAN", scripts=False)
        assert not plain.complaints


def _set_up(one: Visitor) -> None:
    one.go("/")
    expect(one.page.locator("h1")).to_have_text("Welcome to Tidings")
    for field, value in (
        ("name", "Ada"),
        ("username", "ada"),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
    ):
        one.page.fill(f"input[name={field}]", value)
    one.page.click("main button.solid")
    expect(one.page.locator("h1")).to_have_text("Home")
    assert not one.complaints
    assert one.go("/setup").status == 404
    one.complaints.clear()  # of the 404


def _work(one: Visitor, key: str, *, scripts: bool) -> None:
    page = one.page
    _make_project(one, key)
    page.goto(f"/projects/{key}/issues/new")
    page.fill("input[name=title]", "Card payments fail")
    page.fill("textarea[name=description]", "It **fails** at `checkout`.\n\n<script>alert(1)</script>")
    page.check("input[name=priority][value=high]")
    page.get_by_role("button", name="Open issue").click()
    expect(page.locator("h1.issue-title")).to_have_text("Card payments fail")
    expect(page.locator(".prose strong")).to_have_text("fails")
    expect(page.locator(".prose script")).to_have_count(0)
    expect(one.status).to_contain_text("Open")
    if scripts:
        one.is_live()

    page.fill("textarea[name=body]", "I *look* at it")
    page.locator("form.composer button.solid").click()
    expect(page.locator("#feed > .said:not(.pending) .prose em")).to_have_text("look")

    one.step("start")
    expect(one.status).to_contain_text("In progress")
    expect(page.locator("#feed")).to_contain_text("started work")

    page.locator("#side button", has_text="Take it").click()
    expect(page.locator("#side dd").first).to_contain_text("Ada")

    page.locator("#side a", has_text="Change details").click()
    page.check("input[name=labels][value=bug]")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#side")).to_contain_text("bug")

    expect(page.locator("#watch")).to_have_attribute("aria-pressed", "true")
    page.click("#watch")
    if not scripts:
        expect(page.locator("#watch")).to_have_attribute("aria-pressed", "false")
    page.reload()
    expect(page.locator("#watch")).to_have_attribute("aria-pressed", "false")

    one.step("resolve")
    expect(one.status).to_contain_text("Resolved")
    events = one.house.rows(
        f"SELECT e.action FROM events e JOIN issues i ON i.id = e.issue_id JOIN projects p ON p.id = i.project_id"
        f" WHERE p.key = '{key}' ORDER BY e.seq"
    )
    acts = [action for (action,) in events if action != "viewed"]
    assert acts == [
        "created",
        "commented",
        "status_changed",
        "assigned",
        "labeled",
        "unwatched",
        "status_changed",
    ]


def _make_project(one: Visitor, key: str) -> None:
    page = one.page
    page.goto("/projects/new")
    page.fill("input[name=name]", "Orchard")
    page.fill("input[name=key]", key)
    page.get_by_role("button", name="Make project").click()
    expect(page).to_have_url(f"{one.house.url}/projects/{key}/issues")
    page.goto(f"/projects/{key}/settings/labels")
    page.fill("input[name=name]", "bug")
    page.locator("main form.stack button.solid").last.click()
    expect(page.locator("main")).to_contain_text("bug")
