"""Issues: listed, opened, read, changed, moved, watched."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, cast

from flask import Response, current_app
from pydantic import Field

from app.api.blueprint import blueprint, tag
from app.api.entry import caller, viewer
from app.api.idempotency import answer, begin, done
from app.api.parameters import Body, IssueAddress, Listing, ProjectAddress
from app.api.shapes import Issues, IssueShape
from app.events.issue_actions import Priority, Status
from app.issues.assignment import set_assignees
from app.issues.editing import prioritise, redescribe, retitle
from app.issues.issue import OPEN_STATUSES, STATUSES, TITLE_MAX, Issue, Opening, open_issue
from app.issues.label import set_labels
from app.issues.list_query import Term
from app.issues.milestone import milestone_named, set_milestone
from app.issues.plan import parent_named
from app.issues.policy import require_may_rewrite, require_may_sort
from app.issues.queries import (
    Card,
    cards,
    issue_and_parent,
    issue_for_change,
    labels_by_name,
    people_by_username,
    project_issues,
    visible_issue,
)
from app.issues.rendering import write_text
from app.issues.sub_issues import set_parent
from app.issues.workflow import change_status
from app.issues.written import WrittenText
from app.projects.policy import Right, require, rights
from app.projects.queries import project_for_change, visible_project
from app.web.paging import encode_cursor
from app.web.text import clean_line

TAGS = tag("Issues", "What is to be done.")
MOST_NAMES = 20
TEXT_MAX = 70_000
"""Characters a text may have before it is looked at; the limit in bytes is that of the pages."""

MILESTONE = "The name of a milestone of the project."
PARENT = "The key of the issue it is a sub-issue of, like TLS-42."

GROUPS: dict[str, Sequence[str]] = {"any": STATUSES, "open": OPEN_STATUSES}
"""Words that stand for several statuses."""
Names = list[str]


class IssueListing(Listing):
    """Which issues."""

    status: Literal["any", "open", "in_progress", "resolved", "closed", "reopened"] = Field(
        default="any", description="open takes all that is not finished: open, in_progress, reopened."
    )
    label: str | None = Field(default=None, max_length=50, description="The name of a label.")
    assignee: str | None = Field(
        default=None, max_length=80, description="A username, @me, or none for issues nobody has."
    )
    q: str | None = Field(default=None, max_length=500, description="Words of the title.")

    def statuses(self) -> Sequence[str]:
        """The statuses that are meant."""
        if self.status in GROUPS:
            return GROUPS[self.status]
        return (self.status,)

    def terms(self) -> list[Term]:
        """The same terms as those of the line on the page."""
        found = []
        if self.label:
            found.append(Term("label", (self.label,), negated=False))
        if self.assignee:
            found.append(Term("assignee", (self.assignee,), negated=False))
        return found + [Term(None, (word,), negated=False) for word in (self.q or "").split()]


class NewIssue(Body):
    """An issue to be."""

    title: str = Field(max_length=2_000, description=f"1 to {TITLE_MAX} characters on one line.")
    description: str = Field(default="", max_length=TEXT_MAX, description="Markdown.")
    priority: Priority = "none"
    labels: Names = Field(default=[], max_length=MOST_NAMES, description="Names of labels of the project.")
    assignees: Names = Field(default=[], max_length=MOST_NAMES, description="Usernames.")
    milestone: str | None = Field(default=None, max_length=400, description=MILESTONE)
    parent: str | None = Field(default=None, max_length=40, description=PARENT)


class IssueChange(Body):
    """What is to be different; what is left out stays."""

    title: str | None = Field(default=None, max_length=2_000)
    description: str | None = Field(default=None, max_length=TEXT_MAX)
    description_version: int | None = Field(
        default=None, description="The version that was read: 409 when it has been rewritten since."
    )
    priority: Priority | None = None
    labels: Names | None = Field(default=None, max_length=MOST_NAMES, description="Exactly these.")
    assignees: Names | None = Field(default=None, max_length=MOST_NAMES, description="Exactly these.")
    milestone: str | None = Field(default=None, max_length=400, description=MILESTONE + " null: in none.")
    parent: str | None = Field(default=None, max_length=40, description=PARENT + " null: of none.")

    def says(self, field: str) -> bool:
        """Whether the field was sent, be it as null."""
        return field in self.model_fields_set


class Move(Body):
    """A step of the workflow."""

    step: Literal["start", "stop", "resolve", "close", "reopen"]
    reason: str | None = Field(default=None, max_length=500)


@blueprint.get("/projects/<key>/issues", tags=TAGS, summary="Issues of a project", responses={200: Issues})
def issues(path: ProjectAddress, query: IssueListing) -> Response:
    """The newest change first."""
    project = visible_project(viewer(), path.key)
    found, more = project_issues(
        viewer(),
        project,
        query.terms(),
        statuses=query.statuses(),
        after=query.place(datetime, int),
        limit=query.limit,
    )
    last = found[-1].issue if more else None
    return answer(
        Issues(
            items=[issue_shape(card) for card in found],
            next_cursor=encode_cursor(last.updated_at, last.id) if last else None,
        )
    )


@blueprint.post("/projects/<key>/issues", tags=TAGS, summary="Open an issue", responses={201: IssueShape})
def open_an_issue(path: ProjectAddress, body: NewIssue) -> Response:
    """You are its reporter. Labels, assignees and a priority are for members."""
    project = visible_project(viewer(), path.key)
    title = clean_line(body.title, field="title", name="The title", most=TITLE_MAX)
    description = write_text(body.description, project, field="description", required=False)
    begin()
    project = project_for_change(viewer(), path.key, Right.report)
    if body.labels or body.assignees or body.priority != "none" or body.milestone or body.parent:
        require_may_sort(project, rights(viewer(), project))
    opening = Opening(
        title=title,
        description=description,
        priority=body.priority,
        labels=tuple(labels_by_name(project, body.labels)),
        assignees=tuple(people_by_username(project, body.assignees)),
        milestone=milestone_named(project, body.milestone or ""),
        parent=parent_named(project, body.parent or ""),
    )
    issue = open_issue(project, opening, reporter=caller().owner, actor=viewer().actor)
    return done(201, issue_shape(cards([issue])[0]))


@blueprint.get("/issues/<key>", tags=TAGS, summary="An issue", responses={200: IssueShape})
def one_issue(path: IssueAddress) -> Response:
    """The issue with this key."""
    return answer(issue_shape(cards([visible_issue(viewer(), path.key)])[0]))


@blueprint.patch("/issues/<key>", tags=TAGS, summary="Change an issue", responses={200: IssueShape})
def change_an_issue(path: IssueAddress, body: IssueChange) -> Response:
    """Each difference is one event; what is the same already changes nothing.

    For members; its reporter may rewrite title and description.
    """
    issue = visible_issue(viewer(), path.key)
    title, written = None, None
    if body.title is not None:
        title = clean_line(body.title, field="title", name="The title", most=TITLE_MAX)
    if body.description is not None:
        written = write_text(body.description, issue.project, field="description", required=False)
    begin()
    parent: Issue | None = None
    if body.says("parent"):
        issue, parent = issue_and_parent(viewer(), path.key, body.parent or "", Right.see)
    else:
        issue = issue_for_change(viewer(), path.key, Right.see)
    _require(issue, body)
    _apply(issue, body, title, written)
    _plan(issue, body, parent)
    return done(200, issue_shape(cards([issue])[0]))


@blueprint.post("/issues/<key>/status", tags=TAGS, summary="Take a step", responses={200: IssueShape})
def move_an_issue(path: IssueAddress, body: Move) -> Response:
    """409 with a sentence when the step is not possible from where the issue is. For members."""
    visible_issue(viewer(), path.key)
    begin()
    issue = issue_for_change(viewer(), path.key, Right.triage)
    change_status(issue, body.step, actor=viewer().actor, reason=_reason(body), triggered_by="api")
    return done(200, issue_shape(cards([issue])[0]))


def issue_shape(card: Card) -> IssueShape:
    """An issue as the API shows it. Its project and reporter must be loaded."""
    issue = card.issue
    return IssueShape(
        key=issue.key,
        project=issue.project.key,
        number=issue.number,
        kind=issue.kind,
        title=issue.title,
        description=issue.description,
        description_version=issue.description_version,
        status=cast(Status, issue.status),
        priority=cast(Priority, issue.priority),
        labels=[label.name for label in card.labels],
        assignees=[person.username for person in card.assignees],
        milestone=card.plan.milestone,
        parent=card.plan.parent,
        reporter=issue.reporter.username if issue.reporter else None,
        comment_count=issue.comment_count,
        event_seq=issue.event_seq,
        created_at=issue.created_at,
        updated_at=issue.updated_at,
        url=url_of(issue.key),
    )


def url_of(key: str) -> str:
    """The issue's page."""
    return f"{current_app.extensions['settings'].base_url}/issues/{key}"


def _apply(issue: Issue, body: IssueChange, title: str | None, written: WrittenText | None) -> None:
    actor = viewer().actor
    if title is not None:
        retitle(issue, title, actor=actor)
    if written is not None:
        seen = body.description_version
        redescribe(issue, written, version=issue.description_version if seen is None else seen, actor=actor)
    if body.priority is not None:
        prioritise(issue, body.priority, actor=actor)
    if body.labels is not None:
        set_labels(issue, labels_by_name(issue.project, body.labels), actor=actor)
    if body.assignees is not None:
        set_assignees(issue, people_by_username(issue.project, body.assignees), actor=actor)


def _plan(issue: Issue, body: IssueChange, parent: Issue | None) -> None:
    actor = viewer().actor
    if body.says("milestone"):
        set_milestone(issue, milestone_named(issue.project, body.milestone or ""), actor=actor)
    if body.says("parent"):
        set_parent(issue, parent, actor=actor)


def _require(issue: Issue, body: IssueChange) -> None:
    granted = require(viewer(), Right.report, issue.project)
    if body.title is not None or body.description is not None:
        require_may_rewrite(viewer(), issue, granted)
    sorts = {"labels", "assignees", "priority"} & body.model_dump(exclude_none=True).keys()
    if sorts or body.says("milestone") or body.says("parent"):
        require_may_sort(issue.project, granted)


def _reason(body: Move) -> str | None:
    if body.reason is None:
        return None
    return clean_line(body.reason, field="reason", name="The reason", most=500, least=0)
