"""Telling the stories through the ordinary verbs, each at its own moment of the past.

Everything is recorded as history that was brought in, so nobody is mailed. Only what happened in the last
days still goes to the in-app notifications: an inbox with nothing in it shows nobody what it is for.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select, update

from app import clock
from app.accounts.user import User
from app.context import caused_by
from app.db import db
from app.demo.people import Character, enter
from app.demo.story import Act, Story, Tale
from app.events.event import Event
from app.inboxes.delivery import SENT_AGAIN, Delivery
from app.inboxes.in_app_notifications import InAppNotifications
from app.issues.assignment import assign
from app.issues.comment import add_comment
from app.issues.editing import prioritise, retitle
from app.issues.issue import Issue, Opening, open_issue
from app.issues.label import Label, add_labels, create_label, remove_labels
from app.issues.milestone import Milestone, create_milestone, set_milestone
from app.issues.sub_issues import set_parent
from app.issues.workflow import STEPS, change_status
from app.issues.written import NOTHING, WrittenText
from app.projects.membership import add_member
from app.projects.project import Project, create_project
from app.web.markdown import render_markdown

SEED = 20_190_401
"""The minutes of everything are the same in every demo workspace."""
STILL_NEWS = timedelta(days=4)


@dataclass
class Stage:
    """What the stories have made so far."""

    people: dict[str, User] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    labels: dict[tuple[str, str], Label] = field(default_factory=dict)
    milestones: dict[tuple[str, str], Milestone] = field(default_factory=dict)
    issues: dict[tuple[str, str], Issue] = field(default_factory=dict)
    html: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    """Source -> its HTML and the usernames it mentions."""

    def written(self, source: str) -> WrittenText:
        html, mentions = self.html[source]
        return WrittenText(source, html, tuple(self.people[name] for name in mentions)) if source else NOTHING


Moment = tuple[datetime, Callable[[], None]]


def rendered(stories: list[Story], cast: list[Character]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """All texts of the stories as HTML; before the transaction begins."""
    names = {character.username for character in cast}
    sizes = {story.key: len(story.tales) for story in stories}

    def person(username: str) -> str | None:
        return f"/people/{username}" if username in names else None

    def issue(key: str | None, number: int) -> str | None:
        return f"/issues/{key}-{number}" if key and number <= sizes.get(key, 0) else None

    done = {}
    for story in stories:
        for tale in story.tales:
            texts = [(tale.description, 1), *((act.words, 3) for act in tale.acts if act.verb == "comment")]
            for source, under in texts:
                made = render_markdown(source, mention=person, reference=issue, under=under)
                done[source] = (made.html, made.mentions)
    return done


def tell(stories: list[Story], cast: list[Character], stage: Stage) -> int:
    """Do everything the stories say, in the order of time; returns how many issues there are. No commit."""
    now = clock.now()
    dice = random.Random(SEED)  # noqa: S311 - minutes, not secrets
    beginning = now - max(tale.ago for story in stories for tale in story.tales) - timedelta(days=9)
    with caused_by(imported=True):
        with clock.turned_to(beginning):
            for character in cast:
                stage.people[character.username] = enter(character)
        for story in stories:
            with clock.turned_to(beginning + timedelta(days=2, minutes=dice.randint(0, 300))):
                _set_up(story, stage, now)
        for moment, happen in sorted(_timeline(stories, stage, now, dice), key=lambda one: one[0]):
            with clock.turned_to(moment):
                happen()
    db.session.flush()
    _hand_the_news_over(now)
    return len(stage.issues)


def _set_up(story: Story, stage: Stage, now: datetime) -> None:
    by = next(iter(stage.people.values())).actor
    project = create_project(
        key=story.key,
        name=story.name,
        visibility=story.visibility,
        description=story.description,
        actor=by,
        at=clock.now(),
    )
    stage.projects[story.key] = project
    for username, role in story.members.items():
        person = stage.people[username]
        add_member(project, person, role=role, actor=by, at=clock.now())  # type: ignore[arg-type]
    for name, color in story.labels.items():
        stage.labels[story.key, name] = create_label(project, name=name, color=color, actor=by)
    for name, days in story.milestones.items():
        due = (now + timedelta(days=days)).date()
        stage.milestones[story.key, name] = create_milestone(project, name=name, due_on=due, actor=by)


def _timeline(stories: list[Story], stage: Stage, now: datetime, dice: random.Random) -> list[Moment]:
    """Every act with its moment; what would be still to come has not happened."""
    moments: list[Moment] = []
    for story in stories:
        for tale in story.tales:
            at = now - tale.ago + _drift(dice)
            moments.append((at, _opening(story, tale, stage)))
            for act in tale.acts:
                at += act.wait + (_drift(dice) if act.wait > timedelta(hours=2) else timedelta(0))
                if at < now:
                    moments.append((at, _happening(story, tale, act, stage)))
    return moments


def _drift(dice: random.Random) -> timedelta:
    return timedelta(seconds=dice.randint(-1_500, 1_500))


def _opening(story: Story, tale: Tale, stage: Stage) -> Callable[[], None]:
    def happen() -> None:
        reporter = stage.people[tale.by]
        opening = Opening(
            title=tale.title,
            description=stage.written(tale.description),
            priority=tale.priority,  # type: ignore[arg-type] # checked by open_issue
            labels=tuple(stage.labels[story.key, name] for name in tale.labels),
            assignees=(stage.people[tale.assignee],) if tale.assignee else (),
        )
        project = stage.projects[story.key]
        stage.issues[story.key, tale.title] = open_issue(
            project, opening, reporter=reporter, actor=reporter.actor, at=clock.now()
        )

    return happen


def _happening(story: Story, tale: Tale, act: Act, stage: Stage) -> Callable[[], None]:
    def happen() -> None:
        issue, who = stage.issues[story.key, tale.title], stage.people[act.who]
        labels = (
            [stage.labels[story.key, name] for name in act.words.split(",")] if "label" in act.verb else []
        )
        if act.verb in STEPS:
            fixed = "fixed" if act.verb == "close" and issue.status == "resolved" else None
            change_status(issue, act.verb, actor=who.actor, reason=act.words or None, resolution=fixed)
        else:
            _CHANGES[act.verb](issue, who, act.words, labels, stage)

    return happen


_CHANGES: dict[str, Callable[[Issue, User, str, list[Label], Stage], object]] = {
    "comment": lambda issue, who, words, _, stage: add_comment(
        issue, stage.written(words), author=who, actor=who.actor
    ),
    "assign": lambda issue, who, words, _, stage: assign(issue, [stage.people[words]], actor=who.actor),
    "priority": lambda issue, who, words, _, __: prioritise(issue, words, actor=who.actor),
    "rename": lambda issue, who, words, _, __: retitle(issue, words, actor=who.actor),
    "milestone": lambda issue, who, words, _, stage: set_milestone(
        issue, stage.milestones[issue.project.key, words], actor=who.actor
    ),
    "under": lambda issue, who, words, _, stage: set_parent(
        issue, stage.issues[issue.project.key, words], actor=who.actor
    ),
    "label": lambda issue, who, _, labels, __: add_labels(issue, labels, actor=who.actor),
    "unlabel": lambda issue, who, _, labels, __: remove_labels(issue, labels, actor=who.actor),
}


def _hand_the_news_over(now: datetime) -> None:
    """Let the in-app notifications have what happened in the last days: the workers find it due."""
    recent = select(Event.id).where(Event.created_at > now - STILL_NEWS)
    db.session.execute(
        update(Delivery)
        .where(Delivery.inbox == InAppNotifications.name, Delivery.event_id.in_(recent))
        .values(state="pending", reason=None, next_attempt_at=now, finished_at=None, replay_id=SENT_AGAIN)
        .execution_options(synchronize_session=False)
    )
