"""A Slack on loopback and a project with a channel there."""

import dataclasses
from collections.abc import Iterator

import pytest
from flask import Flask

from app.db import db
from app.sealing import seal
from app.slack.channel import USUAL, SlackChannel, connect
from tests.support import world as worlds
from tests.support.fake_slack import FakeSlack, fake_slack


@pytest.fixture
def slack(app: Flask) -> Iterator[FakeSlack]:
    """The app may call loopback, where Slack is."""
    settings = app.extensions["settings"]
    app.extensions["settings"] = dataclasses.replace(settings, allowed_outgoing=("127.0.0.1",))
    with fake_slack() as server:
        yield server


@pytest.fixture
def channel(app: Flask, slack: FakeSlack, world: worlds.World) -> SlackChannel:
    """The project's channel, told about the usual."""
    made = connect(
        world.project,
        sealed=seal(slack.url()),
        hint="word",
        title="#orchard",
        families=USUAL,
        actor=world.actor,
    )
    db.session.commit()
    return made
