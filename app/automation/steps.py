"""Doing what a rule says, by the verbs people use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from app.accounts.user import User
from app.automation.checking import Known
from app.automation.conditions import Occasion, State
from app.automation.definition import NO_MILESTONE, PRIORITY_VALUES, Step
from app.automation.placeholders import fill, fill_html, fill_markdown
from app.automation.rule import Rule
from app.automation.simulation import people
from app.db import db
from app.events.event import Actor, Event
from app.events.recording import record_event
from app.events.rule_actions import WebhookCalled
from app.issues.assignment import assign, unassign
from app.issues.comment import add_comment
from app.issues.editing import prioritise
from app.issues.issue import TITLE_MAX, Issue, Opening, open_issue
from app.issues.label import add_labels, remove_labels
from app.issues.milestone import milestone_named, set_milestone
from app.issues.plan import Plan, plans_of
from app.issues.queries import labels_by_name
from app.issues.sub_issues import LEVELS, level_of
from app.issues.workflow import REASON_MAX, WORDS, change_status
from app.issues.written import WrittenText
from app.projects.policy import Right
from app.projects.project import Project
from app.projects.queries import people_named

NEEDS: dict[str, Right] = {
    "comment": Right.comment,
    "create": Right.report,
    "notify": Right.see,
    "webhook": Right.manage,
}
"""The right a step needs; all others are the daily work."""


@dataclass(slots=True)
class Stage:
    """What the steps of one run share."""

    rule: Rule
    project: Project
    issue: Issue
    state: State
    occasion: Occasion
    known: Known
    event: Event
    to_tell: dict[int, User] = field(default_factory=dict)
    """Whom the steps asked to tell: done once the run's own event is there."""
    _values: dict[str, str] = field(default_factory=dict)

    @property
    def actor(self) -> Actor:
        return self.rule.actor

    def people(self, value: str) -> list[User]:
        """The people a value stands for, those who may see the project."""
        ids = people(value, self.state, self.occasion, self.known)
        if not ids:
            return []
        names = db.session.scalars(select(User.username).where(User.id.in_(ids))).all()
        return list(people_named(self.project, names))

    def values(self) -> dict[str, str]:
        """What the placeholders stand for. Two queries, for runs that write something."""
        if not self._values:
            ids = [one for one in (self.occasion.actor_id, self.issue.reporter_id) if one is not None]
            found = db.session.execute(select(User.id, User.name).where(User.id.in_(ids)))
            names: dict[int | None, str] = {row.id: row.name for row in found}
            plan = plans_of([self.issue.id]).get(self.issue.id, Plan())
            self._values = {
                "key": self.issue.key,
                "title": self.issue.title,
                "status": WORDS[self.issue.status],
                "priority": PRIORITY_VALUES[self.issue.priority],
                "milestone": plan.milestone or "no milestone",
                "parent": plan.parent or "no other issue",
                "actor": names.get(self.occasion.actor_id, "Automation"),
                "reporter": names.get(self.issue.reporter_id, "somebody"),
                "project": self.project.name,
                "rule": self.rule.name,
            }
        return self._values


def right_for(step: Step) -> Right:
    """What the rule's author must be allowed, so that the step may be taken."""
    return NEEDS.get(step.do, Right.triage)


def perform(stage: Stage, place: int, step: Step) -> None:
    """Take one step. Raises DomainError for what is refused; then nothing has changed."""
    _VERBS[step.do](stage, place, step)


def _assign(stage: Stage, _place: int, step: Step) -> None:
    assign(stage.issue, stage.people(step.value), actor=stage.actor)


def _unassign(stage: Stage, _place: int, step: Step) -> None:
    unassign(stage.issue, stage.people(step.value), actor=stage.actor)


def _add_label(stage: Stage, _place: int, step: Step) -> None:
    add_labels(stage.issue, labels_by_name(stage.project, [step.value]), actor=stage.actor)


def _remove_label(stage: Stage, _place: int, step: Step) -> None:
    remove_labels(stage.issue, labels_by_name(stage.project, [step.value]), actor=stage.actor)


def _move(stage: Stage, _place: int, step: Step) -> None:
    reason = fill(step.text, stage.values())[:REASON_MAX] if step.text else None
    change_status(stage.issue, step.value, actor=stage.actor, reason=reason, triggered_by="automation")


def _priority(stage: Stage, _place: int, step: Step) -> None:
    prioritise(stage.issue, step.value, actor=stage.actor)


def _comment(stage: Stage, place: int, step: Step) -> None:
    add_comment(stage.issue, _written(stage, place, step), author=None, actor=stage.actor)


def _notify(stage: Stage, _place: int, step: Step) -> None:
    stage.to_tell |= {person.id: person for person in stage.people(step.value)}


def _create(stage: Stage, place: int, step: Step) -> None:
    """A sub-issue. Of one that is as deep as can be, an issue of its own that says where it comes from."""
    written, parent = _written(stage, place, step), stage.issue
    title = " ".join(fill(step.title, stage.values()).split())[:TITLE_MAX]
    if level_of(parent) < LEVELS:
        opening = Opening(title=title, description=written, parent=parent)
    else:
        opening = Opening(title=title, description=_following(written, parent.key))
    open_issue(stage.project, opening, reporter=None, actor=stage.actor)


def _webhook(stage: Stage, _place: int, step: Step) -> None:
    """Only the fact: the inbox of the webhooks sends it, and tries again for days."""
    called = WebhookCalled(
        rule=stage.rule.ref,
        endpoint_id=int(step.value),
        host=stage.known.hosts[step.value],
        matched=stage.event.uid,
        matched_action=stage.event.action,
    )
    record_event(stage.issue, called, actor=stage.actor)


def _following(written: WrittenText, key: str) -> WrittenText:
    html = f'{written.html}<p>Follow-up of <a class="reference" href="/issues/{key}">{key}</a>.</p>'
    return WrittenText(f"{written.source}\n\nFollow-up of {key}.".lstrip(), html, written.mentioned)


def _milestone(stage: Stage, _place: int, step: Step) -> None:
    name = "" if step.value == NO_MILESTONE else step.value
    set_milestone(stage.issue, milestone_named(stage.project, name), actor=stage.actor)


def _written(stage: Stage, place: int, step: Step) -> WrittenText:
    if not step.text:
        return WrittenText("", "")
    rendered: Mapping[str, Any] = stage.rule.texts.get(str(place), {})
    values = stage.values()
    return WrittenText(
        fill_markdown(step.text, values),
        fill_html(rendered.get("html", ""), values),
        tuple(people_named(stage.project, rendered.get("mentions", ()))),
    )


_VERBS: dict[str, Callable[[Stage, int, Step], None]] = {
    "assign": _assign,
    "unassign": _unassign,
    "add_label": _add_label,
    "remove_label": _remove_label,
    "move": _move,
    "priority": _priority,
    "comment": _comment,
    "notify": _notify,
    "create": _create,
    "webhook": _webhook,
    "milestone": _milestone,
}
