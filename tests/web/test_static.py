"""What is served from static/ and what may stand in it."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.config import ROOT

STATIC = ROOT / "static"
SHEETS = sorted((STATIC / "css").glob("*.css"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
MOST_CSS = 40_000
MOST_SCRIPT_LINES = 60
MOST_SCRIPT_PACKED = 8_000


def test_all_style_sheets_together_stay_under_forty_thousand_bytes() -> None:
    assert sum(sheet.stat().st_size for sheet in SHEETS) < MOST_CSS


def test_every_style_sheet_is_linked_and_the_order_of_layers_comes_first(client: FlaskClient) -> None:
    page = client.get("/gallery/sign-in").text
    linked = re.findall(r"/static/\w+/css/(\w+)\.css", page)
    assert linked[0] == "layers"
    assert sorted(linked) == [sheet.stem for sheet in SHEETS]


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_a_style_sheet_names_no_other_host_and_no_colour_of_its_own(sheet: Path) -> None:
    text = sheet.read_text()
    assert "//" not in text
    assert "@import" not in text
    if sheet.name not in {"tokens.css", "glyph.css", "avatar.css"}:
        assert not re.search(r"#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(", text)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_short_imports_its_neighbours_and_runs_no_text(script: Path) -> None:
    text = script.read_text()
    assert len(text.splitlines()) <= MOST_SCRIPT_LINES
    assert all(path.startswith("./") for path in re.findall(r'(?:from|import) "([^"]+)"', text))
    assert not re.search(r"\beval\(|new Function|innerHTML|document\.write|https?://", text)


def test_our_own_scripts_are_light() -> None:
    assert len(gzip.compress(b"".join(script.read_bytes() for script in SCRIPTS))) < MOST_SCRIPT_PACKED


def test_every_script_is_reached_from_main() -> None:
    reached, waiting = set(), ["main.js"]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        found = re.findall(r'(?:from|import) "\./([^"]+)"', (STATIC / "js" / name).read_text())
        waiting += [other for other in found if other not in reached]
    assert reached == {script.name for script in SCRIPTS}


def test_vendored_files_are_those_of_their_release() -> None:
    table = (STATIC / "vendor/VENDOR.md").read_text()
    listed = dict(re.findall(r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$", table, re.MULTILINE))
    held = [*(STATIC / "vendor").glob("*.js"), *(STATIC / "fonts").glob("*.woff2")]
    assert {path.relative_to(STATIC).as_posix() for path in held} == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest


def test_every_icon_a_template_or_action_names_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "img/icons.svg").read_text()))
    named = set()
    for template in (ROOT / "templates").rglob("*.html"):
        named |= set(re.findall(r'ui\.(?:icon|glyph)\("([\w-]+)"[,)]', template.read_text()))
        named |= set(re.findall(r'\bicon="([\w-]+)"', template.read_text()))
    assert named <= sprite, named - sprite


def test_a_file_has_the_release_in_its_address_and_is_kept_for_ever(web: Flask, client: FlaskClient) -> None:
    url = web.jinja_env.globals["static_url"]("css/base.css")
    answer = client.get(url)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.content_type == "text/css; charset=utf-8"
    assert client.get(url.replace(url.split("/")[2], "olderrelease")).headers["Cache-Control"] == "no-cache"


def test_text_is_sent_packed_to_who_takes_it(web: Flask, client: FlaskClient) -> None:
    url = web.jinja_env.globals["static_url"]("css/feed.css")
    packed, plain = client.get(url, headers={"Accept-Encoding": "gzip"}), client.get(url)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data)
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert "Accept-Encoding" in plain.headers["Vary"]
    font = client.get(
        web.jinja_env.globals["static_url"]("fonts/inter-var.woff2"), headers={"Accept-Encoding": "gzip"}
    )
    assert "Content-Encoding" not in font.headers
    assert font.content_type == "font/woff2"


@pytest.mark.parametrize(
    "path", ["css/nothing.css", "../app/config.py", "%2e%2e/app/config.py", ".hidden", "css"]
)
def test_what_is_not_a_file_of_ours_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(f"/static/x/{path}").status_code == 404


def test_a_template_that_names_a_missing_file_fails(web: Flask) -> None:
    with pytest.raises(KeyError):
        web.jinja_env.globals["static_url"]("css/none.css")
