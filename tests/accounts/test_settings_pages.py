"""One's own settings in the browser."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.accounts.session import find_session, open_session
from app.accounts.token import ApiToken, find_token
from app.accounts.user import User
from app.db import db
from app.events.event import Event
from tests.support import world as worlds
from tests.support.web import Browser, browser_of, claimed, words

HOSTILE = "<script>alert(1)</script>\"'&"


def actions(user: User) -> list[str]:
    query = select(Event.action).where(Event.user_id == user.id, Event.action != "user_created")
    return list(db.session.scalars(query.order_by(Event.seq)))


class TestProfile:
    def test_name_and_zone_are_saved_with_an_event_each(self, context: Flask) -> None:
        ann = claimed()
        browser = browser_of(context, ann)
        answer = browser.post("/settings/profile", {"name": "  Anna   Lark ", "zone": "Europe/Riga"})
        assert (answer.status_code, answer.location) == (303, "/settings/profile")
        assert "Saved" in words(browser.get("/settings/profile"))
        assert (ann.name, ann.zone) == ("Anna Lark", "Europe/Riga")
        assert actions(ann) == ["user_renamed", "preference_changed"]

    def test_a_hostile_name_is_only_text(self, context: Flask) -> None:
        ann = claimed()
        browser = browser_of(context, ann)
        assert browser.post("/settings/profile", {"name": HOSTILE, "zone": "UTC"}).status_code == 303
        for path in ("/settings/profile", "/settings/sessions", "/projects"):
            page = browser.get(path).text
            assert "<script>alert" not in page
            assert "&lt;script&gt;alert(1)" in page

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"name": "", "zone": "UTC"}, "The name is missing"),
            ({"name": "x" * 81, "zone": "UTC"}, "80 is the most"),
            ({"name": "Ann\u202e", "zone": "UTC"}, "reading direction"),
            ({"name": "Ann", "zone": "Mars/Base"}, "Choose a time zone"),
            ({}, "The name is missing"),
        ],
    )
    def test_what_cannot_be_is_said_and_nothing_changes(
        self, context: Flask, fields: dict[str, str], said: str
    ) -> None:
        ann = claimed()
        answer = browser_of(context, ann).post("/settings/profile", fields)
        assert answer.status_code == 422
        assert said in words(answer)
        assert (ann.name, ann.zone, actions(ann)) == ("Ann", "UTC", [])

    def test_nobody_makes_themselves_administrator_by_adding_fields(self, context: Flask) -> None:
        ann = claimed()
        more = {"is_admin": "1", "admin": "1", "username": "root", "email": "x@y.z", "is_active": "0"}
        browser_of(context, ann).post("/settings/profile", {"name": "Ann", "zone": "UTC"} | more)
        assert (ann.is_admin, ann.is_active) == (False, True)
        assert ann.username.startswith("ann")


class TestPassword:
    FIELDS = {"old": worlds.PASSWORD, "new": "a better sentence", "again": "a better sentence"}

    def test_changes_and_ends_all_other_sessions(self, context: Flask) -> None:
        ann = claimed()
        browser = browser_of(context, ann)
        _, other = open_session(ann, address=None, agent=None)
        db.session.commit()
        assert "1 other session will end" in words(browser.get("/settings/password"))
        assert browser.post("/settings/password", self.FIELDS).status_code == 303
        assert find_session(other) is None
        assert browser.get("/settings/password").status_code == 200
        assert actions(ann) == ["password_changed"]
        door = Browser(context)
        email = ann.email or ""
        assert door.post("/sign-in", {"email": email, "password": worlds.PASSWORD}).status_code == 422
        assert door.post("/sign-in", {"email": email, "password": "a better sentence"}).status_code == 303

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"old": "wrong"}, "This is not your password. 9 tries left."),
            ({"new": "short", "again": "short"}, "at least 8"),
            ({"again": "another sentence"}, "not the same"),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field(
        self, context: Flask, fields: dict[str, str], said: str
    ) -> None:
        ann = claimed()
        before = ann.password_hash
        answer = browser_of(context, ann).post("/settings/password", self.FIELDS | fields)
        assert answer.status_code == 422
        assert said in words(answer)
        assert "a better sentence" not in answer.text
        assert ann.password_hash == before

    def test_the_old_one_cannot_be_guessed_for_ever(self, context: Flask) -> None:
        browser = browser_of(context, claimed())
        for _ in range(10):
            assert browser.post("/settings/password", self.FIELDS | {"old": "wrong"}).status_code == 422
        answer = browser.post("/settings/password", self.FIELDS)
        assert answer.status_code == 429
        assert "Retry-After" in answer.headers


class TestSessions:
    def test_are_listed_and_ended_one_by_one_or_all_others(self, context: Flask) -> None:
        ann, bea = claimed(), claimed("Bea")
        browser = browser_of(context, ann)
        agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"
        opened = [open_session(ann, address="198.51.100.7", agent=agent) for _ in range(3)]
        hers, her_token = open_session(bea, address=None, agent=None)
        db.session.commit()
        page = words(browser.get("/settings/sessions"))
        assert page.count("Safari on iPhone 198.51.100.7") == 3
        assert "this one Here" in page

        browser.post(f"/settings/sessions/{opened[0][0].id}/end")
        assert find_session(opened[0][1]) is None
        assert find_session(opened[1][1]) is not None
        browser.post(f"/settings/sessions/{hers.id}/end")
        assert find_session(her_token) is not None
        browser.post("/settings/sessions/others/end")
        assert not any(find_session(token) for _, token in opened)
        assert "signed in nowhere else" in words(browser.get("/settings/sessions"))
        assert actions(ann) == ["session_revoked", "session_revoked"]


class TestTokens:
    def test_a_token_is_shown_once_and_works_within_its_scope(self, context: Flask) -> None:
        ann = claimed()
        browser = browser_of(context, ann)
        answer = browser.post("/settings/tokens", {"title": HOSTILE, "scope": "read"})
        assert answer.status_code == 200
        secret = re.search(r"tdg_[\w-]+", answer.text)
        assert secret is not None
        assert answer.headers["Cache-Control"] == "private, no-store"
        found = find_token(secret[0])
        assert found is not None
        assert (found[0].scope, found[1].id) == ("read", ann.id)
        again = browser.get("/settings/tokens").text
        assert secret[0] not in again
        assert "<script>alert" not in again
        assert secret[0][-4:] in again
        texts = [event.facts for event in db.session.scalars(select(Event))]
        assert secret[0] not in str(texts)

    def test_it_ends_when_revoked_and_after_its_last_day(self, context: Flask) -> None:
        ann = claimed()
        browser = browser_of(context, ann)
        tomorrow = (clock.now() + timedelta(days=1)).date().isoformat()
        answer = browser.post("/settings/tokens", {"title": "CI", "scope": "write", "expires_on": tomorrow})
        secret = re.search(r"tdg_[\w-]+", answer.text)
        assert secret is not None
        token = db.session.scalars(select(ApiToken)).one()
        assert token.expires_at is not None
        assert timedelta(days=1) < token.expires_at - clock.now() <= timedelta(days=2)
        browser.post(f"/settings/tokens/{token.id}/revoke")
        assert find_token(secret[0]) is None
        assert actions(ann) == ["token_created", "token_revoked"]

    def test_nobody_revokes_the_token_of_somebody_else(self, context: Flask) -> None:
        ann, bea = claimed(), claimed("Bea")
        browser_of(context, ann).post("/settings/tokens", {"title": "CI", "scope": "read"})
        token = db.session.scalars(select(ApiToken)).one()
        assert browser_of(context, bea).post(f"/settings/tokens/{token.id}/revoke").status_code == 404
        db.session.refresh(token)
        assert token.revoked_at is None

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"title": "", "scope": "read"}, "The name is missing"),
            ({"title": "CI", "scope": "everything"}, "Choose what the token may do"),
            ({"title": "CI", "scope": "admin"}, "Choose what the token may do"),
            ({"title": "CI", "scope": "read", "expires_on": "soon"}, "A day looks like"),
            ({"title": "CI", "scope": "read", "expires_on": "2020-01-01"}, "has passed"),
            ({"title": "CI", "scope": "read", "expires_on": "9999-12-31"}, "A day looks like"),
        ],
    )
    def test_what_cannot_be_is_said_and_nothing_is_made(
        self, context: Flask, fields: dict[str, str], said: str
    ) -> None:
        answer = browser_of(context, claimed()).post("/settings/tokens", fields)
        assert answer.status_code == 422
        assert said in words(answer)
        assert db.session.scalars(select(ApiToken)).all() == []


class TestAppearance:
    def test_the_theme_is_kept_in_a_cookie_for_visitors_too(self, context: Flask) -> None:
        claimed()
        browser = Browser(context)
        answer = browser.post("/settings/appearance", {"theme": "dark", "next": "/sign-in"})
        assert (answer.status_code, answer.location) == (303, "/sign-in")
        assert 'data-theme="dark"' in browser.get("/sign-in").text
        assert browser.post("/settings/appearance", {"theme": "pink"}).status_code == 422
        assert browser.post("/settings/appearance", {"theme": "light", "next": "//x.example"}).location == (
            "/settings/appearance"
        )


@pytest.mark.parametrize("page", ["profile", "password", "sessions", "tokens"])
def test_visitors_are_asked_to_sign_in_first(context: Flask, page: str) -> None:
    claimed()
    answer = Browser(context).get(f"/settings/{page}")
    assert (answer.status_code, answer.location) == (303, f"/sign-in?next=/settings/{page}")


def test_a_deactivated_person_is_out_at_the_next_request(context: Flask) -> None:
    ann = claimed()
    browser = browser_of(context, ann)
    assert browser.get("/settings/profile").status_code == 200
    claimed("Boss", admin=True)
    from app.accounts.people import deactivate
    from app.events.event import SYSTEM

    deactivate(ann, actor=SYSTEM)
    db.session.commit()
    assert browser.get("/settings/profile").status_code == 303
