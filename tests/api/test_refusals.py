"""Every refusal in one envelope, nothing changed by it, and never a fault of ours for what somebody sent."""

from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts.token import ApiToken, revoke_token
from app.accounts.user import User
from app.db import db
from app.events.event import Event
from app.extensions import limiter
from tests.api.conftest import Place

JSON = "application/json"
HOSTILE: list[tuple[str, bytes, str, tuple[int, ...]]] = [
    ("no json", b"title=x", "application/x-www-form-urlencoded", (415,)),
    ("text", b'{"title": "x"}', "text/plain", (415,)),
    ("cut off", b'{"title": "x', JSON, (400,)),
    ("not utf-8", b'{"title": "\xff\xfe"}', JSON, (400,)),
    ("only a byte", b"\0", JSON, (400,)),
    ("nothing", b"", JSON, (422,)),
    ("null", b"null", JSON, (422,)),
    ("list", b"[]", JSON, (422,)),
    ("text in json", b'"{\\"title\\": \\"x\\"}"', JSON, (422,)),
    ("number", b"1", JSON, (422,)),
    ("deep", b'{"title": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", JSON, (400, 422)),
    ("very deep", b"[" * 200_000, JSON, (400,)),
    ("deep object", b'{"title":' * 50 + b"1" + b"}" * 50, JSON, (422,)),
    ("number for a text", b'{"title": 1}', JSON, (422,)),
    ("huge number", b'{"title": ' + b"9" * 10_000 + b"}", JSON, (400, 422)),
    ("huge float", b'{"title": 1e999}', JSON, (422,)),
    ("nan", b'{"title": NaN}', JSON, (422,)),
    ("nul", b'{"title": "a\\u0000b"}', JSON, (422,)),
    ("nul in a name", b'{"a\\u0000": "b"}', JSON, (422,)),
    ("half a character", b'{"title": "\\ud800"}', JSON, (422,)),
    ("no title", b"{}", JSON, (422,)),
    ("empty title", b'{"title": "  "}', JSON, (422,)),
    ("long title", b'{"title": "' + b"x" * 201 + b'"}', JSON, (422,)),
    ("unknown field", b'{"title": "x", "colour": "red"}', JSON, (422,)),
    ("no priority", b'{"title": "x", "priority": "soon"}', JSON, (422,)),
    ("label unknown", b'{"title": "x", "labels": ["nope"]}', JSON, (422,)),
    ("assignee unknown", b'{"title": "x", "assignees": ["nope"]}', JSON, (422,)),
    ("labels no list", b'{"title": "x", "labels": "bug"}', JSON, (422,)),
    ("labels of lists", b'{"title": "x", "labels": [[]]}', JSON, (422,)),
    ("64 KiB and more", b'{"title": "x", "description": "' + 65_537 * b"y" + b'"}', JSON, (422,)),
    ("2 MB", b'{"title": "' + b"x" * 2_000_000 + b'"}', JSON, (413,)),
]


@pytest.mark.parametrize(
    ("body", "kind", "statuses"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE]
)
def test_a_body_that_cannot_be_accepted_changes_nothing(
    place: Place, body: bytes, kind: str, statuses: tuple[int, ...]
) -> None:
    before = _events(place)
    answer = place.lead.client.post(
        "/api/v1/projects/ORC/issues",
        data=body,
        content_type=kind,
        headers={"Authorization": f"Bearer {place.lead.token}"},
    )
    assert answer.status_code in statuses, answer.text
    assert set(answer.json) == {"error"}
    assert {"code", "message"} <= set(answer.json["error"])
    assert _events(place) == before


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "field"),
    [
        ("GET", "/nothing", None, 404, "not_found", None),
        ("GET", "//projects", None, 404, "not_found", None),
        ("GET", "/projects/", None, 404, "not_found", None),
        ("GET", "/projects/NOPE", None, 404, "not_found", None),
        ("GET", "/projects/" + "A" * 500, None, 404, "not_found", None),
        ("GET", "/issues/ORC", None, 404, "not_found", None),
        ("GET", "/issues/ORC-99999999999999999999", None, 404, "not_found", None),
        ("GET", "/issues/ORC-1%00", None, 400, "malformed", None),
        ("GET", "/events/nope", None, 404, "not_found", None),
        ("DELETE", "/issues/ORC-1/comments/99999999999999999999999", None, 404, "not_found", None),
        ("DELETE", "/issues/ORC-1/comments/0", None, 404, "not_found", None),
        ("PUT", "/projects", {}, 405, "method_not_allowed", None),
        ("OPTIONS", "/me", None, 403, "forbidden", None),
        ("GET", "/projects?limit=0", None, 422, "invalid", "limit"),
        ("GET", "/projects?limit=101", None, 422, "invalid", "limit"),
        ("GET", "/projects?limit=many", None, 422, "invalid", "limit"),
        ("GET", "/projects?cursor=nope", None, 422, "invalid", "cursor"),
        ("GET", "/events?after=nope", None, 422, "invalid", "after"),
        ("GET", "/projects/ORC/issues?status=done", None, 422, "invalid", "status"),
        ("GET", "/projects/ORC/issues?q=a%00b", None, 400, "malformed", None),
        ("GET", "/issues/ORC-1/events?after=-1", None, 422, "invalid", "after"),
        ("PATCH", "/issues/ORC-1", {"status": "closed"}, 422, "invalid", "status"),
        ("PATCH", "/issues/ORC-1", {"description": "x", "description_version": 7}, 409, "conflict", None),
        ("POST", "/issues/ORC-1/status", {"step": "explode"}, 422, "invalid", "step"),
        ("POST", "/issues/ORC-1/status", {"step": "stop"}, 409, "conflict", None),
        ("POST", "/issues/ORC-1/comments", {"body": " \n "}, 422, "invalid", "body"),
        ("POST", "/projects", {"key": "ORC", "name": "Taken"}, 422, "invalid", "key"),
        ("POST", "/projects", {"key": "X1", "name": "X", "visibility": "no"}, 422, "invalid", "visibility"),
        ("POST", "/projects/ORC/labels", {"name": "bug", "color": "mauve"}, 422, "invalid", "color"),
        ("POST", "/projects/ORC/members", {"username": "nobody-here"}, 422, "invalid", "username"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_where(
    place: Place, method: str, path: str, body: Any, status: int, code: str, field: str | None
) -> None:
    answer = place.lead.ask(method, path, body)
    assert answer.mimetype == "application/json", answer.text
    error = answer.json["error"]
    assert (answer.status_code, error["code"], error.get("field")) == (status, code, field)
    assert error["message"].strip()


def test_a_status_in_a_patch_says_where_to_go(place: Place) -> None:
    assert "POST /issues/KEY-N/status" in place.lead.patch("/issues/ORC-1", {"status": "closed"}).text


def test_a_refused_step_is_told_in_the_words_of_the_workflow(place: Place) -> None:
    answer = place.lead.post("/issues/ORC-1/status", {"step": "reopen"})
    message = "This issue is open; only one that is resolved or closed can be reopened."
    assert answer.json == {"error": {"code": "conflict", "message": message}}


def test_another_method_is_answered_with_those_there_are(place: Place) -> None:
    answer = place.lead.put("/projects", {})
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_an_answer_401_names_the_scheme(place: Place) -> None:
    assert place.nobody.get("/me").headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_that_was_ended_opens_nothing(place: Place) -> None:
    def end() -> None:
        token = db.session.scalar(select(ApiToken).where(ApiToken.title == "member write"))
        assert token is not None
        owner = db.session.get(User, token.user_id)
        assert owner is not None
        revoke_token(token, owner, actor=owner.actor)

    assert place.member.get("/me").status_code == 200
    place.write(end)
    assert place.member.get("/me").status_code == 401
    assert place.member_read.get("/me").status_code == 200


def test_a_cookie_opens_nothing_and_a_form_token_is_not_asked_for(place: Place) -> None:
    place.app.config["WTF_CSRF_ENABLED"] = True
    assert place.nobody.get("/me", Cookie="session=whatever").status_code == 401
    assert place.lead.post("/issues/ORC-1/comments", {"body": "No form token"}).status_code == 201


def test_too_many_requests_of_one_token_are_told_when_to_come_back(place: Place) -> None:
    limiter.reset()
    statuses = [place.viewer_read.get("/me").status_code for _ in range(601)]
    # the window is a minute of the clock: a run across its edge counts anew
    if 429 not in statuses:
        statuses = [place.viewer_read.get("/me").status_code for _ in range(601)]
    assert 429 in statuses
    refused = place.viewer_read.get("/me")
    if refused.status_code == 429:
        assert refused.json["error"]["code"] == "too_many_requests"
        assert 0 <= int(refused.headers["Retry-After"]) <= 60
    assert place.member_read.get("/me").status_code == 200
    limiter.reset()


def _events(place: Place) -> int:
    with place.app.app_context():
        return db.session.scalar(select(func.count()).select_from(Event)) or 0
