"""Project settings > Automation: the rules, the editor, the page of a rule with its dry run and its runs."""

from typing import Any

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.accounts.current import signed_in, user, viewer
from app.automation.chains import Candidate
from app.automation.checking import Meaningless, problems
from app.automation.definition import (
    FAMILY_WORDS,
    FIELDS,
    PEOPLE_OF,
    SPECIAL,
    STEPS,
    TRIGGERS,
    actions_of,
    facts_of,
    trigger_words,
)
from app.automation.dry_run import DAYS, DryRun, try_rule
from app.automation.examples import BLANK, BY_SLUG, EXAMPLES
from app.automation.forms import Draft, change_rows, clean_name, read_draft
from app.automation.known import known_to
from app.automation.placeholders import NAMES
from app.automation.queries import (
    author_of,
    counts_of,
    rule_for_change,
    rule_of,
    rules_of,
    running_rules,
    runs_of,
)
from app.automation.rendering import clean, write_texts
from app.automation.rule import (
    Rule,
    change_rule,
    create_rule,
    delete_rule,
    disable_rule,
    enable_rule,
    note_dry_run,
)
from app.automation.wording import CHOICES, summary
from app.db import begin_write, db
from app.errors import Invalid
from app.issues.label import project_labels
from app.projects.policy import Right, may, require
from app.projects.project import Project
from app.projects.queries import people_who_see, project_for_change, visible_project
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page

blueprint = Blueprint("automation", __name__, url_prefix="/projects/<key>/settings/automation")


@blueprint.get("")
@signed_in
def index(key: str) -> Response:
    """The rules of the project, and some to start from."""
    project = _managed(key)
    return render(
        "automation/list.html",
        place=project,
        project=project,
        section="automation",
        rules=rules_of(project),
        examples=EXAMPLES,
        summary=summary,
    )


@blueprint.get("/new")
@signed_in
def new(key: str) -> Response:
    """The editor with an example, or with nothing but what sets the rule off."""
    start = request.args.get("start", "event")
    if start in BY_SLUG:
        draft = Draft(BY_SLUG[start].name, BY_SLUG[start].definition)
    else:
        draft = Draft("", BLANK.get(start, BLANK["event"]))
    return _editor(_managed(key), draft)


@blueprint.post("/new")
@signed_in
def create(key: str) -> AnyResponse:
    """A button of the editor: a row more or less, or Save."""
    return _edited(key, None)


@blueprint.get("/<int:rule_id>")
@signed_in
def show(key: str, rule_id: int) -> Response:
    """What the rule says, to all who see the project; how it goes, to those who manage it."""
    project = visible_project(viewer(), key)
    return _rule_page(project, rule_of(project, rule_id))


@blueprint.get("/<int:rule_id>/edit")
@signed_in
def edit(key: str, rule_id: int) -> Response:
    """The editor with the rule."""
    project = _managed(key)
    rule = rule_of(project, rule_id)
    return _editor(project, Draft(rule.name, rule.says), rule)


@blueprint.post("/<int:rule_id>/edit")
@signed_in
def save(key: str, rule_id: int) -> AnyResponse:
    """A button of the editor, as above."""
    return _edited(key, rule_id)


@blueprint.post("/<int:rule_id>/enable")
@signed_in
def enable(key: str, rule_id: int) -> AnyResponse:
    """Switch it on; without a dry run of this version only at the second press."""
    project = _managed(key)
    rule = rule_of(project, rule_id)
    if rule.tried_version != rule.version and "anyway" not in request.form:
        return _rule_page(project, rule, status=409, untried=True)
    known = known_to(project, [rule.says])
    begin_write()
    project = project_for_change(viewer(), key, Right.manage)
    rule = rule_for_change(project, rule_id)
    try:
        enable_rule(project, rule, known=known, author=user(), actor=viewer().actor)
        db.session.commit()
    except Meaningless as error:
        db.session.rollback()
        return _editor(project, Draft(rule.name, rule.says, error.problems), rule, status=422)
    toast_next_page(f"{rule.name} is on")
    return see_other(url_for("automation.show", key=project.key, rule_id=rule_id))


@blueprint.post("/<int:rule_id>/disable")
@signed_in
def disable(key: str, rule_id: int) -> AnyResponse:
    """Switch it off."""
    begin_write()
    project = project_for_change(viewer(), key, Right.manage)
    rule = rule_for_change(project, rule_id)
    disable_rule(project, rule, actor=viewer().actor)
    db.session.commit()
    toast_next_page(f"{rule.name} is off")
    return see_other(url_for("automation.show", key=project.key, rule_id=rule_id))


@blueprint.post("/<int:rule_id>/delete")
@signed_in
def delete(key: str, rule_id: int) -> AnyResponse:
    """Remove it. What it did stays."""
    begin_write()
    project = project_for_change(viewer(), key, Right.manage)
    rule = rule_for_change(project, rule_id)
    delete_rule(project, rule, actor=viewer().actor)
    db.session.commit()
    toast_next_page(f"{rule.name} was removed")
    return see_other(url_for("automation.index", key=project.key))


@blueprint.post("/<int:rule_id>/dry-run")
@signed_in
def dry_run(key: str, rule_id: int) -> AnyResponse:
    """What it would have done; only that somebody looked is written down."""
    project = _managed(key)
    rule = rule_of(project, rule_id)
    days = _days(request.form.get("days", ""))
    found = try_rule(project, _candidate(rule), days=days, others=_others(project))
    version = rule.version
    begin_write()
    project = project_for_change(viewer(), key, Right.manage)
    rule = rule_for_change(project, rule_id)
    note_dry_run(
        project,
        rule,
        version=version,
        days=days,
        events=found.events,
        would_act=found.hits,
        actor=viewer().actor,
    )
    db.session.commit()
    return _rule_page(project, rule, tried=found)


def _edited(key: str, rule_id: int | None) -> AnyResponse:
    project = _managed(key)
    rule = rule_of(project, rule_id) if rule_id is not None else None
    draft, act = read_draft(request.form), request.form.get("act", "save")
    if act != "save":
        return _editor(project, change_rows(draft, act, request.form), rule)
    if not draft.problems:
        saved = _save(project, draft, rule)
        if saved is not None:
            toast_next_page(f"{saved.name} is saved" + ("" if saved.enabled else ", and still off"))
            return see_other(url_for("automation.show", key=project.key, rule_id=saved.id))
    db.session.rollback()
    return _editor(visible_project(viewer(), key), draft, rule, status=422)


def _save(project: Project, draft: Draft, rule: Rule | None) -> Rule | None:
    """The rule as it is kept; None when it cannot be, and the draft says why."""
    try:
        name = _name(draft)
        definition = clean(draft.definition)
        known = known_to(project, [definition])
        draft.problems |= problems(definition, known)
        if draft.problems:
            return None
        texts = write_texts(definition, project)
        begin_write()
        project = project_for_change(viewer(), project.key, Right.manage)
        parts: dict[str, Any] = {"name": name, "definition": definition, "texts": texts, "known": known}
        who: dict[str, Any] = {"author": user(), "actor": viewer().actor}
        if rule is None:
            rule = create_rule(project, **parts, **who)
        else:
            rule = rule_for_change(project, rule.id)
            change_rule(project, rule, **parts, **who)
        db.session.commit()
    except Invalid as error:
        db.session.rollback()
        draft.problems |= {error.field or "name": error.message}
        return None
    return rule


def _name(draft: Draft) -> str:
    try:
        return clean_name(draft.name)
    except Invalid as error:
        draft.problems["name"] = error.message
        return ""


def _editor(project: Project, draft: Draft, rule: Rule | None = None, *, status: int = 200) -> Response:
    base = f"/projects/{project.key}/settings/automation"
    return render(
        "automation/edit.html",
        "editor",
        status=status,
        place=project,
        project=project,
        section="automation",
        draft=draft,
        rule=rule,
        url=f"{base}/{rule.id}/edit" if rule else f"{base}/new",
        back=f"{base}/{rule.id}" if rule else base,
        summary=summary(draft.definition),
        words=trigger_words,
        triggers=list(TRIGGERS),
        families={family.value: said for family, said in FAMILY_WORDS.items()},
        fields=FIELDS,
        kinds=STEPS,
        choices=CHOICES,
        facts=facts_of(actions_of(draft.definition.when)),
        special=SPECIAL,
        special_of=PEOPLE_OF,
        people=people_who_see(project),
        labels=project_labels(project),
        placeholders=NAMES,
    )


def _rule_page(
    project: Project, rule: Rule, *, status: int = 200, untried: bool = False, tried: DryRun | None = None
) -> Response:
    manages = may(viewer(), Right.manage, project)
    return render(
        "automation/show.html",
        status=status,
        place=project,
        project=project,
        section="automation",
        rule=rule,
        summary=summary(rule.says),
        author=author_of(rule),
        manages=manages,
        runs=runs_of(rule) if manages else [],
        counts=counts_of(rule) if manages else {},
        untried=untried,
        tried=tried,
        days=DAYS,
    )


def _managed(key: str) -> Project:
    project = visible_project(viewer(), key)
    require(viewer(), Right.manage, project)
    return project


def _candidate(rule: Rule) -> Candidate:
    return Candidate(rule.id, rule.name, rule.says)


def _others(project: Project) -> list[Candidate]:
    return [_candidate(rule) for rule in running_rules(project)]


def _days(sent: str) -> int:
    if sent not in {str(days) for days in DAYS}:
        raise Invalid("Choose 7, 30 or 90 days", field="days")
    return int(sent)
