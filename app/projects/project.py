"""The project, and the verbs on it."""

import re
from datetime import datetime
from typing import get_args

from sqlalchemy import CheckConstraint, Index, String, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.db import Base, BigPk, db
from app.errors import Invalid
from app.events.action import Subject
from app.events.event import Actor
from app.events.project_actions import (
    ProjectArchived,
    ProjectCreated,
    ProjectDescribed,
    ProjectRenamed,
    ProjectUnarchived,
    Visibility,
    VisibilityChanged,
)
from app.events.recording import record_event

KEY = re.compile(r"[A-Z][A-Z0-9]{1,9}\Z")


class Project(Base):
    """A place for issues, with a key, its own numbers and its members."""

    __tablename__ = "projects"

    id: Mapped[BigPk]
    key: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(80))
    description: Mapped[str] = mapped_column(default="")
    visibility: Mapped[str] = mapped_column(String(10), default="members")
    issue_counter: Mapped[int] = mapped_column(default=0)
    """The last number given out; taken under this row's lock, so that numbers have no gaps and no doubles."""
    event_seq: Mapped[int] = mapped_column(default=0)
    event_head: Mapped[str | None] = mapped_column(String(64))
    activity_seq: Mapped[int] = mapped_column(default=0)
    """Rises with every act in the project: the head of the live topic `project:ID`."""
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_projects_key", func.upper(key), unique=True),
        CheckConstraint("visibility IN ('public', 'members')", name="visibility"),
    )

    @property
    def event_subject(self) -> Subject:
        return Subject.project

    @property
    def is_public(self) -> bool:
        return self.visibility == "public"


def create_project(
    *,
    key: str,
    name: str,
    visibility: Visibility,
    actor: Actor,
    description: str = "",
    at: datetime | None = None,
) -> Project:
    """A new project. Raises Invalid when the key is malformed or taken."""
    key = key.strip().upper()
    if not KEY.match(key):
        raise Invalid(
            "A key has 2 to 10 capital letters and digits and begins with a letter, like ORC", field="key"
        )
    if visibility not in get_args(Visibility):
        raise Invalid("Choose who may see the project: public or members", field="visibility")
    if db.session.scalar(select(Project.id).where(func.upper(Project.key) == key)):
        raise Invalid(f"The key {key} is taken", field="key")
    project = Project(
        key=key, name=name, description=description, visibility=visibility, created_at=at or clock.now()
    )
    db.session.add(project)
    db.session.flush()
    record_event(project, ProjectCreated(key=key, title=name, visibility=visibility), actor=actor, at=at)
    return project


def rename(project: Project, name: str, *, actor: Actor) -> None:
    """Give the project another name; the key stays."""
    if name != project.name:
        before, project.name = project.name, name
        record_event(project, ProjectRenamed(from_=before, to=name), actor=actor)


def describe(project: Project, description: str, *, actor: Actor) -> None:
    """Say what the project is for."""
    if description != project.description:
        project.description = description
        record_event(project, ProjectDescribed(excerpt=description[:200] or None), actor=actor)


def change_visibility(project: Project, visibility: Visibility, *, actor: Actor) -> None:
    """Open the project to everybody, or close it to all but its members."""
    if visibility not in get_args(Visibility):
        raise Invalid("Choose who may see the project: public or members", field="visibility")
    if visibility != project.visibility:
        before, project.visibility = project.visibility, visibility
        record_event(project, VisibilityChanged(from_=before, to=visibility), actor=actor)


def archive(project: Project, *, actor: Actor) -> None:
    """Put the project away: readable, not changeable."""
    if project.archived_at is None:
        project.archived_at = clock.now()
        record_event(project, ProjectArchived(), actor=actor)


def unarchive(project: Project, *, actor: Actor) -> None:
    """Take the project up again."""
    if project.archived_at is not None:
        project.archived_at = None
        record_event(project, ProjectUnarchived(), actor=actor)
