"""Rules for tests, made through the product's own verbs."""

from typing import Any

from sqlalchemy import select

from app.accounts.user import User
from app.automation.definition import Definition
from app.automation.known import known_to
from app.automation.rendering import clean, write_texts
from app.automation.rule import Rule, create_rule, enable_rule
from app.automation.run import RuleRun
from app.db import db
from app.events.action import Action
from app.events.event import Event
from app.events.queries import with_actions
from app.issues.issue import Issue
from app.issues.label import create_label
from app.issues.workflow import change_status
from app.projects.project import Project
from tests.support import world as worlds
from tests.support.deliveries import deliver


def said(
    *actions: str,
    conditions: tuple[dict[str, str], ...] = (),
    steps: tuple[dict[str, str], ...] = (),
    match: str = "all",
    quiet_days: int | None = None,
) -> Definition:
    """A definition from plain words."""
    return Definition.model_validate(
        {
            "when": {"actions": actions, "quiet_days": quiet_days},
            "match": match,
            "conditions": conditions,
            "steps": steps,
        }
    )


def rule(
    project: Project, author: User, definition: Definition, *, name: str = "A rule", on: bool = True
) -> Rule:
    """A rule of the project, switched on, committed."""
    definition = clean(definition)
    texts = write_texts(definition, project)
    known = known_to(project, [definition])
    made = create_rule(
        project, name=name, definition=definition, texts=texts, known=known, author=author, actor=author.actor
    )
    if on:
        enable_rule(project, made, known=known, author=author, actor=author.actor)
    db.session.commit()
    return made


def runs(of: Rule | None = None) -> list[RuleRun]:
    """The runs, oldest first, as the database has them."""
    query = select(RuleRun).order_by(RuleRun.id)
    if of is not None:
        query = query.where(RuleRun.rule_id == of.id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def outcomes(of: Rule | None = None) -> list[str]:
    return [run.outcome for run in runs(of)]


def events(issue: Issue | None = None, project: Project | None = None) -> list[tuple[Event, Action]]:
    """The events of an issue, or those of a project itself, with what they say."""
    query = select(Event).order_by(Event.id)
    if issue is not None:
        query = query.where(Event.issue_id == issue.id)
    if project is not None:
        query = query.where(Event.project_id == project.id, Event.subject == "project")
    found = db.session.scalars(query).all()
    actions = with_actions(found)
    return [(event, actions[event.id]) for event in found]


def actions(issue: Issue) -> list[str]:
    """What happened to the issue, without what rules keep for themselves."""
    return [event.action for event, _ in events(issue) if event.action != "rule_applied"]


def last(issue: Issue, action: str) -> tuple[Event, Any]:
    """The newest event of this kind."""
    return next(pair for pair in reversed(events(issue)) if pair[0].action == action)


def fresh(thing: Any) -> Any:
    """The same row as the database has it now."""
    db.session.rollback()
    db.session.refresh(thing)
    return thing


def label(world: worlds.World, name: str, color: str = "sky") -> Any:
    made = create_label(world.project, name=name, color=color, actor=world.actor)
    db.session.commit()
    return made


def happens(world: worlds.World, *steps: str) -> None:
    """The member takes these steps, and the workers do theirs after each."""
    for step in steps:
        change_status(world.issue, step, actor=world.member.actor)
        db.session.commit()
        deliver("events")
