"""Builders of small worlds, through the product's own verbs."""

from dataclasses import dataclass
from itertools import count

from app import clock
from app.accounts.user import User
from app.db import db
from app.events.event import SYSTEM, Actor
from app.events.people_actions import UserCreated
from app.events.recording import record_event
from app.issues.issue import Issue, Opening, open_issue
from app.issues.written import NOTHING, WrittenText
from app.projects.membership import add_member
from app.projects.project import Project, create_project

_numbers = count(1)
PASSWORD = "correct horse battery"


def person(name: str = "Ann", *, admin: bool = False, password_hash: str | None = "set") -> User:
    """An active person called `name`; the username is the name in lower case and a number."""
    username = f"{name.lower()}{next(_numbers)}"
    user = User(
        username=username,
        email=f"{username}@example.org",
        name=name,
        password_hash=password_hash,
        is_admin=admin,
        created_at=clock.now(),
    )
    db.session.add(user)
    db.session.flush()
    record_event(user, UserCreated(user=user.ref, via="cli", admin=admin), actor=SYSTEM)
    return user


def project(lead: User, *, key: str = "ORC", visibility: str = "members", name: str = "Orchard") -> Project:
    """A project with its lead."""
    made = create_project(key=key, name=name, visibility=visibility, actor=lead.actor)  # type: ignore[arg-type]
    add_member(made, lead, role="lead", actor=lead.actor)
    return made


def issue(place: Project, reporter: User, *, title: str = "Card payments fail", **opening: object) -> Issue:
    """An open issue."""
    return open_issue(
        place,
        Opening(title=title, description=NOTHING, **opening),  # type: ignore[arg-type]
        reporter=reporter,
        actor=reporter.actor,
    )


def said(source: str, *mentioned: User) -> WrittenText:
    """A text as it would come from the renderer."""
    return WrittenText(source, f"<p>{source}</p>", tuple(mentioned))


@dataclass
class World:
    """One project with a lead, a member and a watcherless stranger, and one issue reported by the lead."""

    lead: User
    member: User
    stranger: User
    project: Project
    issue: Issue

    @property
    def actor(self) -> Actor:
        return self.lead.actor


def build() -> World:
    """The usual world, committed."""
    lead, member, stranger = person("Rowan"), person("Otis"), person("Bram")
    place = project(lead)
    add_member(place, member, role="member", actor=lead.actor)
    made = World(lead, member, stranger, place, issue(place, lead))
    db.session.commit()
    return made
