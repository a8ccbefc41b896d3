"""Our side of a linked issue: what it is now, since when, and changing it as GitHub says."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select

from app.accounts.user import User
from app.db import db
from app.events.event import Event
from app.events.recording import holds
from app.issues.assignment import assign, unassign
from app.issues.editing import redescribe, retitle
from app.issues.issue import Issue
from app.issues.label import COLORS, Label, create_label, find_labels, project_labels, set_labels
from app.issues.queries import labels_of, people_with
from app.issues.workflow import change_status
from app.issues.written import NOTHING, WrittenText
from app.projects.project import Project
from app.projects.queries import people_named
from app.sync.conflicts import State
from app.sync.connection import SYNC, SyncConnection
from app.sync.marks import clean_text, clean_title
from app.sync.payload import RemoteIssue
from app.web.markdown import render_markdown

SAID_BY = {
    "title": ("title_changed",),
    "body": ("description_changed",),
    "state": ("closed", "reopened", "status_changed"),
}
"""Field -> the actions that change it."""
RESOLUTIONS = {"completed": "fixed", "not_planned": "wont_fix", "duplicate": "duplicate"}


def issue_with_project(issue_id: int) -> Issue:
    """The issue as it is now, its project with it."""
    issue = db.session.get_one(Issue, issue_id, populate_existing=True)
    issue.project = db.session.get_one(Project, issue.project_id)
    return issue


def is_deleted(issue_id: int) -> bool:
    """Whether the issue was deleted here: nothing is exchanged about it, and its counterpart stays as it is."""
    return db.session.scalar(select(Issue.deleted_at).where(Issue.id == issue_id)) is not None


def issue_locked(issue_id: int, project_id: int) -> Issue:
    """The project and the issue, both locked in this order and read anew: what follows may make labels too."""
    query = select(Project).where(Project.id == project_id).with_for_update()
    project = db.session.scalars(query.execution_options(populate_existing=True)).one()
    holds(project)
    again = select(Issue).where(Issue.id == issue_id).with_for_update()
    issue = db.session.scalars(again.execution_options(populate_existing=True)).one()
    issue.project = project
    holds(issue)
    return issue


def ours(issue: Issue, connection: SyncConnection) -> State:
    """Our side."""
    logins = {username: login for login, username in connection.names.items()}
    people = [person.username.lower() for person in people_with(issue)] if logins else []
    return State(
        title=clean_title(issue.title),
        body=clean_text(issue.description),
        state="open" if issue.is_open else "closed",
        labels=frozenset(chip.name.lower() for chip in labels_of([issue.id]).get(issue.id, [])),
        assignees=frozenset(logins[name] for name in people if name in logins),
    )


def theirs(remote: RemoteIssue, connection: SyncConnection) -> State:
    """Their side, as far as we know its people."""
    return State(
        title=remote.title,
        body=remote.body,
        state=remote.state,
        labels=frozenset(name.lower() for name in remote.labels),
        assignees=frozenset(remote.assignees) & frozenset(connection.names),
    )


def changed_at(issue_id: int, field: str) -> datetime | None:
    """When somebody here last changed the field; None when only GitHub did."""
    query = select(func.max(Event.created_at)).where(
        Event.issue_id == issue_id, Event.action.in_(SAID_BY[field]), Event.actor_kind != "sync"
    )
    return db.session.scalar(query)


def written(text: str) -> WrittenText:
    """A text from there. It names nobody and no issue of ours: their names mean others."""
    if not text:
        return NOTHING
    return WrittenText(text, render_markdown(text, under=1).html)


def take(
    issue: Issue,
    connection: SyncConnection,
    change: Mapping[str, Any],
    remote: RemoteIssue,
    body: WrittenText,
) -> None:
    """Make our side what `change` says, by our own verbs, as GitHub. The issue and its project are locked."""
    if "title" in change:
        retitle(issue, change["title"], actor=SYNC)
    if "body" in change:
        redescribe(issue, body, version=issue.description_version, actor=SYNC)
    if "labels" in change:
        set_labels(issue, labels_named(issue.project, change["labels"], remote.labels), actor=SYNC)
    if "assignees" in change:
        _take_people(issue, connection, change["assignees"])
    if "state" in change:
        _take_state(issue, change["state"], remote)


def labels_named(project: Project, wanted: frozenset[str], spelled: Sequence[str]) -> Sequence[Label]:
    """The project's labels with these names; those it does not have are made, spelled as there."""
    have = {label.name.lower(): label for label in project_labels(project)}
    names = {name.lower(): name for name in spelled}
    for low in sorted(wanted - have.keys()):
        name = names.get(low, low)
        hue = COLORS[sha256(low.encode()).digest()[0] % len(COLORS)]
        have[low] = create_label(project, name=name, color=hue, actor=SYNC)
    return [have[low] for low in sorted(wanted)]


def has_label(issue: Issue, name: str) -> bool:
    """Whether the issue has the project's label with this name."""
    found = {label.id for label in find_labels(issue.project, [name])}
    return any(chip.id in found for chip in labels_of([issue.id]).get(issue.id, []))


def person_called(connection: SyncConnection, login: str) -> User | None:
    """Who this is here, if a lead has said so and they still belong to the project."""
    username = connection.names.get(login.lower())
    if username is None:
        return None
    project = db.session.get_one(Project, connection.project_id)
    return next(iter(people_named(project, [username])), None)


def _take_people(issue: Issue, connection: SyncConnection, logins: frozenset[str]) -> None:
    known = {connection.names[login] for login in logins if login in connection.names}
    assign(issue, people_named(issue.project, sorted(known)), actor=SYNC)
    mapped = set(connection.names.values())
    gone = [one for one in people_with(issue) if one.username.lower() in mapped - known]
    unassign(issue, gone, actor=SYNC)


def _take_state(issue: Issue, state: str, remote: RemoteIssue) -> None:
    step = "close" if state == "closed" else "reopen"
    resolution = RESOLUTIONS.get(remote.reason or "completed", "fixed") if step == "close" else None
    if issue.is_open == (step == "close"):
        change_status(issue, step, actor=SYNC, resolution=resolution, triggered_by="sync")


def given_up(issue: Issue) -> bool:
    """Whether it was closed without being fixed."""
    query = select(Event.facts).where(Event.issue_id == issue.id, Event.action == "closed")
    facts = db.session.scalar(query.order_by(Event.seq.desc()).limit(1))
    return issue.status == "closed" and facts is not None and facts.get("resolution") == "wont_fix"


def name_of(user_id: int | None) -> str:
    """What somebody is called; without an account they are somebody."""
    person = db.session.get(User, user_id) if user_id is not None else None
    return person.name if person else "Somebody"
