"""The door as a browser meets it: forms, cookies, redirects, refusals."""

import re
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from app import clock
from app.accounts import setting_up
from app.accounts.session import IDLE, NOTED_EVERY, SignInSession, find_session
from app.accounts.user import User
from app.db import db
from app.events.event import Event, EventOrigin
from tests.support import world as worlds
from tests.support.web import Browser, browser_of, claimed, words


def sign_in(browser: Browser, user: User, **more: str) -> TestResponse:
    fields = {"email": user.email or "", "password": worlds.PASSWORD} | more
    return browser.post("/sign-in", fields)


def count(table: type) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


class TestSigningIn:
    def test_leads_to_the_page_one_wanted_and_stays(self, context: Flask) -> None:
        ann, browser = claimed(), Browser(context)
        asked = browser.get("/settings/tokens")
        assert (asked.status_code, asked.location) == (303, "/sign-in?next=/settings/tokens")
        page = browser.get(asked.location)
        assert 'name="next" value="/settings/tokens"' in page.text

        answer = sign_in(browser, ann, next="/settings/tokens")
        assert (answer.status_code, answer.location) == (303, "/settings/tokens")
        assert browser.get("/settings/tokens").status_code == 200
        assert browser.get("/sign-in?next=/projects").location == "/projects"

    @pytest.mark.parametrize(
        "target",
        ["//evil.example", "https://evil.example", "/\\evil.example", "/%2fevil.example",
         "javascript:alert(1)", "/\t/evil.example", "evil.example", "\\\\evil.example", "///evil.example"],
    )  # fmt: skip
    def test_never_leads_to_another_site(self, context: Flask, target: str) -> None:
        ann, browser = claimed(), Browser(context)
        assert target not in browser.get("/sign-in", query_string={"next": target}).text
        assert sign_in(browser, ann, next=target).location == "/"
        assert browser.get("/sign-in", query_string={"next": target}).location == "/"

    def test_the_address_and_agent_stand_beside_the_event_and_not_in_it(self, context: Flask) -> None:
        ann, browser = claimed(), Browser(context, address="127.0.0.9")
        sign_in(browser, ann)
        event = db.session.scalars(select(Event).where(Event.action == "signed_in")).one()
        origin = db.session.get_one(EventOrigin, event.id)
        assert origin.address == "127.0.0.9"
        assert "Firefox" in (origin.agent or "")
        assert event.facts == {"method": "password"}

    def test_a_refusal_is_422_keeps_the_address_and_not_the_password(self, context: Flask) -> None:
        ann, browser = claimed(), Browser(context)
        answer = sign_in(browser, ann, password="not the password")
        assert answer.status_code == 422
        assert "do not match. 9 tries left." in words(answer)
        assert ann.email in answer.text
        assert "not the password" not in answer.text

    def test_refusals_are_the_same_page_whatever_the_reason(self, context: Flask) -> None:
        ann = claimed()
        ida = worlds.person("Ida", password_hash=None)
        db.session.commit()
        pages = []
        for email in (ann.email, ida.email, "nobody@example.org"):
            answer = Browser(context).post("/sign-in", {"email": email or "", "password": "wrong"})
            page = re.sub(r'value="[^"]*"|content="[^"]*"', "", answer.text)
            pages.append((answer.status_code, sorted(answer.headers.keys()), page))
        assert pages[0] == pages[1] == pages[2]

    def test_too_many_tries_answer_429_with_the_wait(self, context: Flask) -> None:
        ann, browser = claimed(), Browser(context)
        for _ in range(10):
            assert sign_in(browser, ann, password="wrong").status_code == 422
        answer = sign_in(browser, ann)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 180
        assert "Too many tries. Try again in" in words(answer)
        assert count(SignInSession) == 0

    def test_without_or_with_a_stale_form_token_nothing_happens(self, context: Flask) -> None:
        ann, browser = claimed(), Browser(context)
        browser.get("/sign-in")
        fields = {"email": ann.email or "", "password": worlds.PASSWORD}
        for more in ({}, {"csrf_token": "stale"}, {"csrf_token": Browser(context).form_token()}):
            answer = browser.send("POST", "/sign-in", data=fields | more)
            assert answer.status_code == 403
            assert "Please reload the page and try again" in words(answer)
        assert count(SignInSession) == 0

    def test_the_cookie_of_before_is_worth_nothing(self, context: Flask) -> None:
        ann, browser = claimed(), Browser(context)
        with browser.client.session_transaction() as cookie:
            cookie["planted"] = "by somebody else"
        before = browser.form_token()
        sign_in(browser, ann)
        with browser.client.session_transaction() as cookie:
            assert "planted" not in cookie
        stale = browser.send("POST", "/sign-out", data={"csrf_token": before})
        assert stale.status_code == 403

    def test_a_second_sign_in_gets_a_token_of_its_own(self, context: Flask) -> None:
        ann, browser = claimed(), Browser(context)
        tokens = []
        for _ in range(2):
            sign_in(browser, ann)
            with browser.client.session_transaction() as cookie:
                tokens.append(cookie["_user_id"])
            browser.post("/sign-out")
        assert tokens[0] != tokens[1]
        assert not any(find_session(token) for token in tokens)

    def test_only_who_asks_to_stay_gets_a_cookie_that_outlives_the_browser(self, context: Flask) -> None:
        ann = claimed()
        lasting = sign_in(Browser(context), ann, remember="y").headers["Set-Cookie"]
        passing = sign_in(Browser(context), ann).headers["Set-Cookie"]
        assert "Expires" in lasting
        assert "Expires" not in passing
        assert all("HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in (lasting, passing))

    def test_a_session_in_use_is_noted_once_an_hour_and_not_more(self, context: Flask) -> None:
        browser = browser_of(context, claimed())
        first = seen_at()
        browser.get("/settings/profile")
        assert seen_at() == first
        old = first - NOTED_EVERY - timedelta(seconds=1)
        db.session.execute(update(SignInSession).values(seen_at=old))
        db.session.commit()
        browser.get("/settings/profile")
        assert seen_at() > first

    def test_a_session_nobody_used_for_two_weeks_has_ended(self, context: Flask) -> None:
        browser = browser_of(context, claimed())
        db.session.execute(update(SignInSession).values(seen_at=clock.now() - IDLE))
        db.session.commit()
        assert browser.get("/settings/profile").status_code == 303


def seen_at() -> datetime:
    moment = db.session.scalar(select(SignInSession.seen_at))
    assert moment is not None
    return moment


class TestSigningOut:
    def test_ends_the_session_for_good(self, context: Flask) -> None:
        ann = claimed()
        browser = browser_of(context, ann)
        with browser.client.session_transaction() as cookie:
            token = cookie["_user_id"]
        assert browser.post("/sign-out").location == "/sign-in"
        with browser.client.session_transaction() as cookie:
            assert "_user_id" not in cookie
            cookie["_user_id"] = token
        assert browser.get("/settings/profile").status_code == 303

    def test_is_a_post(self, context: Flask) -> None:
        assert browser_of(context, claimed()).get("/sign-out").status_code == 405

    def test_of_a_visitor_is_no_fault(self, context: Flask) -> None:
        claimed()
        assert Browser(context).post("/sign-out").status_code == 303


class TestSetUp:
    FIELDS = {
        "name": "Juno Alder",
        "email": "juno@example.org",
        "username": "Juno",
        "password": "a sentence is fine",
    }

    def test_a_fresh_installation_sends_visitors_there_and_lets_the_first_one_in(
        self, context: Flask
    ) -> None:
        browser = Browser(context)
        assert browser.get("/sign-in").location == "/setup"
        page = browser.get("/setup")
        assert page.status_code == 200
        assert 'name="code"' not in page.text

        answer = browser.post("/setup", self.FIELDS)
        assert (answer.status_code, answer.location) == (303, "/")
        assert "Juno Alder" in browser.get("/settings/profile").text
        juno = db.session.scalars(select(User)).one()
        assert (juno.username, juno.is_admin) == ("juno", True)

    def test_is_gone_afterwards(self, context: Flask) -> None:
        claimed()
        browser = Browser(context)
        assert browser.get("/setup").status_code == 404
        assert browser.post("/setup", self.FIELDS).status_code == 404
        assert count(User) == 1

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("name", " ", "The name is missing"),
            ("name", "x" * 81, "80 is the most"),
            ("email", "juno", "looks like"),
            ("username", "-juno", "begins with a letter or digit"),
            ("password", "short", "at least 8"),
            ("password", "password", "guessed at once"),
            ("password", "juno@example.org", "guessed at once"),
        ],
    )
    def test_says_what_is_wrong_and_keeps_the_rest(
        self, context: Flask, field: str, value: str, said: str
    ) -> None:
        answer = Browser(context).post("/setup", self.FIELDS | {field: value})
        assert answer.status_code == 422
        assert said in words(answer)
        assert 'aria-invalid="true"' in answer.text
        kept = {"name", "email", "username"} - {field}
        assert all(self.FIELDS[name] in answer.text for name in kept)
        assert count(User) == 0

    def test_from_elsewhere_it_asks_for_the_code_in_the_log(
        self, context: Flask, caplog: pytest.LogCaptureFixture
    ) -> None:
        browser = Browser(context, address="192.0.2.4")
        assert 'name="code"' in browser.get("/setup").text
        code = setting_up.code(context.extensions["settings"].secret_key)
        assert code in caplog.text

        wrong = browser.post("/setup", self.FIELDS | {"code": "wrong"})
        assert wrong.status_code == 422
        assert "not the code in the log" in words(wrong)
        assert code not in wrong.text
        assert browser.post("/setup", self.FIELDS).status_code == 422
        assert count(User) == 0
        assert browser.post("/setup", self.FIELDS | {"code": code}).status_code == 303
        assert count(User) == 1

    def test_the_code_cannot_be_tried_for_ever(self, context: Flask) -> None:
        browser = Browser(context, address="192.0.2.4")
        for _ in range(10):
            assert browser.post("/setup", self.FIELDS | {"code": "wrong"}).status_code == 422
        code = setting_up.code(context.extensions["settings"].secret_key)
        answer = browser.post("/setup", self.FIELDS | {"code": code})
        assert answer.status_code == 429
        assert "Retry-After" in answer.headers

    def test_a_proxy_in_between_is_elsewhere(self, context: Flask) -> None:
        page = Browser(context).get("/setup", headers={"X-Forwarded-For": "198.51.100.7"})
        assert 'name="code"' in page.text
