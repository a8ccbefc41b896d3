"""Project settings > Automation: the rules, and the page of a rule with its switch, its dry run and its runs."""

from flask import Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.accounts.current import signed_in, user, viewer
from app.automation.chains import Candidate
from app.automation.checking import Meaningless
from app.automation.dry_run import DAYS, DryRun, try_rule
from app.automation.editor_views import blueprint, editor, managed_project
from app.automation.examples import EXAMPLES
from app.automation.forms import Draft
from app.automation.known import known_to, webhook_hosts
from app.automation.queries import (
    author_of,
    counts_of,
    rule_for_change,
    rule_of,
    rules_of,
    running_rules,
    runs_of,
)
from app.automation.rule import (
    Rule,
    delete_rule,
    disable_rule,
    enable_rule,
    note_dry_run,
)
from app.automation.wording import summary
from app.db import begin_write, db
from app.errors import Invalid
from app.projects.policy import Right, may
from app.projects.project import Project
from app.projects.queries import project_for_change, visible_project
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page

__all__ = ["blueprint"]  # the editor's: its pages are under the same address


@blueprint.get("")
@signed_in
def index(key: str) -> Response:
    """The rules of the project, and some to start from."""
    project = managed_project(key)
    rules = rules_of(project)
    return render(
        "automation/list.html",
        place=project,
        project=project,
        section="automation",
        rules=rules,
        hosts=webhook_hosts(one.rule.says for one in rules),
        examples=EXAMPLES,
        summary=summary,
    )


@blueprint.get("/<int:rule_id>")
@signed_in
def show(key: str, rule_id: int) -> Response:
    """What the rule says, to all who see the project; how it goes, to those who manage it."""
    project = visible_project(viewer(), key)
    return _rule_page(project, rule_of(project, rule_id))


@blueprint.post("/<int:rule_id>/enable")
@signed_in
def enable(key: str, rule_id: int) -> AnyResponse:
    """Switch it on; without a dry run of this version only at the second press."""
    project = managed_project(key)
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
        return editor(project, Draft(rule.name, rule.says, error.problems), rule, status=422)
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
    project = managed_project(key)
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
        summary=summary(rule.says, webhook_hosts([rule.says])),
        author=author_of(rule),
        manages=manages,
        runs=runs_of(rule) if manages else [],
        counts=counts_of(rule) if manages else {},
        untried=untried,
        tried=tried,
        days=DAYS,
    )


def _candidate(rule: Rule) -> Candidate:
    return Candidate(rule.id, rule.name, rule.says)


def _others(project: Project) -> list[Candidate]:
    return [_candidate(rule) for rule in running_rules(project)]


def _days(sent: str) -> int:
    if sent not in {str(days) for days in DAYS}:
        raise Invalid("Choose 7, 30 or 90 days", field="days")
    return int(sent)
