"""What a rule would have done over the last days of real events: a pure read of the log, before it is switched on.

The issue at each event is folded from the log: status, priority, labels, assignees and title as they were then.
What the log does not tell (the description, roles, the text of an edited comment) is taken as it is now. What the rule
would have changed counts as changed for the events after it, until a real event says otherwise.

Issues are read in small batches, the last changed first, until the time is up; memory does not grow with the log.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Row, func, select

from app import clock
from app.automation.chains import Candidate, Chains
from app.automation.checking import Known
from app.automation.conditions import Occasion, fits
from app.automation.definition import TRIGGERS, Definition, actions_of
from app.automation.guards import MOST_A_MINUTE, MOST_DEPTH
from app.automation.history import EventRow, Past, events_of, issues_of, quiet_now
from app.automation.known import known_to
from app.automation.simulation import foresee
from app.automation.wording import step_words
from app.db import db
from app.events.deleted import is_there
from app.events.event import Event
from app.projects.project import Project

DAYS = (7, 30, 90)
SECONDS = 10.0
BATCH = 50
"""Issues whose events are read at a time."""
MOST_ISSUES = 20_000
SAMPLES = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """One time the rule would have acted."""

    key: str
    title: str
    uid: str
    """Of the event that would have set it off; of a quiet time, its last event."""
    at: datetime
    did: tuple[str, ...]


@dataclass(slots=True)
class DryRun:
    """What would have happened."""

    days: int
    events: int = 0
    """Events that were looked at."""
    issues: int = 0
    hits: int = 0
    issues_hit: int = 0
    unchanged: int = 0
    """Times it fitted and would have changed nothing."""
    repeated: int = 0
    too_deep: int = 0
    too_often: int = 0
    at_once: int | None = None
    """For rules that time sets off: the issues it would deal with as soon as it is on."""
    samples: list[Hit] = field(default_factory=list)
    steps: Counter[str] = field(default_factory=Counter)
    chains: Chains = field(default_factory=Chains)
    complete: bool = True
    """False when the time was up before everything was read."""

    @property
    def stopped(self) -> int:
        """Times a guard would have held it back."""
        return self.repeated + self.too_deep + self.too_often


def try_rule(
    project: Project,
    rule: Candidate,
    *,
    days: int,
    others: Sequence[Candidate] = (),
    seconds: float = SECONDS,
) -> DryRun:
    """Run the rule over the last days without doing anything. `others`: the rules that are on, for the chains."""
    everyone = [rule, *(other for other in others if other.id != rule.id)]
    known = known_to(project, [one.says for one in everyone])
    return _Trial(project, rule, everyone, known, days, seconds).run()


class _Trial:
    def __init__(
        self,
        project: Project,
        rule: Candidate,
        everyone: Sequence[Candidate],
        known: Known,
        days: int,
        seconds: float,
    ) -> None:
        self.project, self.rule, self.everyone, self.known = project, rule, everyone, known
        self.says: Definition = rule.says
        self.asks_facts = any(one.field == "fact" for one in self.says.conditions)
        self.actions = actions_of(self.says.when)
        self.now = clock.now()
        self.since = self.now - timedelta(days=days)
        self.end = clock.monotonic() + seconds
        self.found = DryRun(days)
        self.minutes: Counter[int] = Counter()

    def run(self) -> DryRun:
        ids = self._issue_ids()
        for start in range(0, len(ids), BATCH):
            if clock.monotonic() > self.end:
                self.found.complete = False
                break
            self._batch(ids[start : start + BATCH])
        self.found.complete = self.found.complete and len(ids) < MOST_ISSUES
        self.found.samples.sort(key=lambda hit: hit.at, reverse=True)
        del self.found.samples[SAMPLES:]
        if self.says.scheduled:
            self.found.at_once = quiet_now(self.project, self.says, self.known, self.now, until=self.end)
        return self.found

    def _issue_ids(self) -> Sequence[int]:
        """Those with an event that could set it off, the last changed first."""
        actions = self.actions or TRIGGERS.keys()
        reach = timedelta(days=self.says.when.quiet_days or 0)
        query = (
            select(Event.issue_id)
            .where(
                Event.project_id == self.project.id,
                Event.created_at >= self.since - reach,
                Event.subject == "issue",
                Event.action.in_(actions),
                is_there(Event.issue_id),
            )
            .group_by(Event.issue_id)
            .order_by(func.max(Event.id).desc())
            .limit(MOST_ISSUES)
        )
        return [issue_id for (issue_id,) in db.session.execute(query)]  # type: ignore[misc]

    def _batch(self, ids: Sequence[int]) -> None:
        issues = issues_of(ids)
        with_comments = any(one.field == "comment" for one in self.says.conditions)
        rows = events_of(ids, comments=with_comments)
        for issue_id, events in groupby(rows, lambda row: row.issue_id):
            self._issue(issues[issue_id], events)

    def _issue(self, issue: Row[Any], events: Iterator[EventRow]) -> None:
        past, roots, hits = Past(issue), set[int](), self.found.hits
        for row in events:
            if self.says.scheduled and row.action in TRIGGERS and row.actor_kind != "rule":
                self._quiet_time(past, row.created_at)
            past.take(row)
            if row.created_at >= self.since:
                self.found.events += 1
                if row.action in self.actions:
                    self._consider(past, past.occasion(row, facts=self.asks_facts), row, roots)
        if self.says.scheduled:
            self._quiet_time(past, self.now)
        self.found.issues += 1
        self.found.issues_hit += self.found.hits > hits

    def _quiet_time(self, past: Past, until: datetime) -> None:
        """Nothing happened from the last event up to this moment: would the rule have acted?"""
        last = past.last_by_people
        if last is None or self.says.when.quiet_days is None:
            return
        mark = last.created_at + timedelta(days=self.says.when.quiet_days)
        if self.since <= mark <= until:
            self._consider(past, past.quiet_time(mark), last, set())

    def _consider(self, past: Past, occasion: Occasion, row: EventRow, roots: set[int]) -> None:
        state = past.state()
        if not fits(self.says, occasion, state, self.known):
            return
        foreseen = [(step, foresee(step, state, occasion, self.known)) for step in self.says.steps]
        did = [(step_words(step, self.known.hosts), one) for step, one in foreseen if one.action]
        root = row.root_id or row.id
        if not did:
            self.found.unchanged += 1
        elif not self._held_back(occasion, row, root, roots):
            roots.add(root)
            past.pretend(state)
            self._count(past, occasion, row, [words for words, _ in did])
            effects = [effect for _, one in did for effect in one.effects]
            self.found.chains.follow(self.rule, effects, copy(state), self.everyone, self.known, occasion.at)

    def _held_back(self, occasion: Occasion, row: EventRow, root: int, roots: set[int]) -> bool:
        minute = int(occasion.at.timestamp() // 60)
        if not self.says.scheduled:
            if row.depth + 1 > MOST_DEPTH:
                self.found.too_deep += 1
                return True
            if root in roots:
                self.found.repeated += 1
                return True
            if self.minutes[minute] >= MOST_A_MINUTE:
                self.found.too_often += 1
                return True
        self.minutes[minute] += 1
        return False

    def _count(self, past: Past, occasion: Occasion, row: EventRow, did: list[str]) -> None:
        found = self.found
        found.hits += 1
        found.steps.update(did)
        key = f"{self.project.key}-{past.issue.number}"
        found.samples.append(Hit(key, past.issue.title, row.uid, occasion.at, tuple(did)))
        if len(found.samples) > 4 * SAMPLES:
            found.samples.sort(key=lambda hit: hit.at, reverse=True)
            del found.samples[SAMPLES:]
