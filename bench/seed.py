"""A site of a size: 10,000 issues and 100,000 events, the same on every run, written by the product's own bulk recording.

In the project BIG: BIG-1 has 10 events, BIG-2 has 50, BIG-3 has 2,000, BIG-4 has 10,000, and BIG-5 to BIG-24 have 10 each for
writing on.
The other issues share what is left. The reader `quill` is a member of every project and no administrator.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from app.accounts.user import User
from app.db import db, take_ids
from app.events.action import Action
from app.events.bulk import Fact, record_many
from app.events.event import SYSTEM, Event
from app.events.issue_actions import (
    Assigned,
    Commented,
    Created,
    Labeled,
    PriorityChanged,
    StatusChanged,
    TitleChanged,
)
from app.events.people_actions import UserCreated
from app.events.project_actions import LabelCreated, MemberAdded, ProjectCreated
from app.issues.comment import Comment
from app.issues.issue import Issue, IssueAssignee, rank
from app.issues.label import COLORS, IssueLabel, Label
from app.issues.rendering import write_text
from app.issues.subscription import subscribe_many
from app.issues.written import WrittenText, excerpt
from app.notifications.notification import Notification
from app.projects.membership import Membership
from app.projects.project import Project

BEGIN = datetime(2025, 1, 6, 8, tzinfo=UTC)
PEOPLE = 30
KEYS = ("BIG", "ORC", "TLS", "WEB", "APP")
READER = "quill"
SPECIAL = {1: 10, 2: 50, 3: 2_000, 4: 10_000, **dict.fromkeys(range(5, 25), 10)}
"""Number in BIG -> how many events."""
AT_ONCE = 250
WORDS = (
    "checkout basket pear plum ledger parcel window letter harbour signal lantern orchard meadow river copper "
    "ferry bridge garden"
).split()


@dataclass(frozen=True)
class Size:
    """How much there is."""

    issues: int = 10_000
    events: int = 100_000


@dataclass
class _Scene:
    size: Size
    chance: random.Random
    people: list[User] = field(default_factory=list)
    projects: list[Project] = field(default_factory=list)
    labels: dict[int, list[Label]] = field(default_factory=dict)
    texts: list[WrittenText] = field(default_factory=list)


@dataclass
class _Rows:
    facts: list[Fact] = field(default_factory=list)
    labels: list[dict[str, Any]] = field(default_factory=list)
    assignees: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    watchers: list[dict[str, Any]] = field(default_factory=list)


def seed(size: Size | None = None) -> None:
    """Fill an empty, migrated database. Commits as it goes; some ten seconds per 10,000 events."""
    scene = _Scene(size or Size(), random.Random(20_26))  # noqa: S311 - chosen for being repeatable
    _make_people(scene)
    _make_projects(scene)
    db.session.commit()
    plan = list(_plan(scene))
    for start in range(0, len(plan), AT_ONCE):
        _write(scene, plan[start : start + AT_ONCE])
        db.session.commit()
        db.session.expunge_all()
        scene.people = list(db.session.scalars(select(User).order_by(User.id)))
    _tell_people(scene)
    db.session.commit()


def _make_people(scene: _Scene) -> None:
    names = [READER, *(f"person{n}" for n in range(1, PEOPLE))]
    scene.people = [
        User(
            username=name,
            name="Reader Quill" if name == READER else f"Person {name[6:]} Alder",
            email=f"{name}@example.org",
            password_hash="none",
            event_seq=0,
            created_at=BEGIN,
        )
        for name in names
    ]
    db.session.add_all(scene.people)
    db.session.flush()
    record_many([Fact(one, UserCreated(user=one.ref, via="cli"), SYSTEM, BEGIN) for one in scene.people])
    db.session.flush()


def _make_projects(scene: _Scene) -> None:
    lead = scene.people[1]
    for key in KEYS:
        project = Project(
            key=key,
            name=f"The {key.lower()} one",
            issue_counter=scene.size.issues,
            event_seq=0,
            created_at=BEGIN,
        )
        scene.projects.append(project)
        db.session.add(project)
        db.session.flush()
        made = ProjectCreated(key=key, title=project.name, visibility="members")
        record_many([Fact(project, made, lead.actor, BEGIN)])
        labels = [
            Label(project_id=project.id, name=f"{WORDS[n]} {key.lower()}", color=COLORS[n % 6])
            for n in range(12)
        ]
        db.session.add_all(labels)
        db.session.flush()
        scene.labels[project.id] = labels
        facts = [Fact(project, LabelCreated(label=label.ref), lead.actor, BEGIN) for label in labels]
        record_many(facts)
        for person in scene.people:
            role = "lead" if person is lead else "member"
            record_many([Fact(project, MemberAdded(user=person.ref, role=role), lead.actor, BEGIN)])  # type: ignore[arg-type]
            row = {"project_id": project.id, "user_id": person.id, "role": role, "created_at": BEGIN}
            db.session.execute(insert(Membership).values(row))
    db.session.flush()
    scene.texts = [_text(scene, scene.projects[0]) for _ in range(60)]


def _text(scene: _Scene, project: Project) -> WrittenText:
    chance = scene.chance
    lines = [" ".join(chance.choices(WORDS, k=chance.randint(8, 24))).capitalize() + "." for _ in range(3)]
    lines.append(
        f"See **{chance.choice(WORDS)}** and `{chance.choice(WORDS)}_count`, or BIG-{chance.randint(1, 900)}."
    )
    return write_text(
        "\n\n".join(chance.sample(lines, chance.randint(1, 4))), project, field="body", required=True
    )


def _plan(scene: _Scene) -> Iterator[tuple[int, int, int]]:
    """(project, number, events) of every issue."""
    special = {number: count for number, count in SPECIAL.items() if count < scene.size.events / 2}
    left = scene.size.issues - len(special)
    spread = (scene.size.events - sum(special.values())) / left
    for number, count in special.items():
        yield 0, number, count
    for n in range(left):
        count = max(1, round(spread * (0.25 + 1.5 * ((n * 7919) % 1000) / 1000)))
        yield n % len(KEYS), max(SPECIAL) + 1 + n, count


def _write(scene: _Scene, batch: list[tuple[int, int, int]]) -> None:
    rows = _Rows()
    ids = take_ids("issues", len(batch))
    issues = [_issue(scene, issue_id, *what) for issue_id, what in zip(ids, batch, strict=True)]
    db.session.add_all(issues)
    db.session.flush()
    comment_ids = iter(take_ids("comments", sum(count for *_, count in batch)))
    for issue, (_project, _number, count) in zip(issues, batch, strict=True):
        _tell(scene, issue, count, rows, comment_ids)
    _insert(IssueLabel, rows.labels)
    _insert(IssueAssignee, rows.assignees)
    record_many(rows.facts)
    db.session.flush()
    _insert(Comment, rows.comments)
    subscribe_many(rows.watchers)


def _issue(scene: _Scene, issue_id: int, place: int, number: int, _events: int) -> Issue:
    chance = scene.chance
    status = chance.choices(("open", "in_progress", "resolved", "closed"), (4, 1, 2, 3))[0]
    words = " ".join(chance.choices(WORDS, k=chance.randint(4, 9)))
    text = chance.choice(scene.texts)
    at = BEGIN + timedelta(minutes=40 * issue_id * 10_000 / scene.size.issues)
    priority = chance.choice(("none", "none", "low", "medium", "high", "urgent"))
    return Issue(
        id=issue_id,
        project_id=scene.projects[place].id,
        number=number,
        title=words.capitalize(),
        description=text.source,
        description_html=text.html,
        status="open" if number in SPECIAL and place == 0 else status,
        priority=priority,
        rank=rank(priority),
        reporter_id=scene.people[issue_id % PEOPLE].id,
        comment_count=0,
        event_seq=0,
        created_at=at,
        updated_at=at,
    )


def _tell(scene: _Scene, issue: Issue, count: int, rows: _Rows, comment_ids: Iterator[int]) -> None:
    """The life of one issue: opened, then comments mostly."""
    chance, at = scene.chance, issue.created_at
    labels = chance.sample(scene.labels[issue.project_id], chance.choice((0, 1, 1, 2, 3)))
    assignees = chance.sample(scene.people, chance.choice((0, 1, 1, 2)))
    rows.labels += [{"issue_id": issue.id, "label_id": label.id} for label in labels]
    rows.assignees += [{"issue_id": issue.id, "user_id": person.id} for person in assignees]
    reporter = next(person for person in scene.people if person.id == issue.reporter_id)
    opened = Created(
        title=issue.title,
        excerpt=excerpt(issue.description),
        project="The big one",
        priority=issue.priority,  # type: ignore[arg-type]
        status=issue.status,  # type: ignore[arg-type]
        labels=tuple(label.ref for label in labels),
        assignees=tuple(person.ref for person in assignees),
    )
    rows.facts.append(Fact(issue, opened, reporter.actor, at))
    watchers = {reporter.id, *(person.id for person in assignees)}
    pace = min(1.0, 1_000 / count)  # the long ones are lively, not old
    for seq in range(2, count + 1):
        who = chance.choice(scene.people)
        at += timedelta(minutes=chance.choice((1, 3, 9, 40, 300))) * pace
        if seq <= 3 or chance.random() < 0.62:
            action = _comment(scene, issue, who, seq, at, rows, next(comment_ids))
            watchers.add(who.id)
        else:
            action = _change(chance, issue, labels, assignees)
        rows.facts.append(Fact(issue, action, who.actor, at))
    issue.updated_at = at
    rows.watchers += [
        {"issue_id": issue.id, "user_id": user_id, "reason": "commented", "created_at": issue.created_at}
        for user_id in sorted(watchers)
    ]


def _comment(
    scene: _Scene, issue: Issue, who: User, seq: int, at: datetime, rows: _Rows, comment_id: int
) -> Action:
    text = scene.chance.choice(scene.texts)
    issue.comment_count += 1
    rows.comments.append(
        {
            "id": comment_id,
            "issue_id": issue.id,
            "event_seq": seq,
            "author_id": who.id,
            "body": text.source,
            "html": text.html,
            "version": 1,
            "created_at": at,
        }
    )
    return Commented(comment_id=comment_id, sha256=text.sha256, excerpt=excerpt(text.source))


def _change(
    chance: random.Random, issue: Issue, labels: Sequence[Label], assignees: Sequence[User]
) -> Action:
    """A change that ends where it began, so that the issue is what its events say."""
    kind = chance.choices(("status", "assigned", "priority", "title", "label"), (22, 9, 5, 2, 3))[0]
    if kind == "status":
        return StatusChanged.model_validate({"from": "open", "to": issue.status, "step": "start"})
    if kind == "assigned" and assignees:
        who = chance.choice(assignees)
        return Assigned(assignees=(who.ref,), now=tuple(person.id for person in assignees))
    if kind == "label" and labels:
        return Labeled(labels=(chance.choice(labels).ref,))
    if kind == "priority":
        return PriorityChanged.model_validate({"from": "low", "to": issue.priority})
    return TitleChanged.model_validate({"from": "An older title", "to": issue.title})


def _tell_people(scene: _Scene) -> None:
    """Some dozen notifications for each person, a third of them unread."""
    query = select(Event.id, Event.issue_id, Event.project_id, Event.created_at)
    query = query.where(Event.action == "commented").order_by(Event.id.desc()).limit(6_000)
    told = [
        {
            "user_id": scene.people[place % PEOPLE].id,
            "event_id": row.id,
            "issue_id": row.issue_id,
            "project_id": row.project_id,
            "reason": "watching",
            "created_at": row.created_at,
            "read_at": None if place % 9 < 3 else row.created_at,
        }
        for place, row in enumerate(db.session.execute(query))
    ]
    _insert(Notification, told)


def _insert(table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.session.execute(insert(table.__table__), rows)
