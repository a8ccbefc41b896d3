"""A GitHub on loopback, a project connected with it, and the two ways news travel."""

import dataclasses
from collections.abc import Iterator
from contextvars import Context
from dataclasses import dataclass
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from app import clock
from app.db import db
from app.events.event import Event
from app.issues.issue import Issue
from app.sealing import seal
from app.sync import working
from app.sync.arrival import SyncArrival
from app.sync.connection import SyncConnection, Wishes, connect
from app.sync.link import SyncLink
from tests.support import world as worlds
from tests.support.deliveries import deliver, make_due, writes_again
from tests.support.fake_github import REPOSITORY, TOKEN, Call, FakeGitHub, fake_github

SECRET = "a secret of GitHub's and ours"


@pytest.fixture
def github(app: Flask) -> Iterator[FakeGitHub]:
    with fake_github() as server:
        server.secret, server.now = SECRET, clock.now
        settings = app.extensions["settings"]
        app.extensions["settings"] = dataclasses.replace(settings, github_api_url=server.api)
        yield server


def joined(world: worlds.World, app: Flask, **wishes: object) -> SyncConnection:
    """Connect the project."""
    made = connect(
        world.project,
        repository=REPOSITORY,
        token=seal(TOKEN),
        hint=TOKEN[-4:],
        secret=seal(SECRET),
        wishes=Wishes(**wishes),  # type: ignore[arg-type]
        history=False,
        actor=world.actor,
    )
    db.session.commit()
    return made


@pytest.fixture
def connection(app: Flask, github: FakeGitHub, world: worlds.World) -> SyncConnection:
    """Both ways, all issues; the first issue is there already."""
    made = joined(world, app)
    Both(app, github, world).settle()
    return made


@dataclass
class Both:
    """The two sides, and what a worker does between them."""

    app: Flask
    github: FakeGitHub
    world: worlds.World

    def send(self) -> None:
        """What happened here goes there."""
        db.session.commit()
        make_due("external_sync")
        deliver("sync")

    def call(self, calls: list[Call] | None = None) -> list[int]:
        """GitHub calls us with what happened there; it is worked off. Returns how we answered."""
        db.session.commit()
        answers = [self.post(one) for one in (self.github.take_calls() if calls is None else calls)]
        self.work_off()
        return answers

    def post(self, call: Call, **changes: str) -> int:
        """One call, not worked off."""
        db.session.rollback()
        client = self.app.test_client()
        uid = db.session.scalar(select(SyncConnection.uid))
        db.session.rollback()
        path = f"/sync/github/{uid}"
        headers = {**call.headers, **changes}
        answer = Context().run(client.post, path, data=call.body, headers=headers)
        writes_again()
        return answer.status_code

    def work_off(self) -> None:
        """A worker takes in what arrived."""
        writes_again()
        db.session.execute(
            update(SyncArrival)
            .where(SyncArrival.next_attempt_at.is_not(None))
            .values(next_attempt_at=clock.now())
        )
        db.session.commit()
        working.work_off.func(self.row().id)
        writes_again()

    def ask(self) -> None:
        """We ask GitHub what is new."""
        db.session.commit()
        working.poll.func(self.row().id)
        writes_again()

    def settle(self) -> None:
        """Everything that is on its way arrives, until nothing moves."""
        for _ in range(6):
            before = len(self.github.requests)
            self.send()
            self.call()
            if len(self.github.requests) == before and not self.github.calls:
                return
        raise AssertionError("The two sides do not come to rest")

    def row(self) -> SyncConnection:
        found = db.session.scalar(select(SyncConnection).execution_options(populate_existing=True))
        assert found is not None
        return found

    def link(self, issue: Issue | None = None) -> SyncLink:
        query = select(SyncLink).where(SyncLink.issue_id == (issue or self.world.issue).id)
        found = db.session.scalar(query.execution_options(populate_existing=True))
        assert found is not None
        return found

    def there(self, issue: Issue | None = None) -> dict[str, object]:
        """The issue as GitHub has it."""
        return self.github.issues[self.link(issue).number or 0]

    def here(self, number: int = 1) -> Issue:
        """The issue as we have it."""
        query = select(Issue).where(Issue.number == number).execution_options(populate_existing=True)
        return db.session.scalars(query).one()

    def events(self, issue: Issue | None = None) -> list[str]:
        query = select(Event.action).where(
            Event.issue_id == (issue or self.world.issue).id, Event.subject == "issue"
        )
        return list(db.session.scalars(query.order_by(Event.seq)))


@pytest.fixture
def both(app: Flask, github: FakeGitHub, world: worlds.World) -> Both:
    return Both(app, github, world)


@pytest.fixture
def later() -> Iterator[time_machine.Traveller]:
    """A clock that stands still unless it is moved; it begins ten seconds from now."""
    with time_machine.travel(clock.now() + timedelta(seconds=10), tick=False) as traveller:
        yield traveller
