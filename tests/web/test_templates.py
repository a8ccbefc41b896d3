"""What may stand in a template."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.config import ROOT

FILES = [path for path in sorted((ROOT / "templates").rglob("*.html")) if "mail" not in path.parts]
PAGES = ("components", "components?toast", "sign-in?bad", "setup", "fails/missing", "fails/bug")
REMOTE = re.compile(r"""(?:src|href|action|content)=["']?(?:https?:)?//""")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_nothing_inline_and_nothing_remote(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on|\bjs:|javascript:", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r'hx-trigger="[^"]*\[', text)
    assert not REMOTE.search(text)
    assert "{{ csrf_token" not in text or path.parent.name in {"layouts", "components"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_a_template_begins_by_saying_what_it_needs(path: Path) -> None:
    assert path.read_text().startswith(("{# ", "{#-"))


class Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.named: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            assert not name.startswith("on")
            assert name != "style"
            if name == "id":
                self.ids.append(value or "")
            if name in ("aria-labelledby", "aria-describedby", "for", "popovertarget"):
                self.named += (value or "").split()


@pytest.mark.parametrize("page", PAGES)
def test_ids_are_single_and_those_that_are_named_exist(client: FlaskClient, page: str) -> None:
    found = Ids()
    answer = client.get(f"/gallery/{page}")
    assert answer.status_code == {"fails/missing": 404, "fails/bug": 500}.get(page, 200)
    found.feed(answer.text)
    assert len(found.ids) == len(set(found.ids)), sorted(one for one in found.ids if found.ids.count(one) > 1)
    assert set(found.named) <= set(found.ids)


def test_every_component_is_shown_in_the_gallery() -> None:
    offered = set()
    for path in (ROOT / "templates/components").glob("*.html"):
        offered |= set(re.findall(r"{% macro (\w+)\(", path.read_text()))
    shown = set()
    for path in [*FILES, *(Path(__file__).parent / "templates").rglob("*.html")]:
        shown |= set(re.findall(r"\b(\w+)\(", path.read_text().replace("{% macro ", "{% macro_")))
    assert offered <= shown, offered - shown
