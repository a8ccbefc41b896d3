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

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.attributes import set_committed_value

from app.accounts.user import User
from app.accounts.viewer import viewer_of
from app.automation.checking import Known
from app.automation.conditions import State, fits
from app.automation.definition import Definition, Step
from app.automation.guards import held_back, ran_already
from app.automation.happened import state_of
from app.automation.known import active_rules
from app.automation.recorder import Heads, Recorder, Told
from app.automation.rule import Rule
from app.automation.run import Outcome
from app.automation.simulation import Foreseen, foresee
from app.automation.steps import Stage, perform, right_for
from app.automation.trigger import Trigger
from app.automation.wording import step_words
from app.context import caused_by
from app.db import db
from app.errors import DomainError
from app.events.recording import holds
from app.events.rule_actions import why_stopped
from app.issues.issue import Issue
from app.projects.policy import Right, rights
from app.projects.project import Project

log = logging.getLogger(__name__)


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
        self.recorder = Recorder(rule, trigger)

    def run(self) -> Heads:
        self.issue = _locked(self.trigger.issue, self.trigger.project)
        if self.issue.deleted_at is not None:
            return {}
        state = state_of(self.issue)
        if not fits(self.says, self.trigger.occasion, state, self.known):
            return {}
        if lost := self._rights_lost():
            self.recorder.paused(self.issue, lost)
        elif not self._would_change(copy(state)):
            self._keep_undone(copy(state))
        elif why := held_back(
            self.rule, issue_id=self.issue.id, root_id=self.trigger.root_id, depth=self.trigger.depth
        ):
            self.recorder.stopped(self.issue, why)
            self._keep("stopped", Told(), why_stopped(why, self.recorder.deep))
        else:
            self._try(state)
        return self.recorder.heads

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
            self.recorder.heads = {}
            words = f"{type(error).__name__}: {error}"[:200]
            self.recorder.stopped(self.issue, "error", words)
            self._keep("failed", Told(), words)
        else:
            self._keep("applied" if told.did else "refused", told, None)

    def _steps(self, state: State) -> Told:
        told, stage = Told(), self._stage(state)
        before = self.issue.event_seq
        for place, step in enumerate(self.says.steps):
            after = copy(stage.state)
            foreseen = foresee(step, after, self.trigger.occasion, self.known)
            if foreseen.action is None:
                told.add(self._words(step), foreseen.words)
                continue
            try:
                with db.session.begin_nested():
                    perform(stage, place, step)
            except DomainError as refusal:
                set_committed_value(self.issue, "project", self.trigger.project)  # the rollback forgot it
                told.add(self._words(step), f"refused: {refusal.message}")
            else:
                told.add(self._words(step), foreseen.words, done=step.do)
                stage.state = after
        if told.did:
            self.recorder.applied(self.issue, told, list(stage.to_tell.values()), before)
        return told

    def _stage(self, state: State) -> Stage:
        trigger = self.trigger
        return Stage(
            self.rule, trigger.project, self.issue, state, trigger.occasion, self.known, trigger.event
        )

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
            return f"{author.name} may not do this any more: {self._words(refused[0])}"
        return None

    def _would_change(self, state: State) -> bool:
        return any(foresee(step, state, self.trigger.occasion, self.known).action for step in self.says.steps)

    def _keep_undone(self, state: State) -> None:
        """Nothing would come of it: there is nothing to change, or what is left to do is refused."""
        told, refused = Told(), False
        for step in self.says.steps:
            seen: Foreseen = foresee(step, state, self.trigger.occasion, self.known)
            told.add(self._words(step), seen.words)
            refused = refused or seen.refused
        self._keep("refused" if refused else "unchanged", told, None if refused else "nothing to change")

    def _words(self, step: Step) -> str:
        return step_words(step, self.known.hosts)

    def _keep(self, outcome: Outcome, told: Told, reason: str | None) -> None:
        self.recorder.keep(self.issue, outcome, told, reason)


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
