"""What can happen to an issue."""

from typing import ClassVar, Literal

from pydantic import Field

from app.events.action import (
    Action,
    Family,
    IssueRef,
    LabelRef,
    MilestoneRef,
    PersonRef,
    Subject,
    Text,
)
from app.events.parts import (
    Part,
    change,
    issue,
    label,
    listed,
    named,
    person,
    quote,
    status_change,
    strong,
    text,
    this,
)

Status = Literal["open", "in_progress", "resolved", "closed", "reopened"]
Priority = Literal["urgent", "high", "medium", "low", "none"]
PRIORITIES: tuple[Priority, ...] = ("none", "low", "medium", "high", "urgent")
TriggeredBy = Literal["manual", "automation", "sync", "import", "email", "api", "undo"]


class IssueAction(Action):
    subject: ClassVar[Subject] = Subject.issue


class Created(IssueAction):
    """The issue was opened, with everything it began with."""

    name: ClassVar[str] = "created"
    family: ClassVar[Family] = Family.content
    icon: ClassVar[str] = "plus"
    small: ClassVar[bool] = False

    title: Text
    excerpt: Text | None = None
    project: Text
    kind: Literal["issue", "pull_request"] = "issue"
    priority: Priority = "none"
    status: Status = "open"
    labels: tuple[LabelRef, ...] = ()
    assignees: tuple[PersonRef, ...] = ()
    milestone: MilestoneRef | None = None
    parent: IssueRef | None = None

    def line(self, by: int | None) -> list[Part]:
        what = this() if self.kind == "issue" else Part("this", "this pull request")
        parts = [text("opened "), what, text(" in "), strong(self.project)]
        if self.parent:
            parts += [text(" as a sub-issue of "), issue(self.parent.key, self.parent.title)]
        if self.milestone:
            parts += [text(" for the milestone "), strong(self.milestone.name)]
        if self.labels:
            parts += [text(" with "), *listed([label(one.name, one.color) for one in self.labels])]
        return parts


class TitleChanged(IssueAction):
    """The title was changed."""

    name: ClassVar[str] = "title_changed"
    family: ClassVar[Family] = Family.content
    icon: ClassVar[str] = "pencil"

    from_: Text = Field(alias="from")
    to: Text

    def line(self, by: int | None) -> list[Part]:
        return [text("renamed "), this(), text(" from "), *change(f"“{self.from_}”", f"“{self.to}”")]


class DescriptionChanged(IssueAction):
    """The description was rewritten; both versions are kept."""

    name: ClassVar[str] = "description_changed"
    family: ClassVar[Family] = Family.content
    icon: ClassVar[str] = "pencil"

    from_version: int
    to_version: int
    sha256: str
    excerpt: Text | None = None

    def line(self, by: int | None) -> list[Part]:
        return [text("edited the description"), this("of")]


class _StatusMove(IssueAction):
    """Every move of the workflow: exactly one of these per move."""

    family: ClassVar[Family] = Family.status
    small: ClassVar[bool] = False

    from_: Status = Field(alias="from")
    to: Status
    step: Literal["start", "stop", "resolve", "close", "reopen"]
    reason: Text | None = None
    triggered_by: TriggeredBy = "manual"

    def glyph(self) -> str:
        return f"st-{self.to}"


class StatusChanged(_StatusMove):
    """Work was started, stopped or finished: the steps start, stop and resolve."""

    name: ClassVar[str] = "status_changed"
    icon: ClassVar[str] = "st-in_progress"

    def line(self, by: int | None) -> list[Part]:
        words = {"start": [text("started work"), this("on")], "stop": [text("stopped work"), this("on")]}
        verb = words.get(self.step, [text("resolved "), this()])
        return [*verb, text(" "), *status_change(self.from_, self.to), *quote(self.reason)]


class Closed(_StatusMove):
    """The issue was closed."""

    name: ClassVar[str] = "closed"
    icon: ClassVar[str] = "st-closed"

    resolution: Literal["fixed", "merged", "wont_fix", "duplicate", "closed"] = "closed"

    def glyph(self) -> str:
        return "merge" if self.resolution == "merged" else super().glyph()

    def line(self, by: int | None) -> list[Part]:
        verb = text("merged ") if self.resolution == "merged" else text("closed ")
        ending = text(" without fixing ") if self.resolution == "wont_fix" else text(" ")
        return [verb, this(), ending, *status_change(self.from_, self.to), *quote(self.reason)]


class Reopened(_StatusMove):
    """A resolved or closed issue was taken up again."""

    name: ClassVar[str] = "reopened"
    icon: ClassVar[str] = "st-reopened"

    def line(self, by: int | None) -> list[Part]:
        return [
            text("reopened "),
            this(),
            text(" "),
            *status_change(self.from_, self.to),
            *quote(self.reason),
        ]


class Assigned(IssueAction):
    """People were given the issue; `now` is everybody who has it after that."""

    name: ClassVar[str] = "assigned"
    family: ClassVar[Family] = Family.people
    icon: ClassVar[str] = "user"

    assignees: tuple[PersonRef, ...] = Field(min_length=1)
    now: tuple[int, ...] = ()

    def line(self, by: int | None) -> list[Part]:
        if by is not None and [one.id for one in self.assignees] == [by]:
            return [text("took "), this()]
        return [
            text("assigned "),
            *named([person(one.name, one.username) for one in self.assignees]),
            this("to"),
        ]


class Unassigned(IssueAction):
    """The issue was taken from people; `now` is everybody who still has it."""

    name: ClassVar[str] = "unassigned"
    family: ClassVar[Family] = Family.people
    icon: ClassVar[str] = "user"

    assignees: tuple[PersonRef, ...] = Field(min_length=1)
    now: tuple[int, ...] = ()

    def line(self, by: int | None) -> list[Part]:
        if by is not None and [one.id for one in self.assignees] == [by]:
            return [text("gave up "), this()]
        return [
            text("unassigned "),
            *named([person(one.name, one.username) for one in self.assignees]),
            this("from"),
        ]


class PriorityChanged(IssueAction):
    """The priority was raised or lowered."""

    name: ClassVar[str] = "priority_changed"
    family: ClassVar[Family] = Family.planning
    icon: ClassVar[str] = "pr-high"

    from_: Priority = Field(alias="from")
    to: Priority

    def glyph(self) -> str:
        return f"pr-{self.to}"

    def line(self, by: int | None) -> list[Part]:
        up = PRIORITIES.index(self.to) > PRIORITIES.index(self.from_)
        verb = text("raised the priority" if up else "lowered the priority")
        return [verb, this("of"), text(" from "), *change(self.from_.capitalize(), self.to.capitalize())]


class Labeled(IssueAction):
    """Labels were added."""

    name: ClassVar[str] = "labeled"
    family: ClassVar[Family] = Family.planning
    icon: ClassVar[str] = "tag"

    labels: tuple[LabelRef, ...] = Field(min_length=1)

    def line(self, by: int | None) -> list[Part]:
        return [text("added "), *listed([label(one.name, one.color) for one in self.labels]), this("to")]


class Unlabeled(IssueAction):
    """Labels were removed."""

    name: ClassVar[str] = "unlabeled"
    family: ClassVar[Family] = Family.planning
    icon: ClassVar[str] = "tag"

    labels: tuple[LabelRef, ...] = Field(min_length=1)

    def line(self, by: int | None) -> list[Part]:
        chips = [label(one.name, one.color, gone=True) for one in self.labels]
        return [text("removed "), *listed(chips), this("from")]


class Commented(IssueAction):
    """Somebody wrote a comment. Its text stands in `comments`, here are its version, its hash and its first words."""

    name: ClassVar[str] = "commented"
    family: ClassVar[Family] = Family.discussion
    icon: ClassVar[str] = "chat"
    small: ClassVar[bool] = False

    comment_id: int
    version: int = 1
    sha256: str
    excerpt: Text
    mentions: tuple[PersonRef, ...] = ()

    def line(self, by: int | None) -> list[Part]:
        return [text("commented"), this("on"), *quote(self.excerpt)]


class CommentEdited(IssueAction):
    """A comment was rewritten; both versions are kept."""

    name: ClassVar[str] = "comment_edited"
    family: ClassVar[Family] = Family.discussion
    icon: ClassVar[str] = "pencil"

    comment_id: int
    from_version: int
    to_version: int
    sha256: str
    excerpt: Text

    def line(self, by: int | None) -> list[Part]:
        return [text("edited a comment"), this("on")]


class CommentDeleted(IssueAction):
    """A comment was taken back; a tombstone stays."""

    name: ClassVar[str] = "comment_deleted"
    family: ClassVar[Family] = Family.discussion
    icon: ClassVar[str] = "x"

    comment_id: int
    author: PersonRef | None = None

    def line(self, by: int | None) -> list[Part]:
        return [text("removed a comment"), this("from")]


class _Watching(IssueAction):
    family: ClassVar[Family] = Family.attention
    icon: ClassVar[str] = "bell"
    shown: ClassVar[bool] = False

    user: PersonRef
    reason: Literal["manual", "mentioned", "assigned", "commented", "reported"] = "manual"


class Watched(_Watching):
    """Somebody began to watch the issue by hand."""

    name: ClassVar[str] = "watched"

    def line(self, by: int | None) -> list[Part]:
        return [text("began to watch "), this()]


class Unwatched(_Watching):
    """Somebody stopped watching the issue."""

    name: ClassVar[str] = "unwatched"

    def line(self, by: int | None) -> list[Part]:
        return [text("stopped watching "), this()]


class Viewed(IssueAction):
    """Somebody read the issue; at most one of these in five minutes per person."""

    name: ClassVar[str] = "viewed"
    family: ClassVar[Family] = Family.attention
    icon: ClassVar[str] = "eye"
    shown: ClassVar[bool] = False

    def line(self, by: int | None) -> list[Part]:
        return [text("looked at "), this()]


ISSUE_ACTIONS: tuple[type[Action], ...] = (
    Created,
    TitleChanged,
    DescriptionChanged,
    StatusChanged,
    Closed,
    Reopened,
    Assigned,
    Unassigned,
    PriorityChanged,
    Labeled,
    Unlabeled,
    Commented,
    CommentEdited,
    CommentDeleted,
    Watched,
    Unwatched,
    Viewed,
)
