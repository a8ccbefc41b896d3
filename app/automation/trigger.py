"""What sets rules off, and which rules of the project wait for it."""

from dataclasses import dataclass

from app.automation.conditions import Occasion, fits
from app.automation.happened import occasion_of, state_of
from app.automation.known import active_rules
from app.automation.rule import Rule
from app.automation.run import How
from app.events.action import Action
from app.events.event import Event
from app.issues.issue import Issue
from app.projects.project import Project


@dataclass(slots=True)
class Trigger:
    """What sets rules off: an event, or that nothing came after it."""

    event: Event
    occasion: Occasion
    issue: Issue
    project: Project
    how: How = "event"

    @property
    def root_id(self) -> int:
        return self.event.root_id or self.event.id

    @property
    def depth(self) -> int:
        """Of what rules do about it. Quiet ends a chain: time sets off anew."""
        return self.event.depth + 1 if self.how == "event" else 1


def trigger_of(event: Event, action: Action, issue: Issue, project: Project) -> Trigger:
    """The event as what may set rules off."""
    return Trigger(event, occasion_of(event, action), issue, project)


def fitting(trigger: Trigger) -> list[Rule]:
    """The rules that are on, wait for this and fit the issue as it is. Reads only."""
    rules, known = active_rules(trigger.project)
    waiting = [one for one in rules if one.rule.enabled and trigger.event.action in one.actions]
    if not waiting:
        return []
    state = state_of(trigger.issue)
    return [one.rule for one in waiting if fits(one.says, trigger.occasion, state, known)]


def waited_for(project: Project, action: str) -> bool:
    """Whether any rule of the project waits for this, whatever its conditions. Mostly not, so it costs little."""
    rules, _known = active_rules(project)
    return any(action in one.actions for one in rules)
