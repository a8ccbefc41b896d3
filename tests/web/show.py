"""Pictures of every component: python -m tests.web.show FOLDER"""

import sys
import tempfile
from pathlib import Path

from app.web import shell
from tests.support.browser import accessibility_findings, chromium, scrolls_sideways, serving, watch_console
from tests.web import gallery
from tests.web.conftest import make_app

PAGES = ("components", "components?toast", "sign-in?bad", "setup", "fails/missing", "fails/bug")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    app = make_app(Path(tempfile.mkdtemp()))
    shell.register(gallery.provide)  # after the domain has
    with serving(app) as url, chromium() as browser:
        for theme in ("light", "dark"):
            for width in (1440, 390, 320):
                context = browser.new_context(
                    viewport={"width": width, "height": 900}, reduced_motion="reduce"
                )
                context.add_cookies([{"name": "theme", "value": theme, "url": url}])
                page = context.new_page()
                complaints = watch_console(page)
                for name in PAGES:
                    page.goto(f"{url}/gallery/{name}")
                    safe = name.replace("/", "-").replace("?", "-")
                    page.screenshot(path=folder / f"{safe}-{width}-{theme}.png", full_page=True)
                    found = accessibility_findings(page)
                    print(name, width, theme, scrolls_sideways(page), found, complaints)  # noqa: T201
                    complaints.clear()
                context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
