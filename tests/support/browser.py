"""A real Chromium for tests, a server for the app under test, and the two questions every page is asked.

A strict content policy refuses `wait_for_function` with a string: wait with locators, or with `until`.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from tests.support.databases import missing

CHROMIUM = Path(os.environ.get("TIDINGS_CHROMIUM") or "/usr/bin/chromium")
MISSING = "Chromium is not installed: apt-get install chromium, or name it in TIDINGS_CHROMIUM, and run again"
WIDTHS = (320, 390, 768, 1440)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, closed afterwards. Skips with one line where there is none, or fails if all is required.

    Playwright runs once in a process: whoever asks while another has it gets the same one, and the last closes it.
    """
    if not CHROMIUM.exists():
        missing(MISSING)
    if not _running:
        stack = ExitStack()
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        stack.callback(browser.close)
        _running[:] = [(browser, stack)]
    browser, stack = _running[0]
    _users.append(browser)
    try:
        yield browser
    finally:
        _users.pop()
        if not _users:
            _running.clear()
            stack.close()


_running: list[tuple[Browser, ExitStack]] = []
_users: list[Browser] = []


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The address of the app, served by threads on a free port (pages only, no streams)."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def until(condition: Callable[[], Any], *, seconds: float = 5.0, what: str = "it") -> Any:
    """The first true answer; fails when none came in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"Waited {seconds} s for {what}")


def watch_console(page: Page) -> list[str]:
    """Collects what the page complains about: script errors and refusals by the content policy."""
    complaints: list[str] = []
    page.on("console", lambda one: complaints.append(one.text) if one.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


def accessibility_findings(page: Page) -> list[str]:
    """What axe-core has against the page as it stands."""
    results = Axe().run(page)
    return [
        f"{one['id']}: {one['help']} ({', '.join(node['html'][:160] for node in one['nodes'][:3])})"
        for one in results.response["violations"]
    ]


def scrolls_sideways(page: Page) -> bool:
    """Whether the page is wider than its window."""
    wider: bool = page.evaluate(
        "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    return wider
