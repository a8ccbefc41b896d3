"""What is written down of a run: its row, its event on the issue, and whom that event tells."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from app import clock
from app.accounts.user import User
from app.automation.guards import chain_to
from app.automation.rule import Rule, pause_rule
from app.automation.run import Outcome, RuleRun
from app.automation.telling import concerned, tell
from app.automation.trigger import Trigger
from app.db import db
from app.events.event import SYSTEM
from app.events.recording import record_event
from app.events.rule_actions import RuleApplied, RuleStopped
from app.issues.issue import Issue

Heads = dict[int, int]
"""Person -> the number of their newest notification, for the live pages."""


@dataclass(slots=True)
class Told:
    """How the steps went."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    did: list[str] = field(default_factory=list)

    def add(self, words: str, result: str, *, done: str | None = None) -> None:
        self.steps.append({"step": words, "result": result, "ok": done is not None})
        if done:
            self.did.append(done)


class Recorder:
    """Writes down one run of one rule, within the transaction in hand. The issue it is given is locked."""

    def __init__(self, rule: Rule, trigger: Trigger) -> None:
        self.rule, self.trigger = rule, trigger
        self.began = clock.monotonic()
        self.heads: Heads = {}

    def applied(self, issue: Issue, told: Told, people: Collection[User], before: int) -> None:
        """The run's own event, at the end of what it did; those who are told are told of it."""
        applied = RuleApplied(
            rule=self.rule.ref,
            version=self.rule.version,
            matched=self.trigger.event.uid,
            did=tuple(told.did),
            told=tuple(person.ref for person in people),
            changed=tuple(range(before + 1, issue.event_seq + 1)),
            ms=self._ms(),
        )
        recorded = record_event(issue, applied, actor=self.rule.actor)
        assert recorded is not None  # it is not throttled
        self.heads |= tell(recorded.id, issue, people)

    def paused(self, issue: Issue, reason: str) -> None:
        """Its author may not do any more what it says: it is paused, and who is concerned is told."""
        pause_rule(self.trigger.project, self.rule, reason)
        stopped = self.stopped(issue, "paused", reason)
        if stopped is not None:
            self.heads |= tell(stopped, issue, concerned(self.rule))
        self.keep(issue, "stopped", Told(), reason)

    def stopped(self, issue: Issue, why: str, reason: str | None = None) -> int | None:
        """A visible event; when it acts too often, at most one a minute on each issue."""
        chain = chain_to(self.rule, self.trigger.root_id) if why in ("depth", "repeated") else ()
        action = RuleStopped(rule=self.rule.ref, why=why, depth=self.deep, chain=chain, reason=reason)
        throttle = timedelta(minutes=1) if why == "rate" else None
        actor = SYSTEM if why == "paused" else self.rule.actor
        recorded = record_event(issue, action, actor=actor, throttle=throttle)
        return recorded.id if recorded else None

    def keep(self, issue: Issue, outcome: Outcome, told: Told, reason: str | None) -> None:
        """The row: the rule has dealt with this."""
        db.session.add(
            RuleRun(
                rule_id=self.rule.id,
                version=self.rule.version,
                event_id=self.trigger.event.id,
                how=self.trigger.how,
                issue_id=issue.id,
                root_id=self.trigger.root_id,
                depth=self.trigger.depth,
                outcome=outcome,
                reason=reason[:300] if reason else None,
                steps=told.steps,
                ms=self._ms(),
                at=clock.now(),
            )
        )
        db.session.flush()

    @property
    def deep(self) -> int:
        """How many rules in a row led here."""
        return self.trigger.depth - 1

    def _ms(self) -> int:
        return round((clock.monotonic() - self.began) * 1000)
