"""What one sees of rules and their runs. Who may see them has been asked by the caller, of the project."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, case, func, select

from app import clock
from app.accounts.user import User
from app.automation.rule import Rule
from app.automation.run import RuleRun
from app.db import db
from app.errors import NotFound
from app.events.event import Event
from app.issues.issue import Issue
from app.projects.project import Project

RUNS = 20
DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """A rule with how it goes."""

    rule: Rule
    author: User
    runs: int
    """Times it acted in the last 24 hours."""
    trouble: int
    """Times it failed, was refused or held back in the last 24 hours."""
    last_at: datetime | None
    project: Project


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run as the rule's page shows it."""

    run: RuleRun
    key: str
    title: str
    event: str
    """The uid of what set it off."""


def rules_of(project: Project) -> list[RuleFigures]:
    """The project's rules by name, with their last day."""
    return _figures(project_id=project.id)


def every_rule(*, limit: int = 500) -> list[RuleFigures]:
    """All rules of all projects, the running ones first: for administrators."""
    return _figures(limit=limit)


def rule_of(project: Project, rule_id: int) -> Rule:
    """The rule. Raises NotFound when the project has none with this id."""
    rule = db.session.scalar(
        select(Rule).where(Rule.id == rule_id, Rule.project_id == project.id, Rule.deleted_at.is_(None))
    )
    if rule is None:
        raise NotFound
    return rule


def rule_for_change(project: Project, rule_id: int) -> Rule:
    """The rule, read anew and locked until the commit; the project was locked before. Raises NotFound."""
    query = select(Rule).where(Rule.id == rule_id, Rule.project_id == project.id, Rule.deleted_at.is_(None))
    rule = db.session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if rule is None:
        raise NotFound
    return rule


def project_of_rule(rule_id: int) -> Project:
    """Where the rule belongs; the caller asks for the rights. Raises NotFound."""
    query = (
        select(Project)
        .join(Rule, Rule.project_id == Project.id)
        .where(Rule.id == rule_id, Rule.deleted_at.is_(None))
    )
    project = db.session.scalar(query)
    if project is None:
        raise NotFound
    return project


def running_rules(project: Project) -> Sequence[Rule]:
    """Those that are on and set off by what happens: what a dry run looks for chains in."""
    query = select(Rule).where(Rule.project_id == project.id, Rule.enabled, Rule.quiet_days.is_(None))
    return db.session.scalars(query.order_by(Rule.id)).all()


def runs_of(rule: Rule, *, limit: int = RUNS) -> list[RunLine]:
    """The last runs, newest first."""
    query = (
        select(RuleRun, Issue.number, Issue.title, Project.key, Event.uid)
        .join(Issue, Issue.id == RuleRun.issue_id)
        .join(Project, Project.id == Issue.project_id)
        .join(Event, Event.id == RuleRun.event_id)
        .where(RuleRun.rule_id == rule.id, Issue.deleted_at.is_(None))
        .order_by(RuleRun.at.desc(), RuleRun.id.desc())
        .limit(limit)
    )
    return [
        RunLine(row.RuleRun, f"{row.key}-{row.number}", row.title, row.uid)
        for row in db.session.execute(query)
    ]


def counts_of(rule: Rule, *, days: int = 30) -> dict[str, int]:
    """Outcome -> how often in the last days."""
    since = clock.now() - timedelta(days=days)
    query = (
        select(RuleRun.outcome, func.count())
        .where(RuleRun.rule_id == rule.id, RuleRun.at >= since)
        .group_by(RuleRun.outcome)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def author_of(rule: Rule) -> User:
    """Whose rights it has."""
    return db.session.get_one(User, rule.author_id)


def _figures(*, project_id: int | None = None, limit: int = 500) -> list[RuleFigures]:
    lately = (
        select(
            RuleRun.rule_id,
            func.count(case((RuleRun.outcome == "applied", 1))).label("runs"),
            func.count(case((RuleRun.outcome.in_(("failed", "refused", "stopped")), 1))).label("trouble"),
        )
        .where(RuleRun.at >= clock.now() - DAY)
        .group_by(RuleRun.rule_id)
        .subquery()
    )
    last_at = select(func.max(RuleRun.at)).where(RuleRun.rule_id == Rule.id).correlate(Rule).scalar_subquery()
    query = (
        select(Rule, User, Project, lately.c.runs, lately.c.trouble, last_at.label("last_at"))
        .join(User, User.id == Rule.author_id)
        .join(Project, Project.id == Rule.project_id)
        .outerjoin(lately, lately.c.rule_id == Rule.id)
        .where(Rule.deleted_at.is_(None))
        .limit(limit)
    )
    if project_id is not None:
        query = query.where(Rule.project_id == project_id).order_by(func.lower(Rule.name), Rule.id)
    else:
        query = query.order_by(Rule.enabled.desc(), Project.key, func.lower(Rule.name), Rule.id)
    return [_one(row) for row in db.session.execute(query)]


def _one(row: Row[Any]) -> RuleFigures:
    return RuleFigures(row.Rule, row.User, row.runs or 0, row.trouble or 0, row.last_at, row.Project)
