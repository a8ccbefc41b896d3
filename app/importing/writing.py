"""Writing a plan: everything in the transaction in hand, a few hundred issues at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import insert, select

from app.accounts.user import User
from app.db import db, take_ids
from app.events.bulk import Fact, record_many
from app.events.event import Actor
from app.events.issue_actions import Closed, Commented, Created
from app.events.recording import holds
from app.importing.plan import Addition, Plan, import_key
from app.importing.texts import Said
from app.issues.comment import Comment
from app.issues.issue import Issue, IssueAssignee
from app.issues.label import IssueLabel, Label
from app.issues.subscription import subscribe_many
from app.projects.project import Project

AT_ONCE = 250
"""Issues written together: bounds the memory of the rows in hand."""

Text = tuple[Said | None, list[Said]]


@dataclass
class Scene:
    """What the additions refer to: made or found before they are written."""

    plan: Plan
    project: Project
    people: dict[str, User]
    """By login in lower case."""
    labels: dict[str, Label]

    def person(self, login: str) -> User:
        return self.people[login.lower()]

    def acts(self, login: str) -> Actor:
        """A person of the archive acts; the origin is named with every event."""
        return Actor("user", self.person(login).id, ref=self.plan.archive.source)


@dataclass
class Written:
    """How much was written."""

    issues: int = 0
    comments: int = 0
    events: int = 0


@dataclass
class _Rows:
    """The rows of one batch."""

    facts: list[Fact] = field(default_factory=list)
    labels: list[dict[str, Any]] = field(default_factory=list)
    assignees: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    subscriptions: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[tuple[Issue, Addition, datetime]] = field(default_factory=list)


def write(scene: Scene, told: Iterable[tuple[Addition, Text]]) -> Iterator[Written]:
    """Write the additions in batches; says after each what it wrote."""
    pending = iter(told)
    while batch := list(islice(pending, AT_ONCE)):
        yield _write_batch(scene, batch)


def _write_batch(scene: Scene, batch: Sequence[tuple[Addition, Text]]) -> Written:
    issues = _issues(scene, batch)
    rows = _Rows()
    comment_ids = iter(take_ids("comments", sum(len(text[1]) for _, text in batch)))
    for addition, text in batch:
        _Telling(scene, issues[addition.number], addition, rows, comment_ids).tell(text)
    _insert(IssueLabel, rows.labels)
    _insert(IssueAssignee, rows.assignees)
    with (
        db.session.no_autoflush
    ):  # an issue's new state and its new event are one UPDATE, as the database wants it
        recorded = record_many(rows.facts)
        _settle(rows)
    db.session.flush()
    _insert(Comment, rows.comments)
    subscribe_many(rows.subscriptions)
    for issue in issues.values():
        db.session.expunge(issue)
    new = sum(addition.known is None for addition, _ in batch)
    return Written(issues=new, comments=len(rows.comments), events=len(recorded))


def _settle(rows: _Rows) -> None:
    for issue, addition, last in rows.outcomes:
        issue.comment_count += len(addition.remarks)
        issue.updated_at = max(issue.updated_at, last)
        if addition.closes:
            issue.status = "closed"


def _issues(scene: Scene, batch: Sequence[tuple[Addition, Text]]) -> dict[int, Issue]:
    """By number: the known ones locked in the order of their ids, then the new ones made."""
    known = [addition.known.issue_id for addition, _ in batch if addition.known]
    found: dict[int, Issue] = {}
    if known:
        query = select(Issue).where(Issue.id.in_(known)).order_by(Issue.id).with_for_update()
        found = {issue.number: issue for issue in db.session.scalars(query)}
    new = [(addition, text[0]) for addition, text in batch if addition.known is None]
    ids = take_ids("issues", len(new)) if new else []
    for issue_id, (addition, description) in zip(ids, new, strict=True):
        assert description is not None
        found[addition.number] = _issue(scene, issue_id, addition, description)
    db.session.add_all(found.values())
    db.session.flush()
    for issue in found.values():
        holds(issue)
    return found


def _issue(scene: Scene, issue_id: int, addition: Addition, description: Said) -> Issue:
    item = addition.item
    return Issue(
        id=issue_id,
        project_id=scene.project.id,
        number=addition.number,
        kind=item.kind,
        title=item.title,
        description=description.source,
        description_html=description.html,
        status="open",
        priority="none",
        rank=0,
        reporter_id=scene.person(item.author).id,
        comment_count=0,
        event_seq=0,
        created_at=item.created_at,
        updated_at=item.created_at,
        import_key=import_key(scene.plan.archive, item.number),
    )


class _Telling:
    """Turns one addition into its facts and rows, in the order in which it happened."""

    def __init__(
        self, scene: Scene, issue: Issue, addition: Addition, rows: _Rows, comment_ids: Iterator[int]
    ) -> None:
        self.scene = scene
        self.issue = issue
        self.addition = addition
        self.rows = rows
        self.comment_ids = comment_ids
        self.seq = issue.event_seq
        self.status = issue.status

    def tell(self, text: Text) -> None:
        """Opening, comments and closing. A comment made in the second of the closing came before it."""
        description, said = text
        if description is not None:
            self._opened(description)
        last = self.addition.item.created_at
        waits = self.addition.closes
        for remark, words in zip(self.addition.remarks, said, strict=True):
            if waits and remark.at > self._closed_at():
                waits = self._closed()
            self._commented(remark.author, remark.at, remark.key, words)
            last = max(last, remark.at)
        if waits:
            self._closed()
        if self.addition.closes:
            last = max(last, self._closed_at())
        self.rows.outcomes.append((self.issue, self.addition, last))

    def _opened(self, description: Said) -> None:
        item = self.addition.item
        labels = list(
            {label.id: label for name in item.labels if (label := self.scene.labels[name])}.values()
        )
        people = list(
            {user.id: user for name in item.assignees if (user := self.scene.person(name))}.values()
        )
        action = Created(
            title=item.title,
            excerpt=description.excerpt or None,
            project=self.scene.project.name,
            kind=item.kind,
            labels=tuple(label.ref for label in labels),
            assignees=tuple(user.ref for user in people),
        )
        self._fact(action, self.scene.acts(item.author), item.created_at)
        self.rows.labels += [{"issue_id": self.issue.id, "label_id": label.id} for label in labels]
        self.rows.assignees += [{"issue_id": self.issue.id, "user_id": user.id} for user in people]
        self._watches(self.scene.person(item.author), "reported", item.created_at)
        for user in people:
            self._watches(user, "assigned", item.created_at)

    def _commented(self, author: str, at: datetime, key: str, words: Said) -> None:
        comment_id = next(self.comment_ids)
        people = [self.scene.people[login] for login in words.mentions if login in self.scene.people]
        action = Commented(
            comment_id=comment_id,
            sha256=words.sha256,
            excerpt=words.excerpt,
            mentions=tuple(user.ref for user in people),
        )
        self._fact(action, self.scene.acts(author), at)
        self.rows.comments.append(
            {
                "id": comment_id,
                "issue_id": self.issue.id,
                "event_seq": self.seq,
                "author_id": self.scene.person(author).id,
                "body": words.source,
                "html": words.html,
                "version": 1,
                "created_at": at,
                "import_key": key,
            }
        )
        self._watches(self.scene.person(author), "commented", at)

    def _closed_at(self) -> datetime:
        assert self.addition.item.closed_at is not None
        return self.addition.item.closed_at

    def _closed(self) -> bool:
        """Returns False: nothing waits any more."""
        item = self.addition.item
        action = Closed.model_validate(
            {
                "from": self.status,
                "to": "closed",
                "step": "close",
                "triggered_by": "import",
                "resolution": "merged" if item.merged else "closed",
            }
        )
        nobody = Actor("import", ref=self.scene.plan.archive.source)
        by = self.scene.acts(item.closed_by) if item.closed_by else nobody
        self._fact(action, by, self._closed_at())
        self.status = "closed"
        return False

    def _fact(self, action: Created | Commented | Closed, actor: Actor, at: datetime) -> None:
        self.rows.facts.append(Fact(self.issue, action, actor, at))
        self.seq += 1

    def _watches(self, user: User, reason: str, at: datetime) -> None:
        row = {"issue_id": self.issue.id, "user_id": user.id, "reason": reason, "created_at": at}
        self.rows.subscriptions.append(row)


def _insert(table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.session.execute(insert(table.__table__), rows)
