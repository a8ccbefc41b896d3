"""What automation forgets with a person: their name in the reasons of runs and pauses."""

from typing import Any

from app.accounts.erasing import Erased, erasers, replace_in
from app.automation.rule import Rule
from app.automation.run import RuleRun


def _forget(who: Erased) -> None:
    runs: Any = RuleRun.__table__
    rules: Any = Rule.__table__
    replace_in(who, runs, "reason")
    replace_in(who, rules, "paused_reason")


erasers.append(_forget)
