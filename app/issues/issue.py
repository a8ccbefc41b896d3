"""The issue, and how one is opened."""

from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import clock
from app.accounts.user import User
from app.db import Base, BigId, BigPk, db
from app.errors import Invalid
from app.events.action import IssueRef, Subject
from app.events.event import Actor
from app.events.issue_actions import Created, Priority, Status
from app.events.recording import record_event
from app.issues.label import Label, attach_labels
from app.issues.milestone import Milestone, must_be_of
from app.issues.sub_issues import must_have_room, tell_parent
from app.issues.subscription import subscribe
from app.issues.written import WrittenText, excerpt
from app.projects.project import Project

STATUSES: tuple[Status, ...] = get_args(Status)
OPEN_STATUSES: tuple[Status, ...] = ("open", "in_progress", "reopened")
"""What the list shows unless it is asked for more: work that is not finished."""
TITLE_MAX = 200
_DELETED = "deleted_at IS NOT NULL"


def _sparse(name: str, column: str) -> Index:
    """Without the many issues that have none: their NULL would count as a value nearly all have."""
    given = text(f"{column} IS NOT NULL")
    return Index(name, column, "status", sqlite_where=given, postgresql_where=given)


class Issue(Base):
    """One issue. A database trigger refuses to change what it says, or to delete it, without an event."""

    __tablename__ = "issues"

    id: Mapped[BigPk]
    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("projects.id"))
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(String(12), default="issue")
    title: Mapped[str] = mapped_column(String(TITLE_MAX))
    description: Mapped[str] = mapped_column(default="")
    description_html: Mapped[str] = mapped_column(default="")
    description_version: Mapped[int] = mapped_column(default=1)
    status: Mapped[str] = mapped_column(String(12), default="open")
    priority: Mapped[str] = mapped_column(String(8), default="none")
    reporter_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("users.id"))
    milestone_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("milestones.id"))
    parent_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("issues.id"))
    """The issue this one is a sub-issue of: of the same project, see app.issues.sub_issues."""
    comment_count: Mapped[int] = mapped_column(default=0)
    event_seq: Mapped[int] = mapped_column(default=0)
    event_head: Mapped[str | None] = mapped_column(String(64))
    rank: Mapped[int] = mapped_column(SmallInteger, default=0)
    """Of the priority, urgent = 4 down to none = 0, so that lists can be sorted by it."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    """Since when it is out of sight, with all that happened to it (app.issues.deletion)."""
    import_key: Mapped[str | None] = mapped_column(String(200))
    """Where an imported issue comes from, so that a second import adds nothing: `github:owner/name#12`."""

    project: Mapped[Project] = relationship(lazy="raise_on_sql")
    reporter: Mapped[User | None] = relationship(lazy="raise_on_sql")

    __table_args__ = (
        UniqueConstraint("project_id", "number"),
        Index("uq_issues_import", "project_id", "import_key", unique=True),
        CheckConstraint("status IN ('open', 'in_progress', 'resolved', 'closed', 'reopened')", name="status"),
        CheckConstraint("priority IN ('urgent', 'high', 'medium', 'low', 'none')", name="priority"),
        CheckConstraint("kind IN ('issue', 'pull_request')", name="kind"),
        Index("ix_issues_project_status", "project_id", "status", "updated_at", "id", "deleted_at"),
        Index("ix_issues_project_updated", "project_id", "updated_at", "id"),
        Index("ix_issues_status", "status", "updated_at", "id", "deleted_at"),
        Index("ix_issues_updated", "updated_at", "id"),
        Index("ix_issues_reporter", "reporter_id"),
        Index(
            "ix_issues_deleted",
            "project_id",
            "deleted_at",
            "id",
            sqlite_where=text(_DELETED),
            postgresql_where=text(_DELETED),
        ),
        _sparse("ix_issues_milestone", "milestone_id"),
        _sparse("ix_issues_parent", "parent_id"),
    )

    @property
    def event_subject(self) -> Subject:
        return Subject.issue

    @property
    def key(self) -> str:
        """KEY-12. Needs the project to be loaded with the issue."""
        return f"{self.project.key}-{self.number}"

    @property
    def ref(self) -> IssueRef:
        """The issue as an event of another one names it."""
        return IssueRef(id=self.id, key=self.key, title=self.title)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES


@dataclass(frozen=True, slots=True)
class Opening:
    """What an issue begins with."""

    title: str
    description: WrittenText
    priority: Priority = "none"
    labels: tuple[Label, ...] = ()
    assignees: tuple[User, ...] = ()
    kind: str = "issue"
    milestone: Milestone | None = None
    parent: Issue | None = None


def open_issue(
    project: Project, opening: Opening, *, reporter: User | None, actor: Actor, at: datetime | None = None
) -> Issue:
    """Open an issue under the project's next number; reporter, assignees and mentioned people watch it from then on.

    Without `reporter` it was no person: the event names the actor.
    """
    if opening.priority not in get_args(Priority):
        raise Invalid("Choose a priority: urgent, high, medium, low or none", field="priority")
    number = next_number(project)
    must_be_of(project, opening.milestone)
    must_have_room(project, opening.parent)
    moment = at or clock.now()
    issue = Issue(
        project_id=project.id,
        number=number,
        kind=opening.kind,
        title=opening.title,
        description=opening.description.source,
        description_html=opening.description.html,
        priority=opening.priority,
        rank=rank(opening.priority),
        reporter_id=reporter.id if reporter else None,
        milestone_id=opening.milestone.id if opening.milestone else None,
        parent_id=opening.parent.id if opening.parent else None,
        created_at=moment,
        updated_at=moment,
    )
    issue.project, issue.reporter = project, reporter
    db.session.add(issue)
    db.session.flush()
    attach_labels(issue, opening.labels)
    attach_people(issue, opening.assignees)
    record_event(issue, _created(project, opening), actor=actor, at=at)
    for person, reason in _watchers(reporter, opening):
        subscribe(issue, person, reason=reason)
    tell_parent(opening.parent, issue, actor=actor)
    return issue


def next_number(project: Project) -> int:
    """Take the project's next number; given back when the transaction is rolled back, so there are no gaps."""
    number = db.session.scalar(
        update(Project)
        .where(Project.id == project.id)
        .values(issue_counter=Project.issue_counter + 1)
        .returning(Project.issue_counter)
        .execution_options(synchronize_session=False)
    )
    assert number is not None
    return number


def rank(priority: str) -> int:
    """Urgent = 4 down to none = 0."""
    return ("none", "low", "medium", "high", "urgent").index(priority)


class IssueAssignee(Base):
    """A person who has the issue. Database triggers refuse a row that no event speaks of."""

    __tablename__ = "issue_assignees"

    issue_id: Mapped[int] = mapped_column(BigId, ForeignKey("issues.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"), primary_key=True, index=True)


def attach_people(issue: Issue, people: tuple[User, ...]) -> None:
    """Write the rows; the event that says so is the caller's."""
    if people:
        rows = [{"issue_id": issue.id, "user_id": person.id} for person in people]
        db.session.execute(IssueAssignee.__table__.insert(), rows)  # type: ignore[attr-defined]


def assignee_ids(issue: Issue) -> set[int]:
    """Who has the issue."""
    query = select(IssueAssignee.user_id).where(IssueAssignee.issue_id == issue.id)
    return set(db.session.scalars(query))


def _created(project: Project, opening: Opening) -> Created:
    return Created(
        title=opening.title,
        excerpt=excerpt(opening.description.source) or None,
        sha256=opening.description.sha256,
        project=project.name,
        kind=opening.kind,
        priority=opening.priority,
        labels=tuple(label.ref for label in opening.labels),
        assignees=tuple(person.ref for person in opening.assignees),
        milestone=opening.milestone.ref if opening.milestone else None,
        parent=opening.parent.ref if opening.parent else None,
    )


def _watchers(reporter: User | None, opening: Opening) -> list[tuple[User, str]]:
    return [
        *([(reporter, "reported")] if reporter else []),
        *((person, "assigned") for person in opening.assignees),
        *((person, "mentioned") for person in opening.description.mentioned),
    ]
