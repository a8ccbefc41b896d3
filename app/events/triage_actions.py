"""Who has an issue, how urgent it is, what it belongs to."""

from typing import ClassVar

from pydantic import Field

from app.events.action import Family, LabelRef, PersonRef
from app.events.content_actions import IssueAction, Priority
from app.events.parts import Part, change, label, listed, named, person, text, this

PRIORITIES: tuple[Priority, ...] = ("none", "low", "medium", "high", "urgent")


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
