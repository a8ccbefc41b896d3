"""Every failure is one calm page, one line, or one envelope."""

import logging
import sqlite3
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import db as database
from app.web import errors

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
KINDS = [
    ("missing", 404, "you may not see it"),
    ("forbidden", 403, "Only a lead may do this."),
    ("conflict", 409, "Hazel resolved this while you were typing."),
    ("invalid", 422, "The title is missing."),
    ("bug", 500, "The fault is ours"),
    ("sql", 500, "The fault is ours"),
    ("lost", 503, "busy or out of reach"),
    ("413", 413, "more than can be sent"),
    ("429", 429, "Too many tries"),
    ("418", 418, "malformed"),
]


@pytest.mark.parametrize(("kind", "status", "words"), KINDS)
def test_a_failure_is_a_page_with_plain_words(
    client: FlaskClient, kind: str, status: int, words: str
) -> None:
    answer = client.get(f"/gallery/fails/{kind}")
    assert answer.status_code == status
    assert words in answer.text
    assert answer.text.startswith("<!doctype html>")
    for secret in ("Traceback", "secret detail", "RuntimeError", "SELECT", "nonsense"):
        assert secret not in answer.text


@pytest.mark.parametrize(("kind", "status", "words"), KINDS)
def test_to_htmx_a_failure_is_one_line(client: FlaskClient, kind: str, status: int, words: str) -> None:
    answer = client.get(f"/gallery/fails/{kind}", headers=PART)
    assert answer.status_code == status
    assert answer.text.lstrip().startswith('<p class="note bad" role="alert">')
    assert words in answer.text
    shown_by_forms = status in {403, 409, 413, 422, 429}
    assert ("HX-Trigger" in answer.headers) != shown_by_forms


def test_to_a_program_a_failure_is_an_envelope(client: FlaskClient) -> None:
    answer = client.get("/api/v1/nothing/here")
    assert answer.status_code == 404
    assert answer.json == {"error": {"code": "not_found", "message": errors.WORDS[404]}}


def test_a_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    answer = client.put("/gallery/plain", headers={"X-CSRFToken": token(client)})
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_a_missing_or_stale_form_token_is_403_and_says_what_to_do(client: FlaskClient) -> None:
    for sent in ({}, {"csrf_token": "stale"}):
        answer = client.post("/gallery/echo", data={"a": "1", **sent})
        assert answer.status_code == 403
        assert "Please reload the page and try again" in answer.text
    assert client.post("/gallery/echo", data={"csrf_token": token(client)}).status_code == 200
    assert client.post("/gallery/echo", headers={"X-CSRFToken": token(client)}).status_code == 200


def test_a_body_that_is_too_large_is_413(client: FlaskClient) -> None:
    answer = client.post("/gallery/echo", data={"a": "x" * 1_100_000})
    assert answer.status_code == 413


def test_a_locked_database_is_503_and_says_when_to_come_back(
    web: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(tmp_path / "web.db", isolation_level=None)
    other.execute("CREATE TABLE t (n INTEGER)")
    other.execute("INSERT INTO t VALUES (0)")
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    other.execute("BEGIN IMMEDIATE")
    answer = web.test_client().get("/gallery/writes")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    other.execute("ROLLBACK")
    assert web.test_client().get("/gallery/writes").text == "written"
    assert other.execute("SELECT n FROM t").fetchone() == (1,)
    other.close()


def test_a_lost_database_does_not_take_the_error_page_with_it(client: FlaskClient) -> None:
    answer = client.get("/gallery/fails/lost")
    assert answer.status_code == 503
    assert "Back in a moment" in answer.text


def test_a_fault_of_ours_is_logged_with_its_cause(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        client.get("/gallery/fails/bug")
    assert any(record.exc_info and "secret detail" in str(record.exc_info[1]) for record in caplog.records)


def token(client: FlaskClient) -> str:
    page = client.get("/gallery/sign-in").text
    return page.split('name="csrf-token" content="')[1].split('"')[0]
