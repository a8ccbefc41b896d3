"""What is no request of ours is refused before anything is done; the rest knows where it came from."""

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from app.context import cause
from app.db import WriteRefused, db
from tests.web.test_errors import token

JUNK = {
    "nul in the query": "/gallery/plain?q=%00",
    "nul in the path": "/gallery/%00",
    "broken utf-8 in the query": "/gallery/plain?q=%ff%fe",
    "broken utf-8 in the path": "/gallery/%ff",
    "half a character": "/gallery/plain?q=%c3",
    "a lone surrogate": "/gallery/plain?q=%ed%a0%80",
    "an overlong slash": "/gallery/plain?q=%c0%af",
    "a percent sign alone": "/gallery/plain?q=100%",
    "a percent sign with letters": "/gallery/plain?q=%zz",
}


@pytest.mark.parametrize("path", JUNK.values(), ids=JUNK.keys())
def test_junk_in_an_address_is_400_in_plain_words(client: FlaskClient, path: str) -> None:
    answer = client.get("/gallery/plain", environ_overrides=_raw(path))
    assert answer.status_code == 400
    assert "address of this page" in answer.text


@pytest.mark.parametrize(
    "body", [b"a=%00", b"a=%ff", b"a=\xff", b"a=%ed%a0%80", b"a=%zz", b"%00=1", b"a=\x00"]
)
def test_junk_in_a_form_is_400_and_reaches_no_view(client: FlaskClient, body: bytes) -> None:
    answer = client.post(
        "/gallery/echo",
        data=body,
        content_type="application/x-www-form-urlencoded",
        headers={"X-CSRFToken": token(client)},
    )
    assert answer.status_code == 400
    assert "The form" in answer.text


def test_junk_in_a_multipart_form_is_400(client: FlaskClient) -> None:
    headers = {"X-CSRFToken": token(client)}
    answer = client.post(
        "/gallery/echo", data={"a": "x\x00y"}, content_type="multipart/form-data", headers=headers
    )
    assert answer.status_code == 400


def test_text_of_any_language_arrives_as_it_was_sent(client: FlaskClient) -> None:
    sent = {"a": "Grüße, 日本, 👩‍👩‍👧 & 100% +1", "csrf_token": token(client)}
    answer = client.post("/gallery/echo", data=sent)
    assert repr(sent["a"]) in answer.text
    assert client.get("/gallery/plain", query_string={"q": "100% 日本"}).status_code == 200


def test_what_is_recorded_knows_the_request_and_forgets_it_afterwards(web: Flask) -> None:
    @web.get("/gallery/cause")
    def tell() -> dict[str, object]:
        known = cause()
        return {"via": known.via, "id": known.request_id, "address": known.address, "agent": known.agent}

    headers = {"X-Request-Id": "request-0001", "User-Agent": "A browser\t" + "x" * 400}
    told = web.test_client().get("/gallery/cause", headers=headers).json
    assert told == {
        "via": "web",
        "id": "request-0001",
        "address": "127.0.0.1",
        "agent": ("A browser " + "x" * 400)[:300],
    }
    assert cause().request_id is None


def test_a_request_only_reads_until_its_view_says_otherwise(web: Flask) -> None:
    refusals: list[str] = []

    @web.get("/gallery/sneaks")
    def sneaks() -> Response:
        try:
            db.session.execute(db.text("UPDATE t SET n = 1"))
        except WriteRefused as refusal:
            refusals.append(str(refusal))
        return Response("")

    web.test_client().get("/gallery/sneaks")
    assert refusals


def _raw(path: str) -> dict[str, str]:
    """What a server passes on for this line of a request."""
    place, _, query = path.partition("?")
    return {
        "REQUEST_URI": path,
        "RAW_URI": path,
        "QUERY_STRING": query,
        "PATH_INFO": "/gallery/plain" if query else place,
    }
