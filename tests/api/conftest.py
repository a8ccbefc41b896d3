"""Programs that talk to the API, each with a token."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.accounts.token import create_token
from app.accounts.user import User
from app.db import begin_write, db
from app.extensions import limiter
from app.projects.membership import add_member
from app.projects.project import Project
from tests.support import world as worlds


class Program:
    """A client of the API with one token, or none."""

    def __init__(self, app: Flask, token: str | None) -> None:
        self.client = app.test_client(use_cookies=False)
        self.token = token

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """One request; `body` is sent as JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        data = {"json": body} if body is not None else {}
        return self.client.open(f"/api/v1{path}", method=method, headers=sent, **data)  # type: ignore[arg-type]

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.ask("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.ask("PATCH", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.ask("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> TestResponse:
        return self.ask("DELETE", path, **headers)


@dataclass
class Place:
    """A members-only project ORC and a public one PUB, people of every standing, and a program for each."""

    app: Flask
    programs: dict[str, Program] = field(default_factory=dict)
    usernames: dict[str, str] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Program:
        try:
            return self.programs[name]
        except KeyError:
            raise AttributeError(name) from None

    def write(self, act: Callable[[], Any]) -> Any:
        """Do something in the domain, and commit it."""
        with self.app.app_context():
            begin_write()
            done = act()
            db.session.commit()
            return done


@pytest.fixture
def place(app: Flask) -> Place:
    """Programs by name: `lead` and so on may write, `lead_read` only reads; `admin` has the scope admin."""
    made = Place(app)
    with app.app_context():
        limiter.reset()
        people = {name: worlds.person(name.capitalize()) for name in ("lead", "member", "viewer", "stranger")}
        people["admin"] = worlds.person("Admin", admin=True)
        private = worlds.project(people["lead"])
        public = worlds.project(people["lead"], key="PUB", name="Public", visibility="public")
        for project in (private, public):
            _settle(project, people)
        for name, person in people.items():
            made.usernames[name] = person.username
            for scope in ("read", "write", "admin"):
                _, secret = create_token(person, title=f"{name} {scope}", scope=scope, actor=person.actor)
                made.programs[f"{name}_{scope}"] = Program(app, secret)
            made.programs[name] = made.programs[f"{name}_{'admin' if name == 'admin' else 'write'}"]
        db.session.commit()
    made.programs["nobody"] = Program(app, None)
    made.programs["liar"] = Program(app, "tdg_nothing")
    return made


def _settle(project: Project, people: dict[str, User]) -> None:
    lead = people["lead"]
    add_member(project, people["member"], role="member", actor=lead.actor)
    add_member(project, people["viewer"], role="viewer", actor=lead.actor)
    worlds.issue(project, lead)
