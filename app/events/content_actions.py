"""An issue is opened, renamed, described anew."""

from typing import ClassVar, Literal

from pydantic import Field

from app.events.action import Action, Family, IssueRef, LabelRef, MilestoneRef, PersonRef, Subject, Text
from app.events.parts import Part, change, issue, label, listed, strong, text, this

Status = Literal["open", "in_progress", "resolved", "closed", "reopened"]
Priority = Literal["urgent", "high", "medium", "low", "none"]


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
    sha256: str | None = None
    """Of the description."""
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
