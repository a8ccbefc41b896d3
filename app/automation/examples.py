"""Rules to start from, as most projects have them."""

from dataclasses import dataclass
from typing import Any

from app.automation.definition import Definition


@dataclass(frozen=True, slots=True)
class Example:
    """A rule that only needs to be looked over."""

    slug: str
    name: str
    definition: Definition


def _example(slug: str, name: str, **parts: Any) -> Example:
    return Example(slug, name, Definition.model_validate(parts))


def _if(field: str, op: str, value: str, name: str = "") -> dict[str, str]:
    return {"field": field, "op": op, "value": value, "name": name}


EXAMPLES = (
    _example(
        "close-quiet",
        "Close resolved issues after 14 quiet days",
        when={"quiet_days": 14},
        conditions=[_if("status", "is", "resolved")],
        steps=[{"do": "move", "value": "close", "text": "Resolved, and nothing happened for 14 days"}],
    ),
    _example(
        "urgent-reports",
        "Mark urgent reports",
        when={"actions": ["created"]},
        conditions=[_if("title", "contains", "urgent")],
        steps=[{"do": "priority", "value": "urgent"}, {"do": "notify", "value": "@leads"}],
    ),
    _example(
        "take-it",
        "Who starts work has the issue",
        when={"actions": ["status_changed"]},
        conditions=[_if("fact", "is", "start", "step"), _if("assignee", "is", "@nobody")],
        steps=[{"do": "assign", "value": "@actor"}],
    ),
    _example(
        "reopen-answered",
        "Reopen resolved issues that are answered",
        when={"actions": ["commented"]},
        conditions=[_if("status", "is", "resolved"), _if("actor_kind", "is", "person")],
        steps=[{"do": "move", "value": "reopen", "text": "{actor} commented"}],
    ),
    _example(
        "remind",
        "Ask about work that stands still",
        when={"quiet_days": 30},
        conditions=[_if("status", "is", "in_progress")],
        steps=[
            {
                "do": "comment",
                "text": "Nothing happened here for 30 days. Is somebody still working on this?",
            },
            {"do": "notify", "value": "@assignees"},
        ],
    ),
    _example(
        "follow-up",
        "Open a sub-issue when an urgent issue is closed",
        when={"actions": ["closed"]},
        conditions=[_if("priority", "is", "urgent")],
        steps=[
            {"do": "create", "title": "Find out how {key} could happen", "text": "What led to “{title}”?"}
        ],
    ),
)
BY_SLUG = {one.slug: one for one in EXAMPLES}
BLANK = {
    "event": Definition.model_validate({"when": {"actions": ["created"]}}),
    "quiet": Definition.model_validate({"when": {"quiet_days": 14}}),
}
"""Where a rule without an example begins: something happens, or nothing does."""
