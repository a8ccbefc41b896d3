"""Why a rule acted, said on its line: because of rule X, because Otis closed ORC-12."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from app.automation.names import RuleName, rules_named
from app.events.parts import Part, text
from app.events.wording import plain

if TYPE_CHECKING:
    from app.feeds.lines import Line

NOT_SAID = frozenset({"status", "arrow", "quote", "was", "now"})
"""Pieces of the cause's sentence that its own line has: here only what happened is said."""
QUIET = timedelta(days=1)
"""Time sets a rule off only after a day at the least."""


def explain(lines: Sequence["Line"], causes: dict[int, "Line"]) -> None:
    """Put the reason on the lines of rules; `causes` are the lines of their causes, by id. One query."""
    names = rules_named({rule for line in (*lines, *causes.values()) if (rule := line.rule_id) is not None})
    for line in lines:
        named = names.get(line.rule_id or 0)
        line.why = [*_rule(line, named), *_cause(line, named, causes.get(line.cause_id or 0), names)]


def _rule(line: "Line", rule: RuleName | None) -> list[Part]:
    if rule is None or line.action == "rule_stopped":
        return []
    return [text(" because of rule "), Part("rule", rule.name, href=rule.href)]


def _is_out_of_sight(cause: "Line", line: "Line") -> bool:
    return cause.issue is not None and cause.issue.deleted and cause.issue_id != line.issue_id


def _cause(
    line: "Line", rule: RuleName | None, cause: "Line | None", names: dict[int, RuleName]
) -> list[Part]:
    if cause is None or cause.project_id != line.project_id or _is_out_of_sight(cause, line):
        return []
    href = f"/events/{cause.uid}"
    if rule is not None and rule.quiet_days is not None and line.at - cause.at >= QUIET:
        days = "a day" if rule.quiet_days == 1 else f"{rule.quiet_days} days"
        return [text(", because "), Part("link", f"nothing happened for {days}", href=href)]
    by = names.get(cause.rule_id or 0)
    who = f"rule “{by.name}”" if by else cause.doer.name
    elsewhere = line.issue is not None or cause.issue_id != line.issue_id
    key = cause.issue.key if cause.issue is not None and elsewhere else None
    said = plain([part for part in cause.parts if part.kind not in NOT_SAID], issue=key)
    return [text(", because "), Part("link", f"{who} {said}", href=href)]
