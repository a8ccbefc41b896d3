"""Project settings > Slack and Admin > Slack: who may, what is said, and that the address is never shown again."""

import dataclasses

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import db
from app.events.event import Event
from app.slack.channel import SlackChannel, channel_of
from tests.support import world as worlds
from tests.support.deliveries import deliver, writes_again
from tests.support.fake_slack import FakeSlack, Says
from tests.support.web import browser_of, words

PATH = "/projects/ORC/settings/slack"


def fields(slack: FakeSlack, **more: object) -> dict[str, object]:
    return {"address": slack.url(), "title": "#orchard", "families": ["status", "discussion"], **more}


def test_a_lead_connects_a_channel_tries_it_and_takes_it_away(
    app: Flask, slack: FakeSlack, world: worlds.World
) -> None:
    lead = browser_of(app, world.lead)
    assert "Connect" in words(lead.get(PATH))
    assert lead.post(PATH, fields(slack)).status_code == 303  # type: ignore[arg-type]
    page = lead.get(PATH)
    assert "Ends in …word" in words(page)
    assert "secretword" not in page.text
    stored = db.session.scalars(select(SlackChannel)).one()
    assert "secretword" not in (stored.address or "")
    assert (stored.address or "") not in page.text

    assert lead.post(f"{PATH}/test").status_code == 303
    assert slack.texts[0].endswith("|Rowan>.")
    assert "The last message went out" in words(lead.get(PATH))

    assert lead.post(PATH, fields(slack, address="", families=["status"])).status_code == 303  # type: ignore[arg-type]
    writes_again()
    changed = channel_of(world.project)
    assert changed is not None
    assert changed.families == ["status"]
    assert lead.post(f"{PATH}/remove").status_code == 303
    writes_again()
    assert channel_of(world.project) is None
    done = db.session.scalars(
        select(Event.action).where(Event.action.like("integration%")).order_by(Event.seq)
    )
    assert list(done) == ["integration_connected", "integration_changed", "integration_disconnected"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"address": "hooks.slack.com/x"}, "must begin with https://"),
        ({"address": "http://10.0.0.1/x"}, "leads to a private network"),
        ({"address": "http://169.254.169.254/latest"}, "link-local"),
        ({"address": "https://u:p@example.org/"}, "may not carry a name"),
        ({"address": ""}, "Give the address that Slack made"),
        ({"address": "x" * 600}, "500 is the most"),
        ({"families": []}, "Choose at least one kind of news"),
        ({"families": ["nonsense"]}, "Choose at least one kind of news"),
        ({"title": "x" * 61}, "60 is the most"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_kept(
    app: Flask, slack: FakeSlack, world: worlds.World, change: dict[str, object], said: str
) -> None:
    lead = browser_of(app, world.lead)
    answer = lead.post(PATH, fields(slack, **change))  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert said in words(answer)
    writes_again()
    assert channel_of(world.project) is None
    assert slack.calls == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Says(404, "no_service"), "the webhook was removed in Slack"),
        (Says(429, "rate_limited", retry_after="60"), "asked us to wait 60 seconds"),
        (Says(500, "oops"), "Slack answered 500"),
        (Says(200, "hello"), "not Slack"),
    ],
)
def test_the_test_message_says_what_slack_said(
    app: Flask, slack: FakeSlack, channel: SlackChannel, world: worlds.World, answer: Says, said: str
) -> None:
    slack.next_answers = [answer]
    lead = browser_of(app, world.lead)
    shown = lead.post(f"{PATH}/test")
    assert shown.status_code == 409
    assert said in words(shown)
    assert said in words(lead.get(PATH))
    if answer.status == 429:
        again = lead.post(f"{PATH}/test")
        assert "Try again in" in words(again)
        assert len(slack.calls) == 1


def test_members_strangers_and_visitors_see_none_of_it(
    app: Flask, slack: FakeSlack, channel: SlackChannel, world: worlds.World
) -> None:
    assert browser_of(app, world.member).get(PATH).status_code == 403
    assert browser_of(app, world.stranger).get(PATH).status_code == 404
    assert browser_of(app).get(PATH).status_code == 303
    for path in (PATH, f"{PATH}/test", f"{PATH}/remove"):
        assert browser_of(app, world.member).post(path, fields(slack)).status_code == 403  # type: ignore[arg-type]
        assert browser_of(app, world.stranger).post(path, fields(slack)).status_code == 404  # type: ignore[arg-type]
    assert browser_of(app, world.lead).get("/admin/slack").status_code == 404
    writes_again()
    assert channel_of(world.project) is not None
    assert slack.calls == []


def test_an_administrator_sees_every_channel_with_its_last_error(
    app: Flask, slack: FakeSlack, channel: SlackChannel, world: worlds.World
) -> None:
    root = worlds.person("Root", admin=True)
    db.session.commit()
    slack.next_answers = [Says(410, "channel_is_archived")]
    deliver("webhooks")
    page = words(browser_of(app, root).get("/admin/slack"))
    assert "the channel is archived" in page
    assert "#orchard" in page
    assert "There is none. Set SLACK_WEBHOOK_URL" in page
    settings = app.extensions["settings"]
    app.extensions["settings"] = dataclasses.replace(settings, slack_webhook_url=slack.url())
    assert "Nothing has been told yet." in words(browser_of(app, root).get("/admin/slack"))
