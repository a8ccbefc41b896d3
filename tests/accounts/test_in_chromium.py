"""Every page of accounts, people and project settings in a real browser: nothing axe-core objects to, no
sideways scroll, no complaint of the console, in both themes, wide and narrow, filled and refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from app import create_app
from app.accounts.session import open_session
from app.db import db
from app.issues.label import COLORS, create_label
from app.projects.membership import add_member
from tests.conftest import settings_for
from tests.support import world as worlds
from tests.support.browser import accessibility_findings, chromium, scrolls_sideways, serving, watch_console
from tests.support.databases import sqlite_copy
from tests.support.web import claimed

pytestmark = pytest.mark.browser
PAGES = (
    "/projects",
    "/projects?show=archived",
    "/projects/new",
    "/projects/ORC/settings",
    "/projects/ORC/settings/members",
    "/projects/ORC/settings/labels",
    "/settings/profile",
    "/settings/password",
    "/settings/sessions",
    "/settings/tokens",
    "/settings/appearance",
    "/admin/people",
    "/admin/people?q=nobody-at-all",
    "/admin/people/{boss}",
    "/admin/people/{ida}",
)
NARROWEST = 320
PASSWORD = "a fine sentence"
LONG = "Bartholomew Featherstonehaugh-Cholmondeley the Younger of Somewhere Far Away 80"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def product(sqlite_template: Path, tmp_path: Path, valkey: str) -> Iterator[Flask]:
    with sqlite_copy(sqlite_template, tmp_path) as url:
        app = create_app(settings_for(tmp_path / "instance", url, valkey))
        yield app
        with app.app_context():
            db.engine.dispose()


def ours(complaints: list[str]) -> list[str]:
    """Without what is meant to be: a refused form is 422, and this server has no streams."""
    return [one for one in complaints if not one.startswith("Failed to load resource")]


def look_at(page: Page, where: str) -> list[str]:
    """What is wrong with the page as it stands."""
    found: list[str] = []
    for theme, width in (("light", 1440), ("dark", 390)):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{where} {theme} {width}: {one}" for one in accessibility_findings(page)]
    page.set_viewport_size({"width": NARROWEST, "height": 900})
    if scrolls_sideways(page):
        found.append(f"{where} scrolls sideways at {NARROWEST}")
    return found


def test_the_door_and_the_first_project(product: Flask, browser: Browser) -> None:
    with serving(product) as base:
        page = browser.new_page(reduced_motion="reduce")
        complaints = watch_console(page)
        found = set_up(page, base) + make_project(page, base) + sign_in_again(page, base)
        page.close()
    assert found == []
    assert ours(complaints) == []


def set_up(page: Page, base: str) -> list[str]:
    page.goto(f"{base}/setup")
    found = look_at(page, "set-up")
    page.fill("[name=name]", "Juno Alder")
    page.fill("[name=email]", "nowhere")
    page.get_by_role("button", name="Create account").click()
    assert page.locator("[aria-invalid=true]").get_attribute("name") == "email"
    assert page.evaluate("document.activeElement.name") == "email"
    assert page.input_value("[name=name]") == "Juno Alder"
    found += look_at(page, "set-up refused")
    for name, value in (("email", "juno@example.org"), ("username", "juno"), ("password", PASSWORD)):
        page.fill(f"[name={name}]", value)
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url(f"{base}/")
    return found


def make_project(page: Page, base: str) -> list[str]:
    page.goto(f"{base}/projects")
    found = look_at(page, "no projects")
    page.get_by_role("link", name="New project").first.click()
    page.fill("[name=name]", "Orchard")
    page.get_by_role("button", name="Make project").click()
    found += look_at(page, "project refused")
    page.fill("[name=key]", "orc")
    page.get_by_role("button", name="Make project").click()
    page.wait_for_url(f"{base}/projects/ORC/issues")
    return found


def sign_in_again(page: Page, base: str) -> list[str]:
    page.goto(f"{base}/settings/profile")
    page.locator("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{base}/sign-in")
    found = look_at(page, "sign in")
    page.fill("[name=email]", "juno@example.org")
    page.fill("[name=password]", "not it")
    page.get_by_role("button", name="Sign in").click()
    found += look_at(page, "sign in refused")
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{base}/")
    return found


def test_every_page_filled(product: Flask, browser: Browser) -> None:
    with product.app_context():
        cookie, names = fill_the_world(product)
    found: list[str] = []
    with serving(product) as base:
        context = browser.new_context(reduced_motion="reduce")
        context.add_cookies([{"name": "session", "value": cookie, "url": base}])
        page = context.new_page()
        complaints = watch_console(page)
        for path in PAGES:
            answer = page.goto(base + path.format(**names))
            assert answer is not None
            assert (path, answer.status) == (path, 200)
            found += look_at(page, path)
        context.close()
    assert found == []
    assert ours(complaints) == []


def fill_the_world(product: Flask) -> tuple[str, dict[str, str]]:
    """Long names and many of everything; the cookie of an administrator, and the usernames PAGES needs."""
    boss = claimed("Boss", admin=True)
    ida = worlds.person("Ida", password_hash=None)
    place = worlds.project(boss)
    for name, role in (("Otis", "member"), ("Hazel", "viewer"), (LONG.split()[1], "member")):
        add_member(place, worlds.person(name), role=role, actor=boss.actor)  # type: ignore[arg-type]
    for number, color in enumerate(COLORS):
        create_label(place, name=f"{color} {'long ' * number}label", color=color, actor=boss.actor)
    worlds.project(boss, key="LONG", visibility="public", name=LONG)
    open_session(boss, address="198.51.100.7", agent=None)
    _session, token = open_session(boss, address="127.0.0.1", agent="Firefox")
    db.session.commit()
    signer = product.session_interface.get_signing_serializer(product)  # type: ignore[attr-defined]
    cookie = str(signer.dumps({"_user_id": token, "_fresh": True}))
    return cookie, {"boss": boss.username, "ida": ida.username}
