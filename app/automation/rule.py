"""The rule, and the verbs on it. A new rule is off; whoever saved it last answers for what it does."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.accounts.user import User
from app.automation.checking import Known, check
from app.automation.definition import Definition
from app.db import Base, BigId, BigPk, db
from app.errors import Conflict, Invalid
from app.events.event import SYSTEM, Actor
from app.events.recording import record_event
from app.events.rule_actions import (
    RuleChanged,
    RuleCreated,
    RuleDeleted,
    RuleDisabled,
    RuleDryRun,
    RuleEnabled,
    RuleRef,
)
from app.projects.project import Project

NAME_MAX = 100
MOST_RULES = 100
"""Rules of one project: each event asks all of them."""


class Rule(Base):
    """One rule of a project. A removed one stays as a row, so that feeds can go on naming it."""

    __tablename__ = "rules"

    id: Mapped[BigPk]
    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(NAME_MAX))
    definition: Mapped[dict[str, Any]]
    texts: Mapped[dict[str, Any]]
    """Place of a step -> {"html", "mentions"}: its text, rendered when the rule was saved."""
    version: Mapped[int] = mapped_column(default=1)
    enabled: Mapped[bool] = mapped_column(default=False)
    quiet_days: Mapped[int | None]
    """For rules that time sets off: after how many quiet days."""
    author_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"))
    """Whose rights it has: whoever saved it or switched it on last."""
    paused_reason: Mapped[str | None] = mapped_column(String(300))
    tried_version: Mapped[int | None]
    """The version the last dry run was made with."""
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_rules_project", "project_id", "id"),
        Index(
            "ix_rules_scheduled",
            "id",
            sqlite_where=text("enabled AND quiet_days IS NOT NULL"),
            postgresql_where=text("enabled AND quiet_days IS NOT NULL"),
        ),
    )

    @property
    def says(self) -> Definition:
        """What it says, read back."""
        return Definition.model_validate_json(json.dumps(self.definition))

    @property
    def ref(self) -> RuleRef:
        """The rule as an event names it."""
        return RuleRef(id=self.id, name=self.name)

    @property
    def actor(self) -> Actor:
        """Whom the events name: the rule, never a borrowed person."""
        return Actor("rule", ref=str(self.id))


class RuleVersion(Base):
    """What a rule said before it was changed."""

    __tablename__ = "rule_versions"

    rule_id: Mapped[int] = mapped_column(BigId, ForeignKey("rules.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_MAX))
    definition: Mapped[dict[str, Any]]
    author_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"))
    replaced_at: Mapped[datetime]


def create_rule(
    project: Project,
    *,
    name: str,
    definition: Definition,
    texts: Mapping[str, Any],
    known: Known,
    author: User,
    actor: Actor,
) -> Rule:
    """A new rule, switched off. Raises Meaningless (Invalid) for one that cannot mean anything."""
    check(definition, known)
    if _count(project) >= MOST_RULES:
        raise Invalid(f"A project has at most {MOST_RULES} rules: remove one first", field="name")
    _free(project, name, but=None)
    now = clock.now()
    rule = Rule(
        project_id=project.id,
        name=name,
        definition=definition.stored(),
        texts=dict(texts),
        quiet_days=definition.when.quiet_days,
        author_id=author.id,
        created_at=now,
        changed_at=now,
    )
    db.session.add(rule)
    db.session.flush()
    record_event(project, RuleCreated(rule=rule.ref), actor=actor)
    return rule


def change_rule(
    project: Project,
    rule: Rule,
    *,
    name: str,
    definition: Definition,
    texts: Mapping[str, Any],
    known: Known,
    author: User,
    actor: Actor,
) -> None:
    """Rewrite a rule; the same again changes nothing. It stays on or off as it was. Raises Meaningless (Invalid)."""
    check(definition, known)
    _free(project, name, but=rule)
    if (name, definition.stored()) == (rule.name, rule.definition):
        return
    before = {"name": rule.name, "definition": rule.definition, "author_id": rule.author_id}
    db.session.add(RuleVersion(rule_id=rule.id, version=rule.version, replaced_at=clock.now(), **before))
    rule.name, rule.definition, rule.texts = name, definition.stored(), dict(texts)
    rule.quiet_days, rule.author_id = definition.when.quiet_days, author.id
    rule.version += 1
    rule.changed_at = clock.now()
    record_event(project, RuleChanged(rule=rule.ref, version=rule.version), actor=actor)


def enable_rule(project: Project, rule: Rule, *, known: Known, author: User, actor: Actor) -> None:
    """Switch the rule on. What it names may have gone since it was saved: Meaningless (Invalid) says so."""
    if rule.enabled:
        return
    check(rule.says, known)
    rule.enabled, rule.paused_reason, rule.author_id = True, None, author.id
    rule.changed_at = clock.now()
    record_event(project, RuleEnabled(rule=rule.ref, version=rule.version), actor=actor)


def disable_rule(project: Project, rule: Rule, *, actor: Actor) -> None:
    """Switch the rule off."""
    if rule.enabled:
        rule.enabled = False
        rule.changed_at = clock.now()
        record_event(project, RuleDisabled(rule=rule.ref), actor=actor)


def pause_rule(project: Project, rule: Rule, reason: str) -> None:
    """Switch the rule off because it may not do any more what it says."""
    rule.enabled, rule.paused_reason = False, reason[:300]
    rule.changed_at = clock.now()
    record_event(project, RuleDisabled(rule=rule.ref, reason=rule.paused_reason), actor=SYSTEM)


def delete_rule(project: Project, rule: Rule, *, actor: Actor) -> None:
    """Remove the rule. Raises Conflict when it is gone already."""
    if rule.deleted_at is not None:
        raise Conflict("This rule was removed already")
    rule.enabled, rule.deleted_at = False, clock.now()
    record_event(project, RuleDeleted(rule=rule.ref), actor=actor)


def note_dry_run(
    project: Project, rule: Rule, *, version: int, days: int, events: int, would_act: int, actor: Actor
) -> None:
    """Write down that somebody looked at what this version would have done."""
    rule.tried_version = version
    tried = RuleDryRun(rule=rule.ref, version=version, days=days, events=events, would_act=would_act)
    record_event(project, tried, actor=actor)


def _count(project: Project) -> int:
    return db.session.query(Rule).where(Rule.project_id == project.id, Rule.deleted_at.is_(None)).count()


def _free(project: Project, name: str, *, but: Rule | None) -> None:
    query = db.session.query(Rule.id).where(
        Rule.project_id == project.id, Rule.deleted_at.is_(None), Rule.name == name
    )
    if but is not None:
        query = query.where(Rule.id != but.id)
    if query.first() is not None:
        raise Invalid(f"There is already a rule called “{name}”", field="name")
