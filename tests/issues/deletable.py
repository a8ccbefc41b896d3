"""An issue everybody has to do with, to be deleted and brought back."""

from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.token import create_token
from app.db import db
from app.events.event import Event
from app.issues.assignment import assign
from app.issues.comment import add_comment
from app.issues.deletion import delete_issue, restore_issue
from app.issues.editing import redescribe, retitle
from app.issues.issue import Issue
from app.issues.label import add_labels, create_label
from app.issues.visit import note_visit
from app.projects.project import change_visibility
from tests.api.conftest import Program
from tests.support import world as worlds
from tests.support.deliveries import deliver
from tests.support.web import Browser, browser_of, words
from tests.support.world import said

LID = "The lid rattles"
"""What the member said on it: stands wherever the issue is shown with what happened."""
TITLE = "Vanishing kettle"


@dataclass
class Scene:
    """A public project with an issue everybody has to do with, and another that stays."""

    world: worlds.World
    app: Flask
    comment_id: int
    uids: list[str]

    def browser(self, who: str) -> Browser:
        people = {"lead": self.world.lead, "member": self.world.member, "stranger": self.world.stranger}
        return browser_of(self.app, people.get(who))

    def program(self, who: str) -> Program:
        person = self.world.lead if who == "lead" else self.world.member
        _, secret = create_token(person, title="test", scope="write", actor=person.actor)
        db.session.commit()
        return Program(self.app, secret)

    def delete(self) -> None:
        delete_issue(self.again(), actor=self.world.actor)
        db.session.commit()
        deliver()

    def restore(self) -> None:
        restore_issue(self.again(), actor=self.world.actor)
        db.session.commit()
        deliver()

    def again(self) -> Issue:
        return db.session.get_one(Issue, self.world.issue.id, populate_existing=True)


@pytest.fixture
def scene(app: Flask, world: worlds.World) -> Scene:
    issue, actor, member = world.issue, world.actor, world.member
    change_visibility(world.project, "public", actor=actor)
    retitle(issue, TITLE, actor=actor)
    redescribe(issue, said("It whistles", member), version=1, actor=actor)
    add_labels(issue, [create_label(world.project, name="steam", color="moss", actor=actor)], actor=actor)
    assign(issue, [member], actor=actor)
    comment = add_comment(issue, said(LID, world.lead), author=member, actor=member.actor)
    note_visit(issue, member, seen_seq=1)
    worlds.issue(world.project, world.lead, title="Kettle that stays")
    db.session.commit()
    deliver()
    add_comment(issue, said("Ann knows"), author=world.lead, actor=actor)
    db.session.commit()
    deliver()
    uids = list(db.session.scalars(select(Event.uid).where(Event.issue_id == issue.id).order_by(Event.seq)))
    return Scene(world, app, comment.id, uids)


def pages(scene: Scene) -> list[str]:
    """Every page on which the issue or what happened to it stands."""
    username = scene.world.member.username
    return [
        "/issues/ORC-1",
        "/issues/ORC-1/feed?after=0",
        "/issues/ORC-1/feed?before=99",
        "/projects/ORC/issues?q=status:any",
        "/projects/ORC/issues?q=key:1",
        "/issues?q=kettle+label:steam",
        "/projects/ORC/board",
        "/projects/ORC/activity",
        "/",
        f"/people/{username}/activity",
        f"/people/{username}/activity?show=viewed",
        "/inbox",
        "/inbox?tab=all&issue=ORC-1",
        *(f"/events/{uid}" for uid in scene.uids),
    ]


def shows(browser: Browser, path: str) -> bool:
    """Whether the page says anything of the issue."""
    answer = browser.get(path)
    assert answer.status_code in (200, 302, 303, 404), (path, answer.status_code)
    said_there = words(answer)
    return answer.status_code == 200 and any(one in said_there for one in (LID, TITLE, "ORC-1 "))
