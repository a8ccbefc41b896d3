"""What a bulk act would do, found by doing it in a transaction that is rolled back: a rehearsal.

So the numbers are those of the act itself: its events were there, the people are who the inboxes would tell, and the
rules are those that would fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, case, func, select

from app.accounts.user import User
from app.accounts.viewer import Viewer
from app.automation.trigger import fitting, trigger_of, waited_for
from app.db import begin_write, db, rows
from app.events.event import Event
from app.inboxes.automation_rules import AutomationRules
from app.inboxes.base import Happening
from app.inboxes.email_notifications import MAILED_NAMES, EmailNotifications
from app.inboxes.happenings import load_happenings
from app.inboxes.in_app_notifications import TOLD, InAppNotifications
from app.inboxes.recipients import Names, told_by_batch
from app.inboxes.setting import switched_off
from app.issues.bulk import Left, Wish, change_all
from app.projects.policy import Right, require
from app.projects.project import Project
from app.web.filters import plural


@dataclass(frozen=True, slots=True)
class Chosen:
    """An issue of the act, as its page names it."""

    key: str
    title: str
    status: str


@dataclass(frozen=True, slots=True)
class FittingRule:
    """A rule that would start, and on how many issues."""

    id: int
    name: str
    issues: int


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What the act would do."""

    changed: Sequence[Chosen]
    same: Sequence[Chosen]
    left: list[Left]
    people: int
    """Who would be told, each of them once."""
    mails: int
    rules: Sequence[FittingRule]


def rehearse(viewer: Viewer, project: Project, keys: Sequence[str], wish: Wish) -> BlastRadius:
    """What `change_all` would do to these issues. Leaves no trace: it ends with the transaction rolled back.

    Raises what the act would raise.
    """
    begin_write()
    try:
        require(viewer, Right.triage, project)
        done = change_all(project, keys, wish, actor=viewer.actor)
        told, rules = _told(done.batch_id), _rules(done.batch_id)
        return BlastRadius(
            changed=[Chosen(issue.key, issue.title, issue.status) for issue in done.changed],
            same=[Chosen(issue.key, issue.title, issue.status) for issue in done.same],
            left=done.left,
            people=told[0],
            mails=told[1],
            rules=rules,
        )
    finally:
        db.session.rollback()


def sentence(radius: BlastRadius) -> str:
    """All of it in one sentence: "This will change 29 issues (4 are so already), tell 9 people once each, …"."""
    number, same, left = len(radius.changed), len(radius.same), len(radius.left)
    notes = [f"{same} {'is' if same == 1 else 'are'} so already"] if same else []
    notes += [f"{left} {'is' if left == 1 else 'are'} left alone"] if left else []
    aside = f" ({', '.join(notes)})" if notes else ""
    if not number:
        return f"This would change nothing{aside}."
    told = plural(radius.people, "person", "people") + (" once each" if radius.people > 1 else " once")
    mailed = f" ({radius.mails} by mail too)" if radius.mails else ""
    rules = plural(len(radius.rules), "rule") if radius.rules else "no rule"
    people = f"tell {told}{mailed}" if radius.people else "tell nobody"
    return f"This will change {plural(number, 'issue')}{aside}, {people}, start {rules}."


def _told(batch_id: str | None) -> tuple[int, int]:
    """How many people would be told, and how many of them by mail too."""
    event_id = _first(batch_id)
    if event_id is None:
        return 0, 0
    happening, off = load_happenings([event_id])[event_id], switched_off()
    told: Row[Any] | None = None if InAppNotifications.name in off else _people(happening, TOLD)
    mailed = None if EmailNotifications.name in off else _people(happening, MAILED_NAMES)
    by_mail: int = mailed.with_mail if mailed else 0
    return max(told.people if told else 0, by_mail), by_mail


def _people(happening: Happening, among: Names) -> Row[Any]:
    return rows(_count(among), batch=happening.event.batch_id)[0]


@cache
def _count(among: Names) -> Select[Any]:
    wants_mail = case((User.mails & User.email.is_not(None), User.id))
    return told_by_batch(
        among,
        func.count(User.id.distinct()).label("people"),
        func.count(wants_mail.distinct()).label("with_mail"),
    )


def _rules(batch_id: str | None) -> list[FittingRule]:
    """The rules that would fit an event of the act."""
    if batch_id is None or AutomationRules.name in switched_off():
        return []
    found: dict[int, tuple[str, set[int]]] = {}
    for happening in load_happenings(_events(batch_id)).values():
        event, issue, project = happening.event, happening.issue, happening.project
        if issue is None or project is None or not waited_for(project, event.action):
            continue
        for rule in fitting(trigger_of(event, happening.action, issue, project)):
            found.setdefault(rule.id, (rule.name, set()))[1].add(issue.id)
    return [FittingRule(rule_id, name, len(issues)) for rule_id, (name, issues) in sorted(found.items())]


def _events(batch_id: str) -> Sequence[int]:
    return db.session.scalars(select(Event.id).where(Event.batch_id == batch_id)).all()


def _first(batch_id: str | None) -> int | None:
    if batch_id is None:
        return None
    return db.session.scalar(select(func.min(Event.id)).where(Event.batch_id == batch_id))
