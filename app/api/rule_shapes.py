"""The shapes of what the API says of rules."""

from typing import Literal

from pydantic import Field

from app.api.shapes import Moment, Page, Shape
from app.automation.definition import Condition, Step, When


class RuleShape(Shape):
    """A rule."""

    id: int
    project: str
    name: str
    summary: str = Field(description="The rule in a sentence.")
    enabled: bool
    paused: str | None = Field(description="Why it was paused; null when it was not.")
    version: int
    author: str = Field(description="Whose rights it has: whoever saved it or switched it on last.")
    when: When
    match: Literal["all", "any"]
    conditions: tuple[Condition, ...]
    steps: tuple[Step, ...]
    created_at: Moment
    changed_at: Moment
    url: str


class Rules(Page):
    """A page of rules."""

    items: list[RuleShape]


class HitShape(Shape):
    """One time the rule would have acted."""

    issue: str
    event: str = Field(description="The uid of the event that would have set it off.")
    at: Moment
    did: list[str]


class ChainShape(Shape):
    """Rules that would have followed one another."""

    rules: list[str]
    times: int
    loop: bool = Field(description="It comes back to a rule that has acted; there it would be held back.")


class DryRunShape(Shape):
    """What the rule would have done. Nothing was done."""

    days: int
    events: int = Field(description="Events that were looked at.")
    issues: int
    would_act: int
    issues_touched: int
    unchanged: int = Field(description="Times it fitted and had nothing to change.")
    held_back: int
    at_once: int | None = Field(description="Issues a rule for quiet issues begins with when it is on.")
    complete: bool = Field(description="False: the time was up before everything was read.")
    steps: dict[str, int]
    chains: list[ChainShape]
    last: list[HitShape]
