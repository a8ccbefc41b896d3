"""Telling what happened to one imported issue: its facts in their order, and the rows that go with them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.accounts.user import User
from app.events.bulk import Fact
from app.events.event import Actor
from app.events.issue_actions import Closed, Commented, Created
from app.importing.plan import Addition, Plan
from app.importing.texts import Said, Text
from app.issues.issue import Issue
from app.issues.label import Label
from app.projects.project import Project


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
class Rows:
    """The rows of one batch."""

    facts: list[Fact] = field(default_factory=list)
    labels: list[dict[str, Any]] = field(default_factory=list)
    assignees: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    subscriptions: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[tuple[Issue, Addition, datetime]] = field(default_factory=list)


class Telling:
    """Turns one addition into its facts and rows, in the order in which it happened."""

    def __init__(
        self, scene: Scene, issue: Issue, addition: Addition, rows: Rows, comment_ids: Iterator[int]
    ) -> None:
        self.scene = scene
        self.issue = issue
        self.addition = addition
        self.rows = rows
        self.comment_ids = comment_ids
        self.seq = issue.event_seq

    def tell(self, text: Text) -> None:
        """Opening, comments and closing. A comment made in the second of the closing came before it."""
        description, said = text
        if description is not None:
            self._opened(description)
        last = self.addition.item.created_at
        closing = self.addition.item.closed_at if self.addition.closes else None
        for remark, words in zip(self.addition.remarks, said, strict=True):
            if closing and remark.at > closing:
                self._closed(closing)
                closing = None
            self._commented(remark.author, remark.at, remark.key, words)
            last = max(last, remark.at)
        if closing:
            self._closed(closing)
            last = max(last, closing)
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
            sha256=description.sha256,
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

    def _closed(self, at: datetime) -> None:
        item = self.addition.item
        action = Closed.model_validate(
            {
                "from": self.issue.status,
                "to": "closed",
                "step": "close",
                "triggered_by": "import",
                "resolution": "merged" if item.merged else "closed",
            }
        )
        nobody = Actor("import", ref=self.scene.plan.archive.source)
        self._fact(action, self.scene.acts(item.closed_by) if item.closed_by else nobody, at)

    def _fact(self, action: Created | Commented | Closed, actor: Actor, at: datetime) -> None:
        self.rows.facts.append(Fact(self.issue, action, actor, at))
        self.seq += 1

    def _watches(self, user: User, reason: str, at: datetime) -> None:
        row = {"issue_id": self.issue.id, "user_id": user.id, "reason": reason, "created_at": at}
        self.rows.subscriptions.append(row)
