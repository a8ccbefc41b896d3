"""The shapes of what the API answers. Programs rely on their names and meaning."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from app.accounts.token import Scope
from app.events.issue_actions import Priority, Status
from app.events.project_actions import RoleName, Visibility


def rfc3339(moment: datetime) -> str:
    """UTC with microseconds, always of the same length, so that texts sort as times."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


Moment = Annotated[
    datetime, PlainSerializer(rfc3339), WithJsonSchema({"type": "string", "format": "date-time"})
]


class Shape(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Shape):
    """One page of a list."""

    next_cursor: str | None = Field(
        default=None, description="Give it as `cursor` to get the next page; null: there is no more."
    )


class Fault(Shape):
    """What was refused."""

    code: str = Field(description="The kind of refusal, for programs.")
    message: str = Field(description="A sentence for people.")
    field: str | None = Field(default=None, description="The field that cannot be accepted.")


class ErrorEnvelope(Shape):
    """The one form of every refusal."""

    error: Fault


class PersonShape(Shape):
    """A person, without their address."""

    username: str
    name: str
    is_admin: bool
    is_active: bool
    imported: bool = Field(description="Brought in by an import, and not claimed by anybody yet.")
    url: str


class People(Page):
    """A page of people."""

    items: list[PersonShape]


class TokenShape(Shape):
    """The token this request was made with."""

    title: str
    scope: Scope
    hint: str = Field(description="Its last four characters.")
    expires_at: Moment | None


class Me(Shape):
    """The owner of the token."""

    username: str
    name: str
    email: str | None
    is_admin: bool
    zone: str
    url: str
    token: TokenShape


class ProjectShape(Shape):
    """A project."""

    key: str
    name: str
    visibility: Visibility
    description: str
    event_seq: int
    created_at: Moment
    archived_at: Moment | None
    url: str


class Projects(Page):
    """A page of projects."""

    items: list[ProjectShape]


class MemberShape(Shape):
    """A person in a project."""

    username: str
    name: str
    role: RoleName


class Members(Page):
    """A page of members."""

    items: list[MemberShape]


class LabelShape(Shape):
    """A label of a project."""

    name: str
    color: str


class Labels(Page):
    """A page of labels."""

    items: list[LabelShape]


class IssueShape(Shape):
    """An issue. People are named by username and labels by name, as in what is sent."""

    key: str
    project: str
    number: int
    kind: Literal["issue", "pull_request"]
    title: str
    description: str
    description_version: int
    status: Status
    priority: Priority
    labels: list[str]
    assignees: list[str]
    milestone: str | None = Field(description="The name of its milestone.")
    parent: str | None = Field(description="The key of the issue it is a sub-issue of.")
    reporter: str | None
    comment_count: int
    event_seq: int = Field(description="The number of its newest event.")
    created_at: Moment
    updated_at: Moment
    url: str


class Issues(Page):
    """A page of issues."""

    items: list[IssueShape]


class LeftShape(Shape):
    """An issue that is left alone, and why."""

    key: str
    why: str


class StartedRule(Shape):
    """A rule that a bulk act would start."""

    id: int
    name: str
    issues: int


class BulkShape(Shape):
    """What a bulk act did, or would do. `people`, `mails` and `rules` are told of a dry run only."""

    dry_run: bool
    batch: str | None
    """The id its events share; null when nothing changed."""
    changed: list[str]
    same: list[str]
    left: list[LeftShape]
    people: int | None = None
    mails: int | None = None
    rules: list[StartedRule] | None = None


class CommentShape(Shape):
    """A comment. One that was removed keeps its place, without its text."""

    id: int
    issue: str
    author: str | None
    body: str
    version: int
    event_seq: int = Field(description="The number of the event that recorded it.")
    created_at: Moment
    edited_at: Moment | None
    deleted_at: Moment | None
    url: str


class Comments(Page):
    """A page of comments."""

    items: list[CommentShape]


class SubscriptionShape(Shape):
    """How the owner of the token watches an issue."""

    watching: bool
    muted: bool = Field(description="Asked not to watch: no mention or comment brings them back.")
    reason: str | None
    since: Moment | None
