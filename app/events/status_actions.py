"""The moves of an issue through its workflow."""

from typing import ClassVar, Literal

from pydantic import Field

from app.events.action import Family, Text
from app.events.content_actions import IssueAction, Status
from app.events.parts import Part, quote, status_change, text, this

TriggeredBy = Literal["manual", "automation", "sync", "import", "email", "api", "undo"]


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
