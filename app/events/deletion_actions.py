"""An issue was deleted, with everything it was; and brought back."""

from datetime import datetime
from typing import ClassVar, Literal

from app.events.action import Family, IssueRef, LabelRef, MilestoneRef, PersonRef, Ref, Text
from app.events.content_actions import IssueAction, Priority, Status
from app.events.parts import Part, text, this


class Snapshot(Ref):
    """The row of an issue as it was. What is written in it stands in texts, so that it can be erased."""

    number: int
    kind: Literal["issue", "pull_request"]
    title: Text
    excerpt: Text | None = None
    """The first words of the description."""
    description_version: int
    sha256: str
    """Of the description."""
    status: Status
    priority: Priority
    labels: tuple[LabelRef, ...] = ()
    assignees: tuple[PersonRef, ...] = ()
    reporter: PersonRef | None = None
    milestone: MilestoneRef | None = None
    parent: IssueRef | None = None
    comment_count: int
    created_at: datetime
    updated_at: datetime


class _Deletion(IssueAction):
    family: ClassVar[Family] = Family.content
    small: ClassVar[bool] = False

    key: str
    title: Text


class Deleted(_Deletion):
    """The issue was deleted: nobody finds it any more. Nothing of it is thrown away, so it can be brought back."""

    name: ClassVar[str] = "deleted"
    icon: ClassVar[str] = "trash"

    snapshot: Snapshot

    def line(self, by: int | None) -> list[Part]:
        return [text("deleted "), this()]


class Restored(_Deletion):
    """A deleted issue was brought back, as it was."""

    name: ClassVar[str] = "restored"
    icon: ClassVar[str] = "replay"

    def line(self, by: int | None) -> list[Part]:
        return [text("restored "), this()]
