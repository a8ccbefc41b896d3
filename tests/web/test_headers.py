"""Every answer carries the headers that keep a page its own."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.web.security import CONTENT_POLICY, HEADERS, HSTS
from tests.web.conftest import make_app

ANSWERS = {
    "page": "/gallery/components",
    "door": "/gallery/sign-in",
    "text": "/gallery/plain",
    "missing": "/no/such/page",
    "refused": "/gallery/fails/forbidden",
    "invalid": "/gallery/fails/invalid",
    "broken": "/gallery/fails/bug",
    "database": "/gallery/fails/lost",
    "file": "/static/x/css/base.css",
    "missing file": "/static/x/none.css",
    "program": "/api/v1/nothing",
    "malformed": "/gallery/plain?q=%ff",
}


@pytest.mark.parametrize("path", ANSWERS.values(), ids=ANSWERS.keys())
def test_every_kind_of_answer_has_every_header(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "Strict-Transport-Security" not in answer.headers
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("method", ["post", "delete", "options"])
def test_answers_to_other_methods_have_them_too(client: FlaskClient, method: str) -> None:
    answer = getattr(client, method)("/gallery/plain")
    assert answer.headers["Content-Security-Policy"] == CONTENT_POLICY


def test_a_foreign_host_is_refused_with_the_same_headers(client: FlaskClient) -> None:
    answer = client.get("/gallery/plain", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "does not answer to that name" in answer.text
    assert answer.headers["Content-Security-Policy"] == CONTENT_POLICY


def test_nothing_inline_and_nothing_from_elsewhere_is_allowed() -> None:
    rules = dict(rule.split(" ", 1) for rule in CONTENT_POLICY.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert set(rules.values()) == {"'none'", "'self'"}


def test_pages_are_kept_by_nobody_and_vary_on_what_htmx_asks(client: FlaskClient) -> None:
    answer = client.get("/gallery/components")
    assert answer.headers["Cache-Control"] == "private, no-store"
    for name in ("HX-Request", "HX-Request-Type", "HX-History-Restore-Request"):
        assert name in answer.headers["Vary"]


def test_https_is_kept_where_the_site_has_it(tmp_path: Path, web: Flask) -> None:
    secure = make_app(tmp_path / "secure", base_url="https://tidings.example", trusted_hosts=("localhost",))
    assert secure.test_client().get("/no/such/page").headers["Strict-Transport-Security"] == HSTS


def test_a_request_id_is_taken_only_when_it_looks_like_one(client: FlaskClient) -> None:
    given = "0192f0c1-aaaa-7bbb"
    assert client.get("/gallery/plain", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given
    for bad in ("short", "x" * 65, "has space in it", "<script>alert(1)</script>", "-leading-dash"):
        made = client.get("/gallery/plain", headers={"X-Request-Id": bad}).headers["X-Request-Id"]
        assert made != bad
        assert len(made) == 32
