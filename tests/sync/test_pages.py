"""Project settings > GitHub, Admin > External sync, and the link on an issue."""

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import db
from app.events.event import Event
from app.issues.editing import retitle
from app.sync.connection import SyncConnection, connection_of
from tests.support import world as worlds
from tests.support.deliveries import writes_again
from tests.support.fake_github import REPOSITORY, TOKEN, FakeGitHub, Says
from tests.support.web import browser_of, words
from tests.sync.conftest import Both, joined

PATH = "/projects/ORC/settings/sync"
FIELDS = {
    "repository": REPOSITORY,
    "token": TOKEN,
    "direction": "both",
    "choice": "all",
    "label": "",
    "names": "",
}


def test_a_lead_connects_tests_pauses_and_ends(app: Flask, github: FakeGitHub, world: worlds.World) -> None:
    lead = browser_of(app, world.lead)
    answer = lead.post(PATH, FIELDS | {"repository": f"https://github.com/{REPOSITORY}/"})
    assert answer.status_code == 200
    assert "Copy it now" in words(answer)
    writes_again()
    made = connection_of(world.project.id)
    assert made is not None
    assert f"/sync/github/{made.uid}" in answer.text
    assert TOKEN not in answer.text + str(made.token)
    page = lead.get(PATH)
    assert "Copy it now" not in words(page)
    assert f"Ends in …{TOKEN[-4:]}" in words(page)

    assert lead.post(f"{PATH}/test").status_code == 303
    assert lead.post(f"{PATH}/pause").status_code == 303
    assert "Paused by hand" in words(lead.get(PATH))
    assert lead.post(f"{PATH}/resume").status_code == 303
    changed = FIELDS | {"token": "", "direction": "out", "names": f"octo-otis = @{world.member.username}"}
    assert lead.post(PATH, changed).status_code == 303
    assert "Copy it now" in words(lead.post(f"{PATH}/secret"))
    assert lead.post(f"{PATH}/remove").status_code == 303
    writes_again()
    assert connection_of(world.project.id) is None
    done = list(
        db.session.scalars(select(Event.action).where(Event.action.like("integration%")).order_by(Event.seq))
    )
    assert done == [
        "integration_connected",
        "integration_paused",
        "integration_resumed",
        "integration_changed",
        "integration_changed",
        "integration_disconnected",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"repository": "orchard"}, "named owner/name"),
        ({"repository": "octo/../secrets"}, "named owner/name"),
        ({"repository": "octo/nothing"}, "shows this token no repository octo/nothing"),
        ({"token": "ghp_bad"}, "no longer accepts the token"),
        ({"token": ""}, "Give a token"),
        ({"token": "two words"}, "letters, digits and underscores"),
        ({"direction": "sideways"}, "Choose which way"),
        ({"choice": ""}, "Choose which issues"),
        ({"choice": "label"}, "Say which label"),
        ({"names": "octocat"}, "not of the form"),
        ({"names": "octocat = nobody-here"}, "There is nobody called nobody-here"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_kept(
    app: Flask, github: FakeGitHub, world: worlds.World, change: dict[str, str], said: str
) -> None:
    answer = browser_of(app, world.lead).post(PATH, FIELDS | change)
    assert answer.status_code == 422
    assert said in words(answer)
    writes_again()
    assert connection_of(world.project.id) is None


def test_a_github_that_fails_is_said_and_nothing_is_kept(
    app: Flask, github: FakeGitHub, world: worlds.World
) -> None:
    github.next_answers = [Says(500)]
    answer = browser_of(app, world.lead).post(PATH, FIELDS)
    assert answer.status_code == 422
    assert "GitHub answered 500" in words(answer)
    writes_again()
    assert connection_of(world.project.id) is None


def test_members_strangers_and_visitors_see_none_of_it(
    app: Flask, connection: SyncConnection, world: worlds.World
) -> None:
    assert browser_of(app, world.member).get(PATH).status_code == 403
    assert browser_of(app, world.stranger).get(PATH).status_code == 404
    assert browser_of(app).get(PATH).status_code == 303
    assert browser_of(app, world.lead).get("/admin/sync").status_code == 404
    for act in ("", "/test", "/pause", "/resume", "/secret", "/remove"):
        assert browser_of(app, world.member).post(PATH + act, FIELDS).status_code == 403
        assert browser_of(app, world.stranger).post(PATH + act, FIELDS).status_code == 404
    assert browser_of(app, world.stranger).post("/issues/ORC-1/external", {"remove": "1"}).status_code == 404
    writes_again()
    still = connection_of(world.project.id)
    assert still is not None
    assert still.paused is None


def test_an_issue_is_linked_and_unlinked_by_hand(app: Flask, both: Both, github: FakeGitHub) -> None:
    world = both.world
    joined(world, app, choice="hand")
    both.settle()
    assert github.issues == {}
    member = browser_of(app, world.member)
    assert "Link to GitHub" in words(member.get("/issues/ORC-1"))
    assert member.post("/issues/ORC-1/external", {"add": "github"}).status_code == 303
    assert "On its way to octo/orchard" in words(member.get("/issues/ORC-1"))
    assert member.post("/issues/ORC-1/external", {"add": "github"}).status_code == 409
    writes_again()
    both.settle()
    assert [one["title"] for one in github.issues.values()] == ["Card payments fail"]
    page = member.get("/issues/ORC-1")
    assert "octo/orchard#1" in words(page)
    assert f'href="https://github.com/{REPOSITORY}/issues/1"' in page.text

    assert member.post("/issues/ORC-1/external", {"remove": "github"}).status_code == 303
    writes_again()
    github.edit(1, title="Not for you any more")
    retitle(both.here(), "Ours alone", actor=world.actor)
    both.settle()
    assert (both.here().title, github.issues[1]["title"]) == ("Ours alone", "Not for you any more")
    assert member.post("/issues/ORC-1/external", {"add": "github"}).status_code == 303
    writes_again()
    both.settle()
    assert len(github.issues) == 1
    assert both.here().title == github.issues[1]["title"]


def test_conflicts_and_errors_stand_on_the_pages(app: Flask, both: Both, connection: SyncConnection) -> None:
    both.github.edit(1, title="<b>Theirs</b>")
    retitle(both.here(), "Ours", actor=both.world.actor)
    both.settle()
    lead = browser_of(app, both.world.lead)
    page = words(lead.get(PATH))
    assert "Changed on both sides" in page
    assert "<b>Theirs</b>" in page
    assert "ORC-1 Title" in page
    assert "changed on both sides" in words(lead.get("/issues/ORC-1"))
    writes_again()
    both.github.tokens.clear()
    retitle(both.here(), "Once more", actor=both.world.actor)
    both.send()
    assert "GitHub no longer accepts the token" in words(lead.get(PATH))
    root = worlds.person("Root", admin=True)
    db.session.commit()
    page = words(browser_of(app, root).get("/admin/sync"))
    assert "Paused: GitHub no longer accepts the token" in page
    assert "octo/orchard" in page
