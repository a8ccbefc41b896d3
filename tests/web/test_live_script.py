"""live.js against the real web process: nothing is lost, and the page says how live it is."""

import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.runtime.processtools import Program
from tests.support.browser import until, watch_console

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class Site:
    """A web process that can be killed and started again on the same port."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.stack = folder, stack
        self.url = f"http://127.0.0.1:{self.port}/gallery/live"

    def start(self) -> None:
        command = ("-m", "app.serve", "--port", str(self.port), "--app", "tests.web.live_app:app")
        self.program = self.stack.enter_context(Program(*command, env={"GALLERY_FOLDER": str(self.folder)}))
        until(self._listens, seconds=60, what="the web process")

    def kill(self) -> None:
        self.program.signal(signal.SIGKILL)
        self.program.process.wait()

    def _listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        made = Site(tmp_path, stack)
        made.start()
        yield made


@pytest.fixture
def pages(browser: Browser, site: Site) -> Iterator[tuple[Page, Page]]:
    contexts = [browser.new_context(), browser.new_context()]
    opened = [context.new_page() for context in contexts]
    for page in opened:
        page.goto(site.url)
        expect(page.locator("[data-live-pill]")).to_have_text("Live")
    yield opened[0], opened[1]
    for context in contexts:
        context.close()


def say(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Comment").fill(text)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("")


def test_what_one_says_the_other_sees_once_and_in_order(pages: tuple[Page, Page]) -> None:
    writer, watcher = pages
    complaints = watch_console(watcher)
    for number in range(1, 6):
        say(writer, f"number {number}")
    for page in pages:
        expect(page.locator("#feed > .event:not(.pending)")).to_have_text(
            [f"number {number}" for number in range(1, 6)], timeout=10_000
        )
    assert complaints == []


def test_after_a_crash_the_page_says_so_and_catches_up(pages: tuple[Page, Page], site: Site) -> None:
    _, watcher = pages
    site.kill()
    expect(watcher.locator("[data-live-pill]")).to_have_text("Reconnecting")
    (site.folder / "said").write_text("while away\nand more\n")
    site.start()
    expect(watcher.locator("#feed > .event")).to_have_text(["while away", "and more"], timeout=40_000)
    expect(watcher.locator("[data-live-pill]")).to_have_text("Live")


def test_offline_and_back(pages: tuple[Page, Page]) -> None:
    writer, watcher = pages
    watcher.context.set_offline(True)
    say(writer, "meanwhile")
    expect(watcher.locator("#feed > .event")).to_have_count(0)
    watcher.context.set_offline(False)
    expect(watcher.locator("#feed > .event")).to_have_text(["meanwhile"], timeout=10_000)


def test_where_streams_do_not_get_through_the_page_asks_now_and_then(browser: Browser, site: Site) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.route("**/live?token=*", lambda route: route.abort())
    page.goto(site.url)
    other = context.new_page()
    other.goto(site.url)
    say(other, "by asking")
    expect(page.locator("#feed > .event")).to_have_text(["by asking"], timeout=25_000)
    context.close()
