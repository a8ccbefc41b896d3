"""A rule acts: on one issue, because of one event, in the transaction of whoever calls.

1. Does it fit? The conditions are asked of the issue as it is now, under its lock.
2. May it? Its author's rights of this moment are asked; a rule whose author lost them is paused.
3. Would it change anything? If not, that is all.
4. Is it held back? Too deep, the same rule because of the same act, too often. A stop is an event on the issue.
5. It acts, by the verbs people use, each effect an event with the rule as its actor and the event as its cause.

A step that is refused fails neither the others nor the delivery: it is kept in the run.
"""

import logging
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.attributes import set_committed_value

from app import clock
from app.accounts.user import User
from app.accounts.viewer import viewer_of
from app.automation.checking import Known
from app.automation.conditions import Occasion, State, fits
from app.automation.definition import Definition
from app.automation.guards import chain_to, held_back, ran_already
from app.automation.happened import occasion_of, state_of
from app.automation.known import active_rules
from app.automation.rule import Rule, pause_rule
from app.automation.run import How, Outcome, RuleRun
from app.automation.simulation import Foreseen, foresee
from app.automation.steps import Stage, perform, right_for
from app.automation.telling import concerned, tell
from app.automation.wording import step_words
from app.context import caused_by
from app.db import db
from app.errors import DomainError
from app.events.action import Action
from app.events.event import SYSTEM, Event
from app.events.recording import holds, record_event
from app.events.rule_actions import RuleApplied, RuleStopped, why_stopped
from app.issues.issue import Issue
from app.projects.policy import Right, rights
from app.projects.project import Project

log = logging.getLogger(__name__)

Heads = dict[int, int]
"""Person -> the number of their newest notification, for the live pages."""


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


@dataclass(slots=True)
class _Told:
    """How the steps went."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    did: list[str] = field(default_factory=list)

    def add(self, words: str, result: str, *, done: str | None = None) -> None:
        self.steps.append({"step": words, "result": result, "ok": done is not None})
        if done:
            self.did.append(done)


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


def act(rules: Sequence[Rule], trigger: Trigger, known: Known | None = None) -> Heads:
    """Let the rules act, one after the other; each is asked anew whether it still fits."""
    known = known if known is not None else active_rules(trigger.project)[1]
    heads: Heads = {}
    _take_turns(trigger.project)
    with caused_by(
        via="job",
        event_id=trigger.event.id,
        root_id=trigger.root_id,
        depth=trigger.depth,
        quiet=trigger.event.quiet and trigger.how == "event",
    ):
        for rule in rules:
            if rule.enabled and not ran_already(rule, trigger.event.id, trigger.how):
                heads |= _Run(rule, trigger, known).run()
    return heads


class _Run:
    """One rule on one occasion."""

    def __init__(self, rule: Rule, trigger: Trigger, known: Known) -> None:
        self.rule, self.trigger, self.known = rule, trigger, known
        self.says: Definition = rule.says
        self.began = clock.monotonic()
        self.heads: Heads = {}

    def run(self) -> Heads:
        self.issue = _locked(self.trigger.issue, self.trigger.project)
        if self.issue.deleted_at is not None:
            return {}
        state = state_of(self.issue)
        if not fits(self.says, self.trigger.occasion, state, self.known):
            return {}
        if lost := self._rights_lost():
            self._pause(lost)
        elif not self._would_change(copy(state)):
            self._keep("unchanged", self._foreseen(copy(state)), "nothing to change")
        elif why := held_back(
            self.rule, issue_id=self.issue.id, root_id=self.trigger.root_id, depth=self.trigger.depth
        ):
            self._stop(why)
            self._keep("stopped", _Told(), why_stopped(why, self._deep()))
        else:
            self._try(state)
        return self.heads

    def _try(self, state: State) -> None:
        """The steps, all or none of them when something breaks that is no refusal."""
        savepoint = db.session.begin_nested()
        try:
            told = self._steps(state)
            savepoint.commit()
        except SQLAlchemyError:
            raise  # the database's own trouble: the delivery is tried again
        except Exception as error:
            log.exception("Rule %s failed on issue %s", self.rule.id, self.issue.id)
            savepoint.rollback()
            self.heads = {}
            words = f"{type(error).__name__}: {error}"[:200]
            self._stop("error", words)
            self._keep("failed", _Told(), words)
        else:
            self._keep("applied" if told.did else "refused", told, None)

    def _steps(self, state: State) -> _Told:
        told, stage = _Told(), self._stage(state)
        before = self.issue.event_seq
        for place, step in enumerate(self.says.steps):
            after = copy(stage.state)
            foreseen = foresee(step, after, self.trigger.occasion, self.known)
            if foreseen.action is None:
                told.add(step_words(step), foreseen.words)
                continue
            try:
                with db.session.begin_nested():
                    perform(stage, place, step)
            except DomainError as refusal:
                set_committed_value(self.issue, "project", self.trigger.project)  # the rollback forgot it
                told.add(step_words(step), f"refused: {refusal.message}")
            else:
                told.add(step_words(step), foreseen.words, done=step.do)
                stage.state = after
        if told.did:
            self._record(told, stage, before)
        return told

    def _stage(self, state: State) -> Stage:
        return Stage(self.rule, self.trigger.project, self.issue, state, self.trigger.occasion, self.known)

    def _record(self, told: _Told, stage: Stage, before: int) -> None:
        """The run's own event, at the end of what it did; those who are told are told of it."""
        people = list(stage.to_tell.values())
        applied = RuleApplied(
            rule=self.rule.ref,
            version=self.rule.version,
            matched=self.trigger.event.uid,
            did=tuple(told.did),
            told=tuple(person.ref for person in people),
            changed=tuple(range(before + 1, self.issue.event_seq + 1)),
            ms=self._ms(),
        )
        recorded = record_event(self.issue, applied, actor=self.rule.actor)
        assert recorded is not None  # it is not throttled
        self.heads |= tell(recorded.id, self.issue, people)

    def _rights_lost(self) -> str | None:
        """What the author may not do any more; None while the rule may act."""
        author = db.session.get(User, self.rule.author_id, populate_existing=True)
        if author is None or not author.is_active:
            return f"the account of {author.name if author else 'its author'} is closed"
        granted = rights(viewer_of(author), self.trigger.project)
        if Right.see not in granted:
            return f"{author.name} does not see {self.trigger.project.name} any more"
        refused = [step for step in self.says.steps if right_for(step) not in granted]
        if refused:
            return f"{author.name} may not do this any more: {step_words(refused[0])}"
        return None

    def _pause(self, reason: str) -> None:
        pause_rule(self.trigger.project, self.rule, reason)
        stopped = self._stop("paused", reason)
        if stopped is not None:
            self.heads |= tell(stopped, self.issue, concerned(self.rule))
        self._keep("stopped", _Told(), reason)

    def _stop(self, why: str, reason: str | None = None) -> int | None:
        """A visible event; when it acts too often, at most one a minute on each issue."""
        chain = chain_to(self.rule, self.trigger.root_id) if why in ("depth", "repeated") else ()
        action = RuleStopped(rule=self.rule.ref, why=why, depth=self._deep(), chain=chain, reason=reason)
        throttle = timedelta(minutes=1) if why == "rate" else None
        actor = SYSTEM if why == "paused" else self.rule.actor
        recorded = record_event(self.issue, action, actor=actor, throttle=throttle)
        return recorded.id if recorded else None

    def _would_change(self, state: State) -> bool:
        return any(foresee(step, state, self.trigger.occasion, self.known).action for step in self.says.steps)

    def _foreseen(self, state: State) -> _Told:
        told = _Told()
        for step in self.says.steps:
            seen: Foreseen = foresee(step, state, self.trigger.occasion, self.known)
            told.add(step_words(step), seen.words)
        return told

    def _keep(self, outcome: Outcome, told: _Told, reason: str | None) -> None:
        db.session.add(
            RuleRun(
                rule_id=self.rule.id,
                version=self.rule.version,
                event_id=self.trigger.event.id,
                how=self.trigger.how,
                issue_id=self.issue.id,
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

    def _deep(self) -> int:
        return self.trigger.depth - 1

    def _ms(self) -> int:
        return round((clock.monotonic() - self.began) * 1000)


def _take_turns(project: Project) -> None:
    """Rules of a project act one after the other, over all workers: issue first and project later would meet the
    worker that has them the other way round. Nobody else waits: requests only refer to the project.
    """
    db.session.execute(select(Project.id).where(Project.id == project.id).with_for_update(key_share=True))


def _locked(issue: Issue, project: Project) -> Issue:
    """The issue, locked until the commit and read anew under the lock."""
    query = select(Issue).where(Issue.id == issue.id).with_for_update()
    found = db.session.scalars(query.execution_options(populate_existing=True)).one()
    holds(found)
    set_committed_value(found, "project", project)
    return found
