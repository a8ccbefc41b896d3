"""A GitHub archive into a project: read, compare, render, and then write in one transaction.

A second run of the same archive adds nothing; one of a later archive adds the issues, comments and closings
that are new. It never rewrites what is here: what was changed there later stays as it was brought.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import func, select

from app import clock
from app.accounts.user import User
from app.context import caused_by
from app.db import after_commit, begin_write, db, reading_first
from app.errors import Conflict, Invalid
from app.events.bulk import Fact, record_many
from app.events.event import Actor
from app.events.project_actions import ImportCompleted, Visibility
from app.importing.archive import read_archive
from app.importing.labels import bring_labels
from app.importing.people import make_people, origin
from app.importing.plan import Addition, Plan, make_plan, still_true
from app.importing.telling import Scene
from app.importing.texts import Text, render_all
from app.importing.writing import Written, write
from app.live.publish import publish
from app.projects.membership import add_member
from app.projects.project import Project, create_project

T = TypeVar("T")


class Watch(Protocol):
    """Lets somebody watch: wraps what is worked through, with a label and how many there are."""

    def __call__(self, what: Iterable[T], label: str, length: int) -> AbstractContextManager[Iterable[T]]: ...


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for. Name and visibility count for a project that is made by the import."""

    file: Path
    key: str
    name: str | None = None
    visibility: Visibility = "members"
    by: str | None = None
    """The username of the importing person, who becomes lead of a new project."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an import added. `present`: issues and comments that were here already."""

    key: str
    issues: int = 0
    comments: int = 0
    people: int = 0
    events: int = 0
    wordless: int = 0
    present: int = 0


def import_github_archive(order: Order, *, watch: Watch) -> Report:
    """Bring the archive in and commit. Raises DomainError with nothing written: a bad file, or a refusal."""
    archive = read_archive(order.file)
    with reading_first():
        importer, project = _importer(order.by), _project(order.key)
        importer_id = importer.id if importer else None
        plan = make_plan(archive, order.key, project)
        if project and plan.is_empty:
            return Report(order.key, present=plan.present)
        db.session.rollback()  # nothing is held while the texts are rendered
        with watch(render_all(plan), "Rendering", len(plan.additions)) as texts:
            told = list(texts)
        begin_write()
        with watch(told, "Writing", len(told)) as watched:
            report = _write(order, plan, importer_id, watched)
        db.session.commit()
    return report


def _importer(username: str | None) -> User | None:
    if username is None:
        return None
    found = db.session.scalar(select(User).where(func.lower(User.username) == username.lower()))
    if found is None or not (found.is_active and found.is_claimed):
        raise Invalid(f"There is nobody called {username} who could sign in", field="as")
    return found


def _project(key: str) -> Project | None:
    query = select(Project).where(func.upper(Project.key) == key).with_for_update()
    found = db.session.scalar(query.execution_options(populate_existing=True))
    if found and found.archived_at:
        raise Conflict(f"{found.name} is archived: it can be read and not changed")
    return found


def _write(
    order: Order, plan: Plan, importer_id: int | None, told: Iterable[tuple[Addition, Text]]
) -> Report:
    project = _project(order.key)
    still_true(plan, project)
    moment = clock.now()
    importer = db.session.get(User, importer_id) if importer_id else None
    actor = importer.actor if importer else Actor("import", ref=plan.archive.source)
    with caused_by(imported=True):
        if project is None:
            project = _make_project(order, plan, importer, actor)
        events = project.event_seq
        scene = _scene(plan, project, actor, moment)
        written = [*write(scene, told)]
        report = _report(plan, written, events=project.event_seq - events + len(plan.new_people))
        record_many([Fact(project, _completed(plan, report), actor, clock.now())])
    _finish(project, plan)
    return report


def _make_project(order: Order, plan: Plan, importer: User | None, actor: Actor) -> Project:
    name = order.name or plan.archive.repository.rpartition("/")[2] or order.key
    project = create_project(key=order.key, name=name[:80], visibility=order.visibility, actor=actor)
    if importer:
        add_member(project, importer, role="lead", actor=actor)
    return project


def _scene(plan: Plan, project: Project, actor: Actor, moment: datetime) -> Scene:
    make_people(plan.new_people, plan.usernames, actor=actor, at=moment)
    labels = bring_labels(project, plan.archive, actor=actor, at=moment)
    origins = {origin(login): login for login in plan.usernames}
    rows = db.session.scalars(select(User).where(User.imported_from.in_(origins)))
    people = {origins[user.imported_from]: user for user in rows if user.imported_from}
    return Scene(plan, project, people, labels)


def _report(plan: Plan, written: Sequence[Written], *, events: int) -> Report:
    return Report(
        key=plan.key,
        issues=sum(one.issues for one in written),
        comments=sum(one.comments for one in written),
        people=len(plan.new_people),
        events=events + sum(one.events for one in written),
        wordless=sum(one.item.wordless for one in plan.additions if one.known is None),
        present=plan.present,
    )


def _completed(plan: Plan, report: Report) -> ImportCompleted:
    return ImportCompleted(
        source=f"GitHub archive of {plan.archive.repository}",
        issues=report.issues,
        comments=report.comments,
        events=report.events,
        people=report.people,
        skipped=report.wordless + report.present,
    )


def _finish(project: Project, plan: Plan) -> None:
    """The counter goes on behind the highest number; pages that show the project are told to look again."""
    given = [one.number for one in plan.additions]
    project.issue_counter = max([project.issue_counter, *given])
    project.activity_seq += 1
    topic, head = f"project:{project.id}", project.activity_seq
    after_commit(topic, lambda: publish(topic, head))
    db.session.flush()
