"""A browser without a screen: pages, forms with their token, and people who are signed in."""

import re
from contextvars import Context
from html import unescape

from flask import Flask, has_app_context
from werkzeug.test import TestResponse

from app.accounts.passwords import hash_password
from app.accounts.session import open_session
from app.accounts.user import User
from app.db import db
from tests.support import world as worlds

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Browser:
    """One cookie jar. `post` takes the form token from a page first, as a person does."""

    def __init__(self, app: Flask, *, address: str = "127.0.0.1") -> None:
        self.client = app.test_client()
        self.client.environ_base["REMOTE_ADDR"] = address
        self.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux) Firefox/140.0"

    def get(self, path: str, **more: object) -> TestResponse:
        return self.send("GET", path, **more)

    def post(self, path: str, fields: dict[str, str] | None = None, **more: object) -> TestResponse:
        data = {"csrf_token": self.form_token(), **(fields or {})}
        return self.send("POST", path, data=data, **more)

    def send(self, method: str, path: str, **more: object) -> TestResponse:
        """One request as a server would run it: in a context of its own, no transaction of the test open."""
        if has_app_context():
            db.session.rollback()
            db.session.expire_all()
        return Context().run(self.client.open, path, method=method, **more)  # type: ignore[arg-type]

    def form_token(self) -> str:
        """A form token of this browser, from a page everybody may see."""
        found = _TOKEN.search(self.get("/settings/appearance").text)
        assert found is not None
        return found[1]


def browser_of(app: Flask, user: User | None = None, **more: str) -> Browser:
    """A browser, signed in as this person."""
    browser = Browser(app, **more)
    if user is not None:
        _session, token = open_session(user, address="127.0.0.1", agent="Firefox")
        db.session.commit()
        with browser.client.session_transaction() as cookie:
            cookie["_user_id"] = token
            cookie["_fresh"] = True
    return browser


def claimed(name: str = "Ann", *, admin: bool = False) -> User:
    """A person whose password is PASSWORD, committed."""
    user = worlds.person(name, admin=admin, password_hash=hash_password(worlds.PASSWORD, cheap=True))
    db.session.commit()
    return user


def words(response: TestResponse) -> str:
    """What a page says, without its markup."""
    text = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", response.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())
