"""Changing what an issue says: title, description, priority."""

from typing import get_args

from app import clock
from app.errors import Conflict, Invalid
from app.events.event import Actor
from app.events.issue_actions import DescriptionChanged, Priority, PriorityChanged, TitleChanged
from app.events.recording import lock, record_event
from app.issues.issue import Issue, rank
from app.issues.text_version import keep_version
from app.issues.written import WrittenText, excerpt


def retitle(issue: Issue, title: str, *, actor: Actor) -> None:
    """Give the issue another title; the same title changes nothing."""
    lock(issue)
    if title != issue.title:
        before, issue.title = issue.title, title
        issue.updated_at = clock.now()
        record_event(issue, TitleChanged(from_=before, to=title), actor=actor)


def redescribe(issue: Issue, written: WrittenText, *, version: int, actor: Actor) -> None:
    """Rewrite the description. `version` is the one the writer saw: Conflict when it has been rewritten since."""
    lock(issue)
    if version != issue.description_version:
        raise Conflict("The description was changed while you were writing. Your text is kept below.")
    if written.source == issue.description:
        return
    keep_version("description", issue.id, issue.description_version, issue.description)
    action = DescriptionChanged(
        from_version=issue.description_version,
        to_version=issue.description_version + 1,
        sha256=written.sha256,
        excerpt=excerpt(written.source) or None,
    )
    issue.description, issue.description_html = written.source, written.html
    issue.description_version += 1
    issue.updated_at = clock.now()
    record_event(issue, action, actor=actor)


def prioritise(issue: Issue, priority: str, *, actor: Actor) -> None:
    """Raise or lower the priority; the same priority changes nothing."""
    if priority not in get_args(Priority):
        raise Invalid("Choose a priority: urgent, high, medium, low or none", field="priority")
    lock(issue)
    if priority != issue.priority:
        action = PriorityChanged(from_=issue.priority, to=priority)
        issue.priority, issue.rank = priority, rank(priority)
        issue.updated_at = clock.now()
        record_event(issue, action, actor=actor)
