"""Admin > Rules: the rules of all projects, how they go, and a way to stop each."""

from flask import Blueprint, Response
from werkzeug.wrappers import Response as AnyResponse

from app.accounts.current import signed_in, viewer
from app.automation.known import webhook_hosts
from app.automation.queries import every_rule, project_of_rule, rule_for_change
from app.automation.rule import disable_rule
from app.automation.wording import summary
from app.db import begin_write, db
from app.projects.policy import Right, require_admin
from app.projects.queries import project_for_change
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page

blueprint = Blueprint("admin_rules", __name__, url_prefix="/admin/rules")


@blueprint.get("")
@signed_in
def index() -> Response:
    """All of them, those that are on first."""
    require_admin(viewer())
    rules = every_rule()
    hosts = webhook_hosts(one.rule.says for one in rules)
    return render("admin/rules.html", rules=rules, summary=summary, hosts=hosts)


@blueprint.post("/<int:rule_id>/disable")
@signed_in
def disable(rule_id: int) -> AnyResponse:
    """Switch one off; its project's leads may switch it on again."""
    require_admin(viewer())
    key = project_of_rule(rule_id).key
    begin_write()
    project = project_for_change(viewer(), key, Right.manage)
    rule = rule_for_change(project, rule_id)
    disable_rule(project, rule, actor=viewer().actor)
    db.session.commit()
    toast_next_page(f"{rule.name} is off")
    return see_other("/admin/rules")
