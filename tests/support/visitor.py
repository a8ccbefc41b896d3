"""Somebody at a real browser: one context (cookies of its own), as many tabs as they open."""

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Response, expect

from tests.support.browser import until, watch_console
from tests.support.house import PASSWORD, House, Person

PATIENCE = 20.0
"""Seconds until something that should be there at once counts as missing, on a machine with other work."""
_VIOLATIONS = """document.addEventListener("securitypolicyviolation",
    (event) => console.error("policy:", event.violatedDirective, event.blockedURI, event.sample));"""
_WATCH = """() => {
    window.arrivals = [];
    const seen = new Set();
    const look = () => {
        for (const row of document.querySelectorAll("#feed > .event.said:not(.pending)")) {
            if (seen.has(row.id)) continue;
            seen.add(row.id);
            window.arrivals.push([row.querySelector(".prose").textContent.trim(), Date.now()]);
        }
    };
    look();
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
}"""
_NOTE_SENDS = """() => {
    window.sends = [];
    document.addEventListener("submit", ({ target }) => {
        if (target.dataset.composer) window.sends.push([target.body.value, Date.now()]);
    }, true);
}"""

expect.set_options(timeout=PATIENCE * 1000)


class Visitor:
    """A browser window of a person, and what it complained about or asked of other hosts."""

    def __init__(self, browser: Browser, house: House, **options: Any) -> None:
        self.house = house
        self.context: BrowserContext = browser.new_context(
            base_url=house.url, reduced_motion="reduce", **options
        )
        self.context.set_default_timeout(PATIENCE * 1000)
        self.context.add_init_script(_VIOLATIONS)
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.links: set[str] = set()
        self.page: Page = self.tab()

    def tab(self) -> Page:
        """Another tab of the same person."""
        page = self.context.new_page()
        own = urlsplit(self.house.url).netloc
        page.on(
            "request",
            lambda one: self.foreign.append(one.url) if urlsplit(one.url).netloc not in (own, "") else None,
        )
        self.complaints = watch_console(page) if not hasattr(self, "page") else self.complaints
        return page

    def close(self) -> None:
        """Close all tabs."""
        self.context.close()

    def go(self, path: str) -> Response:
        """Open a page of the product."""
        response = self.page.goto(path)
        assert response is not None
        return response

    def sign_in(self, who: Person) -> None:
        """Through the door, as everybody."""
        self.go("/sign-in")
        self.page.fill("input[name=email]", who.email)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("main button.solid")
        expect(self.page.locator("h1")).to_have_text("Home")

    def watch(self, issue: str) -> None:
        """Open an issue, wait until it is live, and note from now on when comments come and go."""
        self.go(f"/issues/{issue}")
        self.is_live()
        self.page.evaluate(_WATCH)
        self.page.evaluate(_NOTE_SENDS)

    def is_live(self) -> None:
        """Return once the page says that it is live."""
        expect(self.page.locator("[data-live-pill]")).to_have_text("Live")

    def comment(self, text: str) -> None:
        """Write a comment and send it with the keyboard."""
        box = self.page.locator("textarea[name=body]")
        box.fill(text)
        box.press("Control+Enter")

    def comments(self) -> list[str]:
        """The comments of the issue, from top to bottom."""
        return [
            text.strip() for text in self.page.locator("#feed > .said:not(.pending) .prose").all_inner_texts()
        ]

    def sees(self, *texts: str, seconds: float = PATIENCE) -> None:
        """Return once exactly these comments stand there, in this order."""
        wanted = list(texts)
        until(lambda: self.comments() == wanted, seconds=seconds, what=f"{wanted}, not {self.comments()}")

    def arrivals(self) -> dict[str, int]:
        """Text -> when it came into the page, in milliseconds of the clock. Fails when one came twice."""
        found: list[list[Any]] = self.page.evaluate("() => window.arrivals")
        texts = [text for text, _ in found]
        assert len(texts) == len(set(texts)), texts
        return dict(found)

    def sends(self) -> dict[str, int]:
        """Text -> when it was sent."""
        return dict(self.page.evaluate("() => window.sends"))

    @property
    def status(self) -> Locator:
        """The one loud status of the issue."""
        return self.page.locator("#status")

    def step(self, name: str) -> None:
        """Press a step beside the issue."""
        self.page.click(f"#moves button[value={name}]")
