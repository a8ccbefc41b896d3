"""The rules of a project: when something happens, if it fits, they act, by the same verbs as people."""

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from app.automation.definition import TRIGGERS
from app.automation.engine import act
from app.automation.rule import Rule
from app.automation.trigger import Trigger, fitting, trigger_of, waited_for
from app.events.action import Action, Subject
from app.inboxes.base import Decision, Inbox, Signal


class AutomationRules(Inbox):
    """Lets every rule that fits act, in the transaction that marks the delivery: each acts exactly once."""

    name: ClassVar[str] = "automation_rules"
    title: ClassVar[str] = "Automation rules"
    description: ClassVar[str] = (
        "Runs the rules of the project: when something happens, if it fits, then steps."
    )
    icon: ClassVar[str] = "bolt"
    tells_people: ClassVar[bool] = True

    @classmethod
    def takes(cls, subject: Subject | str, action: type[Action]) -> bool:
        return subject == Subject.issue and action.name in TRIGGERS

    def should_process(self) -> Decision:
        project = self.happening.project
        if project is None or project.archived_at is not None:
            return Decision(False, "the project is archived")
        if not waited_for(project, self.event.action):
            return Decision(False, "no rule waits for this")
        if not self._rules:
            return Decision(False, "no rule fits")
        return Decision(True, f"fits {', '.join(rule.name for rule in self._rules)}")

    def handle(self) -> Sequence[Signal]:
        assert self._trigger is not None
        heads = act(self._rules, self._trigger)
        return [Signal(f"user:{user_id}", head) for user_id, head in heads.items()]

    @cached_property
    def _trigger(self) -> Trigger | None:
        issue, project = self.happening.issue, self.happening.project
        if issue is None or project is None:
            return None
        return trigger_of(self.event, self.happening.action, issue, project)

    @cached_property
    def _rules(self) -> list[Rule]:
        return fitting(self._trigger) if self._trigger is not None else []
