"""One template gives the page and its part; times, names and numbers are written one way."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import Markup

from app.web import filters, reader
from app.web.toasts import toast_now, trigger
from tests.web.samples import NOW

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}


def test_htmx_gets_the_part_it_asked_for_and_others_the_page(client: FlaskClient) -> None:
    page = client.get("/gallery/components").text
    part = client.get("/gallery/components", headers=PART).text
    assert page.startswith("<!doctype html>")
    assert part.lstrip().startswith('<nav class="crumbs"')
    assert "<html" not in part


@pytest.mark.parametrize(
    "headers",
    [
        {"HX-Request": "true", "HX-Request-Type": "full"},
        {"HX-Request": "true"},
        {**PART, "HX-History-Restore-Request": "true"},
    ],
)
def test_a_whole_page_is_given_where_one_is_needed(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.get("/gallery/components", headers=headers).text.startswith("<!doctype html>")


def test_the_theme_of_the_cookie_is_chosen_without_a_script(client: FlaskClient) -> None:
    client.set_cookie("theme", "dark")
    page = client.get("/gallery/components").text
    assert '<html lang="en" data-theme="dark"' in page
    assert 'value="dark" id="theme-dark" checked' in page
    client.set_cookie("theme", '"><script>')
    assert 'data-theme="system"' in client.get("/gallery/components").text


def test_a_toast_waits_for_the_next_page_and_is_shown_once(client: FlaskClient) -> None:
    assert "ORC-142 resolved." in client.get("/gallery/components?toast").text
    assert "ORC-142 resolved." not in client.get("/gallery/components").text


def test_signals_to_htmx_add_up(web: Flask) -> None:
    with web.test_request_context():
        answer = trigger(toast_now(web.response_class(), "Größe", undo_path="/x", step="reopen"), live=True)
    assert answer.headers["HX-Trigger"].isascii()
    assert '"live": true' in answer.headers["HX-Trigger"]
    assert '"undo_fields": {"step": "reopen"}' in answer.headers["HX-Trigger"]


@time_machine.travel(NOW, tick=False)
def test_times_are_said_as_people_say_them(web: Flask) -> None:
    with web.app_context():
        ages = [(30, "just now"), (60, "1 minute ago"), (3_599, "59 minutes ago"), (7_200, "2 hours ago")]
        ages += [(86_400 * 3, "3 days ago"), (86_400 * 40, "14 October"), (86_400 * 400, "19 October 2025")]
        for seconds, words in ages:
            assert filters.relative(NOW - timedelta(seconds=seconds)) == words
        short = [(30, "now"), (180, "3 min"), (79_200, "22 h"), (86_400 * 5, "5 d"), (86_400 * 40, "14 Oct")]
        for seconds, words in short:
            assert filters.short(NOW - timedelta(seconds=seconds)) == words
        days = [
            (0, ("Today", "23 November")),
            (1, ("Yesterday", "22 November")),
            (3, ("Friday", "20 November")),
        ]
        days += [(7, ("16 November", "Monday")), (365, ("23 November 2025", "Sunday"))]
        for count, heading in days:
            assert filters.day_heading(NOW - timedelta(days=count)) == heading
        assert filters.since(NOW - timedelta(hours=6)) == "today at 09:44"
        assert filters.since(NOW - timedelta(days=3)) == "on Friday at 15:44"


def test_a_time_carries_its_full_instant(web: Flask) -> None:
    with web.app_context():
        said = filters.when(datetime(2026, 11, 20, 10, 12, tzinfo=UTC))
    assert said == (
        '<time datetime="2026-11-20T10:12:00+00:00" title="20 November 2026, 10:12 UTC">10:12</time>'
    )


def test_times_are_in_the_zone_of_the_reader(web: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    class InTokyo(reader.Visitor):
        zone = "Asia/Tokyo"

    class Nowhere(reader.Visitor):
        zone = "Mars/Base"

    late = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
    for who, words in ((InTokyo, "05:00"), (Nowhere, "20:00")):
        monkeypatch.setattr(reader, "_find", [who])
        with web.test_request_context():
            assert filters.moment_text(late) == words


def test_names_numbers_and_attributes() -> None:
    assert [filters.initials(name) for name in ("Juno Alder", "otis", "Ana B. Cruz", "", "李 小龙")] == [
        *("JA", "O", "AC", "?", "李小")
    ]
    assert {filters.hue(f"person{n}") for n in range(200)} == set(range(1, 8))
    assert filters.hue("Juno") == filters.hue("juno")
    assert filters.number(1444) == "1,444"
    assert [filters.plural(n, "issue") for n in (0, 1, 1444)] == ["0 issues", "1 issue", "1,444 issues"]
    assert filters.plural(2, "person", "people") == "2 people"
    given = {
        "hx_get": "/x?a=1&b=2",
        "class_": 'a"b',
        "disabled": True,
        "checked": False,
        "title": None,
        "id": "",
    }
    assert filters.attrs(given) == Markup(' hx-get="/x?a=1&amp;b=2" class="a&#34;b" disabled')
