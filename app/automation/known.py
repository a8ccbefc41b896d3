"""What rules name, looked up: labels, people, roles. A fixed number of queries for any number of rules."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from app.automation.checking import Known
from app.automation.definition import FIELDS, LEADS, NO_MILESTONE, PEOPLE_OF, STEPS, Definition, actions_of
from app.automation.rule import Rule
from app.db import db
from app.issues.label import Label
from app.issues.milestone import Milestone
from app.projects.membership import Membership
from app.projects.project import Project
from app.projects.queries import people_named
from app.webhooks.queries import addresses_of, hosts

LONGEST_ID = 19
"""Digits. A number that is longer than this is no id."""


def known_to(project: Project, definitions: Sequence[Definition]) -> Known:
    """The project's labels and milestones, and those of the people named in these definitions who may see it."""
    labels = db.session.execute(select(Label.name, Label.id).where(Label.project_id == project.id))
    milestones: dict[str, int | None] = {NO_MILESTONE: None}
    if _names_milestones(definitions):
        query = select(Milestone.name, Milestone.id).where(Milestone.project_id == project.id)
        milestones |= {name.lower(): milestone_id for name, milestone_id in db.session.execute(query)}
    people = people_named(project, sorted(set(_usernames(definitions))))
    roles = _roles(project) if _asks_for_roles(definitions) else {}
    endpoints = addresses_of(project.id) if _endpoint_ids(definitions) else []
    return Known(
        labels={name.lower(): label_id for name, label_id in labels},
        people={person.username.lower(): person.id for person in people},
        leads=frozenset(user_id for user_id, role in roles.items() if role == "lead"),
        roles=roles,
        milestones=milestones,
        webhooks=frozenset(str(one.id) for one in endpoints if not one.gone),
        hosts={str(one.id): one.host for one in endpoints},
    )


def webhook_hosts(definitions: Iterable[Definition]) -> dict[str, str]:
    """The hosts of the endpoints that saved rules name, for their words. One query, none for rules that name none."""
    return {str(endpoint_id): host for endpoint_id, host in hosts(sorted(_endpoint_ids(definitions))).items()}


def _roles(project: Project) -> dict[int, str]:
    query = select(Membership.user_id, Membership.role).where(Membership.project_id == project.id)
    return {row.user_id: row.role for row in db.session.execute(query)}


@dataclass(frozen=True, slots=True)
class Active:
    """A rule that is on, read once."""

    rule: Rule
    says: Definition
    actions: frozenset[str]


def active_rules(project: Project) -> tuple[Sequence[Active], Known]:
    """The rules of the project that are on, with what they name: asked once in a transaction, however many events."""
    held = db.session.info.setdefault("transaction", {}).setdefault("rules", {})
    if project.id not in held:
        rules = [
            _active(rule, rule.says) for rule in db.session.scalars(_ACTIVE, {"its_project": project.id})
        ]
        known = known_to(project, [one.says for one in rules]) if rules else Known({}, {})
        held[project.id] = (rules, known)
    found: tuple[Sequence[Active], Known] = held[project.id]
    return found


_ACTIVE = (
    select(Rule)
    .where(Rule.project_id == bindparam("its_project"), Rule.enabled, Rule.quiet_days.is_(None))
    .order_by(Rule.id)
    .execution_options(populate_existing=True)
)


def _active(rule: Rule, says: Definition) -> Active:
    return Active(rule, says, actions_of(says.when))


def _usernames(definitions: Iterable[Definition]) -> Iterable[str]:
    for definition in definitions:
        yield from (one.value.lower() for one in definition.conditions if one.field in PEOPLE_OF)
        yield from (one.value.lower() for one in definition.steps if one.do in PEOPLE_OF)


def _endpoint_ids(definitions: Iterable[Definition]) -> Collection[int]:
    values = {one.value for definition in definitions for one in definition.steps if one.do == "webhook"}
    return {int(value) for value in values if value.isascii() and value.isdigit() and len(value) < LONGEST_ID}


def _asks_for_roles(definitions: Iterable[Definition]) -> bool:
    return any(
        any(one.field == "actor_role" for one in definition.conditions)
        or any(one.value == LEADS for one in definition.steps)
        for definition in definitions
    )


def _names_milestones(definitions: Iterable[Definition]) -> bool:
    return any(
        any(one.field in FIELDS and FIELDS[one.field].kind == "milestone" for one in definition.conditions)
        or any(one.do in STEPS and STEPS[one.do].kind == "milestone" for one in definition.steps)
        for definition in definitions
    )
