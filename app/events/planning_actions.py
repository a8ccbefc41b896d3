"""What happens to milestones, and to the place of an issue among others: its milestone, its parent, its sub-issues."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from app.events.action import Action, Family, IssueRef, MilestoneRef, Ref, Subject, Text
from app.events.parts import Part, change, issue, strong, text, this


class _MilestoneAction(Action):
    subject: ClassVar[Subject] = Subject.project
    family: ClassVar[Family] = Family.project
    icon: ClassVar[str] = "calendar"

    milestone: MilestoneRef

    def part(self) -> Part:
        """The milestone in a sentence."""
        return strong(self.milestone.name)


class MilestoneCreated(_MilestoneAction):
    """The project got a milestone."""

    name: ClassVar[str] = "milestone_created"

    due_on: date | None = None
    excerpt: Text | None = None

    def line(self, by: int | None) -> list[Part]:
        due = [text(f", due on {day_words(self.due_on)}")] if self.due_on else []
        return [text("made the milestone "), self.part(), *due]


class MilestoneFacts(Ref):
    """What a milestone says; in a change only what is different, and nothing for what it does not have."""

    name: Text | None = None
    due_on: date | None = None
    excerpt: Text | None = None


class MilestoneUpdated(_MilestoneAction):
    """A milestone was renamed, rewritten or moved to another day."""

    name: ClassVar[str] = "milestone_updated"

    from_: MilestoneFacts = Field(alias="from")
    to: MilestoneFacts

    def line(self, by: int | None) -> list[Part]:
        before, after = self.from_, self.to
        if before.name is not None and after.name is not None:
            return [text("renamed the milestone "), *change(before.name, after.name)]
        if before.due_on != after.due_on:
            days = change(*(day_words(one.due_on) if one.due_on else "no date" for one in (before, after)))
            return [text("moved the milestone "), self.part(), text(" from "), *days]
        return [text("changed the description of the milestone "), self.part()]


class MilestoneCompleted(_MilestoneAction):
    """A milestone was reached, or called reached."""

    name: ClassVar[str] = "milestone_completed"
    icon: ClassVar[str] = "check"

    done: int
    left_open: int

    def line(self, by: int | None) -> list[Part]:
        left = f", with {self.left_open:,} still open" if self.left_open else ""
        return [text("completed the milestone "), self.part(), text(left)]


class MilestoneReopened(_MilestoneAction):
    """A completed milestone was taken up again."""

    name: ClassVar[str] = "milestone_reopened"

    def line(self, by: int | None) -> list[Part]:
        return [text("reopened the milestone "), self.part()]


class MilestoneDeleted(_MilestoneAction):
    """A milestone was deleted; the issues in it were taken out before, each with an event of its own."""

    name: ClassVar[str] = "milestone_deleted"
    icon: ClassVar[str] = "x"

    affected: int
    """How many issues were in it."""

    def line(self, by: int | None) -> list[Part]:
        return [text("deleted the milestone "), self.part()]


class _Planned(Action):
    subject: ClassVar[Subject] = Subject.issue
    family: ClassVar[Family] = Family.planning


class MilestoneChanged(_Planned):
    """The issue was put into a milestone, moved to another, or taken out."""

    name: ClassVar[str] = "milestone_changed"
    icon: ClassVar[str] = "calendar"

    from_: MilestoneRef | None = Field(default=None, alias="from")
    to: MilestoneRef | None = None

    def line(self, by: int | None) -> list[Part]:
        if self.from_ and self.to:
            moved = change(self.from_.name, self.to.name)
            return [text("moved "), this(), text(" from the milestone "), *moved]
        if self.to:
            return [text("put "), this(), text(" into the milestone "), strong(self.to.name)]
        return [
            text("took "),
            this(),
            text(" out of the milestone "),
            *([strong(self.from_.name)] if self.from_ else []),
        ]


class ParentChanged(_Planned):
    """The issue became a sub-issue, went to another parent, or stands by itself again."""

    name: ClassVar[str] = "parent_changed"
    icon: ClassVar[str] = "list"

    from_: IssueRef | None = Field(default=None, alias="from")
    to: IssueRef | None = None

    def line(self, by: int | None) -> list[Part]:
        if self.to:
            before = [text(", no longer of "), _named(self.from_)] if self.from_ else []
            return [text("made "), this(), text(" a sub-issue of "), _named(self.to), *before]
        return [
            text("made "),
            this(),
            text(" an issue of its own, no longer a sub-issue of "),
            *([_named(self.from_)] if self.from_ else []),
        ]


class _Child(_Planned):
    icon: ClassVar[str] = "list"
    beside: ClassVar[bool] = True

    child: IssueRef


class ChildAdded(_Child):
    """An issue became a sub-issue of this one; on that issue it is `parent_changed`, or said as it is opened."""

    name: ClassVar[str] = "child_added"

    def line(self, by: int | None) -> list[Part]:
        return [text("added the sub-issue "), _named(self.child), this("to")]


class ChildRemoved(_Child):
    """An issue is no longer a sub-issue of this one."""

    name: ClassVar[str] = "child_removed"

    def line(self, by: int | None) -> list[Part]:
        return [text("took away the sub-issue "), _named(self.child), this("from")]


def day_words(day: date) -> str:
    """24 December 2026, always with its year: an event is read for a long time."""
    return f"{day.day} {day:%B} {day.year}"


def _named(ref: IssueRef) -> Part:
    return issue(ref.key, ref.title)


PLANNING_ACTIONS: tuple[type[Action], ...] = (
    MilestoneChanged,
    ParentChanged,
    ChildAdded,
    ChildRemoved,
    MilestoneCreated,
    MilestoneUpdated,
    MilestoneCompleted,
    MilestoneReopened,
    MilestoneDeleted,
)
