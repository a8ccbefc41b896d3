"""Automation rules: read, made, changed, tried, removed. For leads and administrators."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from flask import Response, current_app
from pydantic import Field

from app.api.blueprint import blueprint, tag
from app.api.entry import caller, viewer
from app.api.idempotency import answer, begin, done
from app.api.parameters import BIGGEST_ID, Address, Body, Listing, ProjectAddress, cut
from app.api.rule_shapes import ChainShape, DryRunShape, HitShape, Rules, RuleShape
from app.automation.chains import Candidate
from app.automation.checking import check
from app.automation.definition import MOST_CONDITIONS, MOST_STEPS, Condition, Definition, Step, When
from app.automation.dry_run import DryRun, try_rule
from app.automation.known import known_to, webhook_hosts
from app.automation.queries import (
    author_of,
    project_of_rule,
    rule_for_change,
    rule_of,
    rules_of,
    running_rules,
)
from app.automation.rendering import clean, write_texts
from app.automation.rule import (
    NAME_MAX,
    Rule,
    change_rule,
    create_rule,
    delete_rule,
    disable_rule,
    enable_rule,
    note_dry_run,
)
from app.automation.wording import summary
from app.errors import Forbidden, Invalid
from app.projects.policy import Right, Standing, require, standing_of
from app.projects.project import Project
from app.projects.queries import project_for_change, visible_project
from app.web.text import clean_line

TAGS = tag("Rules", "When something happens, if it fits, then. For leads and administrators.")


class RuleAddress(Address):
    """A rule."""

    rule_id: int = Field(ge=1, le=BIGGEST_ID)


class NewRule(Body):
    """A rule to be; it is off until it is switched on."""

    name: str = Field(max_length=400)
    when: When
    match: Literal["all", "any"] = Field(
        default="all", description="Whether all conditions must hold, or any."
    )
    conditions: list[Condition] = Field(default_factory=list, max_length=MOST_CONDITIONS)
    steps: list[Step] = Field(max_length=MOST_STEPS, description="What is done, in this order.")


class RuleChange(Body):
    """What is to be otherwise; what is left out stays."""

    name: str | None = Field(default=None, max_length=400)
    when: When | None = None
    match: Literal["all", "any"] | None = None
    conditions: list[Condition] | None = Field(default=None, max_length=MOST_CONDITIONS)
    steps: list[Step] | None = Field(default=None, max_length=MOST_STEPS)
    enabled: bool | None = Field(default=None, description="Switch it on or off.")


class Trial(Body):
    """How far back."""

    days: Literal[7, 30, 90] = 30


@blueprint.get("/projects/<key>/rules", tags=TAGS, summary="Its rules", responses={200: Rules})
def rules(path: ProjectAddress, query: Listing) -> Response:
    """By name."""
    project = _read_by_leads(visible_project(viewer(), path.key))
    found = [one.rule for one in rules_of(project)]
    page, more = cut(found, query, by=lambda rule: str(rule.id))
    hosts = webhook_hosts(rule.says for rule in page)
    return answer(Rules(items=[_shape(project, rule, hosts) for rule in page], next_cursor=more))


@blueprint.post("/projects/<key>/rules", tags=TAGS, summary="Make a rule", responses={201: RuleShape})
def create_a_rule(path: ProjectAddress, body: NewRule) -> Response:
    """It is off; switch it on with PATCH."""
    project = visible_project(viewer(), path.key)
    require(viewer(), Right.manage, project)
    with _named_fields():
        parts = _parts(project, body.name, _definition(body.model_dump(exclude={"name"})))
        begin()
        project = project_for_change(viewer(), path.key, Right.manage)
        rule = create_rule(project, **parts, author=caller().owner, actor=viewer().actor)
    return done(201, _shape(project, rule))


@blueprint.get("/rules/<int:rule_id>", tags=TAGS, summary="A rule", responses={200: RuleShape})
def one_rule(path: RuleAddress) -> Response:
    """The rule with this id."""
    project = _read_by_leads(project_of_rule(path.rule_id))
    return answer(_shape(project, rule_of(project, path.rule_id)))


@blueprint.patch("/rules/<int:rule_id>", tags=TAGS, summary="Change a rule", responses={200: RuleShape})
def change_a_rule(path: RuleAddress, body: RuleChange) -> Response:
    """You answer for it from then on."""
    project = _managed(path.rule_id)
    rule = rule_of(project, path.rule_id)
    changes = body.model_dump(exclude={"name", "enabled"}, exclude_none=True)
    with _named_fields():
        definition = _definition({**rule.says.model_dump(), **changes})
        parts = _parts(project, body.name if body.name is not None else rule.name, definition)
        begin()
        project = project_for_change(viewer(), project.key, Right.manage)
        rule = rule_for_change(project, path.rule_id)
        change_rule(project, rule, **parts, author=caller().owner, actor=viewer().actor)
        if body.enabled:
            enable_rule(project, rule, known=parts["known"], author=caller().owner, actor=viewer().actor)
        elif body.enabled is not None:
            disable_rule(project, rule, actor=viewer().actor)
    return done(200, _shape(project, rule))


@blueprint.delete("/rules/<int:rule_id>", tags=TAGS, summary="Remove a rule", responses={204: None})
def remove_a_rule(path: RuleAddress) -> Response:
    """What it did stays."""
    project = _managed(path.rule_id)
    begin()
    project = project_for_change(viewer(), project.key, Right.manage)
    delete_rule(project, rule_for_change(project, path.rule_id), actor=viewer().actor)
    return done(204)


@blueprint.post("/rules/<int:rule_id>/dry-run", tags=TAGS, summary="Try a rule", responses={200: DryRunShape})
def try_a_rule(path: RuleAddress, body: Trial) -> Response:
    """What it would have done over the last days of real events; reads for ten seconds at the most."""
    project = _managed(path.rule_id)
    rule = rule_of(project, path.rule_id)
    others = [Candidate(one.id, one.name, one.says) for one in running_rules(project)]
    found = try_rule(project, Candidate(rule.id, rule.name, rule.says), days=body.days, others=others)
    version = rule.version
    begin()
    project = project_for_change(viewer(), project.key, Right.manage)
    rule = rule_for_change(project, path.rule_id)
    counted = {"version": version, "days": body.days, "events": found.events, "would_act": found.hits}
    note_dry_run(project, rule, **counted, actor=viewer().actor)
    return done(200, _trial(found))


def _read_by_leads(project: Project) -> Project:
    """The project, if the owner of the token leads it: a token that only reads may read what leads read."""
    require(viewer(), Right.see, project)
    if standing_of(viewer(), project) not in (Standing.lead, Standing.admin):
        raise Forbidden(f"Only the leads of {project.name} see its rules")
    return project


def _managed(rule_id: int) -> Project:
    project = project_of_rule(rule_id)
    require(viewer(), Right.manage, project)
    return project


def _definition(parts: dict[str, Any]) -> Definition:
    return clean(Definition.model_validate({**parts, "v": 1}))


def _parts(project: Project, name: str, definition: Definition) -> dict[str, Any]:
    """What the verbs take, everything slow done: to be called before the writing begins."""
    known = known_to(project, [definition])
    check(definition, known)
    return {
        "name": clean_line(name, field="name", name="The name", most=NAME_MAX),
        "definition": definition,
        "texts": write_texts(definition, project),
        "known": known,
    }


@contextmanager
def _named_fields() -> Iterator[None]:
    """A refusal names the part by its name in the body: conditions.0, steps.1."""
    try:
        yield
    except Invalid as error:
        place = re.fullmatch(r"(if|then)(?:-(\d+))?", error.field or "")
        if place is None:
            raise
        part = {"if": "conditions", "then": "steps"}[place[1]]
        raise Invalid(error.message, field=f"{part}.{place[2]}" if place[2] else part) from error


def _shape(project: Project, rule: Rule, hosts: Mapping[str, str] | None = None) -> RuleShape:
    says = rule.says
    base = current_app.extensions["settings"].base_url
    return RuleShape(
        id=rule.id,
        project=project.key,
        name=rule.name,
        summary=summary(says, webhook_hosts([says]) if hosts is None else hosts),
        enabled=rule.enabled,
        paused=rule.paused_reason,
        version=rule.version,
        author=author_of(rule).username,
        when=says.when,
        match=says.match,
        conditions=says.conditions,
        steps=says.steps,
        created_at=rule.created_at,
        changed_at=rule.changed_at,
        url=f"{base}/projects/{project.key}/settings/automation/{rule.id}",
    )


def _trial(found: DryRun) -> DryRunShape:
    return DryRunShape(
        days=found.days,
        events=found.events,
        issues=found.issues,
        would_act=found.hits,
        issues_touched=found.issues_hit,
        unchanged=found.unchanged,
        held_back=found.stopped,
        at_once=found.at_once,
        complete=found.complete,
        steps=dict(found.steps),
        chains=[
            ChainShape(rules=list(names), times=times, loop=loop)
            for names, times, loop in found.chains.common()
        ],
        last=[HitShape(issue=hit.key, event=hit.uid, at=hit.at, did=list(hit.did)) for hit in found.samples],
    )
