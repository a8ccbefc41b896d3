"""What automation forgets with a person: their name in the reasons of runs and pauses."""

from collections.abc import Iterator
from typing import Any

from app.accounts.erased import Erased, Part, eraser, replace_in
from app.automation.rule import Rule
from app.automation.run import RuleRun

RUNS: Any = RuleRun.__table__
RULES: Any = Rule.__table__


@eraser("runs of rules")
def _forget_in_runs(who: Erased, place: int) -> Iterator[Part]:
    yield from replace_in(who, RUNS, "reason", place=place)


@eraser("rules")
def _forget_in_rules(who: Erased, place: int) -> Iterator[Part]:
    yield from replace_in(who, RULES, "paused_reason", place=place)
