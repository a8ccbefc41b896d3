"""Rules that would set each other off: followed on paper, from the effects of one to the conditions of the next."""

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.automation.checking import Known
from app.automation.conditions import Occasion, State, fits, sets_off
from app.automation.definition import Definition
from app.automation.guards import MOST_DEPTH
from app.automation.simulation import foresee

Effect = tuple[str, Mapping[str, Any]]
"""An action, and its facts as far as they are known beforehand."""
MOST_CHAINS = 50


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule, saved or not."""

    id: int
    name: str
    says: Definition


@dataclass(slots=True)
class Chains:
    """Chains of rules with how often each would have come about."""

    times: Counter[tuple[str, ...]] = field(default_factory=Counter)
    loops: set[tuple[str, ...]] = field(default_factory=set)
    """Those that come back to a rule that has acted: the guard would stop them there."""

    def follow(
        self,
        first: Candidate,
        effects: Sequence[Effect],
        state: State,
        rules: Sequence[Candidate],
        known: Known,
        at: datetime,
    ) -> None:
        """Follow what the first rule would have done through all the others."""
        _Path(self, rules, known, at).go((first,), effects, state)

    def common(self) -> list[tuple[tuple[str, ...], int, bool]]:
        """(names, times, whether it is a loop), the most frequent first."""
        return [(names, times, names in self.loops) for names, times in self.times.most_common(MOST_CHAINS)]

    def note(self, names: tuple[str, ...], *, loop: bool) -> None:
        if names in self.times or len(self.times) < MOST_CHAINS:
            self.times[names] += 1
            if loop:
                self.loops.add(names)


@dataclass(frozen=True, slots=True)
class _Path:
    chains: Chains
    rules: Sequence[Candidate]
    known: Known
    at: datetime

    def go(self, so_far: tuple[Candidate, ...], effects: Sequence[Effect], state: State) -> None:
        for action, facts in effects:
            about = _new_issue(state, self.at) if action == "created" else state
            occasion = Occasion(at=self.at, action=action, facts=facts, actor_kind="rule")
            for rule in self.rules:
                if sets_off(rule.says, occasion) and fits(rule.says, occasion, about, self.known):
                    self._next(so_far, rule, occasion, copy(about))

    def _next(self, so_far: tuple[Candidate, ...], rule: Candidate, occasion: Occasion, state: State) -> None:
        foreseen = [foresee(step, state, occasion, self.known) for step in rule.says.steps]
        effects = [effect for one in foreseen for effect in one.effects]
        if not effects:
            return
        path = (*so_far, rule)
        again = rule.id in {one.id for one in so_far}
        self.chains.note(tuple(one.name for one in path), loop=again)
        if not again and len(path) <= MOST_DEPTH:
            self.go(path, effects, state)


def _new_issue(parent: State, at: datetime) -> State:
    return State(
        status="open",
        priority="none",
        labels=frozenset(),
        assignees=frozenset(),
        reporter_id=None,
        kind="issue",
        title=parent.title,
        description="",
        created_at=at,
        is_sub_issue=True,
    )
