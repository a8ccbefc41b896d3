"""The editor: each of its buttons sends the form; Save keeps the rule, the others only change the rows."""

from typing import Any

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.accounts.current import signed_in, user, viewer
from app.automation.checking import problems
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
from app.automation.examples import BLANK, BY_SLUG
from app.automation.forms import Draft, change_rows, clean_name, read_draft
from app.automation.known import known_to
from app.automation.placeholders import NAMES
from app.automation.queries import rule_for_change, rule_of
from app.automation.rendering import clean, write_texts
from app.automation.rule import Rule, change_rule, create_rule
from app.automation.wording import CHOICES, summary
from app.db import begin_write, db
from app.errors import Invalid
from app.issues.label import project_labels
from app.issues.milestone import project_milestones
from app.projects.policy import Right, require
from app.projects.project import Project
from app.projects.queries import people_who_see, project_for_change, visible_project
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page
from app.webhooks.queries import addresses_of

blueprint = Blueprint("automation", __name__, url_prefix="/projects/<key>/settings/automation")


@blueprint.get("/new")
@signed_in
def new(key: str) -> Response:
    """The editor with an example, or with nothing but what sets the rule off."""
    start = request.args.get("start", "event")
    if start in BY_SLUG:
        draft = Draft(BY_SLUG[start].name, BY_SLUG[start].definition)
    else:
        draft = Draft("", BLANK.get(start, BLANK["event"]))
    return editor(managed_project(key), draft)


@blueprint.post("/new")
@signed_in
def create(key: str) -> AnyResponse:
    """A button of the editor: a row more or less, or Save."""
    return _edited(key, None)


@blueprint.get("/<int:rule_id>/edit")
@signed_in
def edit(key: str, rule_id: int) -> Response:
    """The editor with the rule."""
    project = managed_project(key)
    rule = rule_of(project, rule_id)
    return editor(project, Draft(rule.name, rule.says), rule)


@blueprint.post("/<int:rule_id>/edit")
@signed_in
def save(key: str, rule_id: int) -> AnyResponse:
    """A button of the editor, as above."""
    return _edited(key, rule_id)


def managed_project(key: str) -> Project:
    """The project, if the viewer manages it."""
    project = visible_project(viewer(), key)
    require(viewer(), Right.manage, project)
    return project


def editor(project: Project, draft: Draft, rule: Rule | None = None, *, status: int = 200) -> Response:
    """The editor with this draft; to htmx only itself."""
    base = f"/projects/{project.key}/settings/automation"
    endpoints = addresses_of(project.id)
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
        summary=summary(draft.definition, {str(one.id): one.host for one in endpoints}),
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
        milestones=project_milestones(project),
        placeholders=NAMES,
        webhooks={str(one.id): one.words for one in endpoints if not one.gone},
    )


def _edited(key: str, rule_id: int | None) -> AnyResponse:
    project = managed_project(key)
    rule = rule_of(project, rule_id) if rule_id is not None else None
    draft, act = read_draft(request.form), request.form.get("act", "save")
    if act != "save":
        return editor(project, change_rows(draft, act, request.form), rule)
    if not draft.problems:
        saved = _save(project, draft, rule)
        if saved is not None:
            toast_next_page(f"{saved.name} is saved" + ("" if saved.enabled else ", and still off"))
            return see_other(url_for("automation.show", key=project.key, rule_id=saved.id))
    db.session.rollback()
    return editor(visible_project(viewer(), key), draft, rule, status=422)


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
