"""What keeps rules from running for ever: how deep, how often because of one act, how often at all."""

from datetime import timedelta
from typing import Literal

from sqlalchemy import func, select

from app import clock
from app.automation.rule import Rule
from app.automation.run import How, RuleRun
from app.db import db
from app.events.rule_actions import RuleRef

MOST_DEPTH = 5
"""Rules may answer rules this many times in a row."""
MOST_A_MINUTE = 60
"""Runs of one rule."""
MOST_NAMED = 10

Why = Literal["depth", "repeated", "rate"]


def ran_already(rule: Rule, event_id: int, how: How) -> bool:
    """Whether the rule has dealt with this very event: a delivery that comes again finds its own tracks."""
    query = select(RuleRun.id).where(
        RuleRun.rule_id == rule.id, RuleRun.event_id == event_id, RuleRun.how == how
    )
    return db.session.scalar(query) is not None


def held_back(rule: Rule, *, issue_id: int, root_id: int, depth: int) -> Why | None:
    """Why the rule may not act now. `depth` is that of its effects.

    What time sets off has the act before the quiet as its root, and is a new beginning all the same: a rule that
    answered the act itself may answer that, too.
    """
    if depth > MOST_DEPTH:
        return "depth"
    of_root = (RuleRun.root_id == root_id, RuleRun.issue_id == issue_id)
    set_off_by_time = select(func.max(RuleRun.id)).where(*of_root, RuleRun.how == "schedule")
    same_root = select(RuleRun.id).where(
        RuleRun.rule_id == rule.id,
        *of_root,
        RuleRun.outcome == "applied",
        RuleRun.id > func.coalesce(set_off_by_time.scalar_subquery(), 0),
    )
    if db.session.scalar(same_root.limit(1)) is not None:
        return "repeated"
    lately = select(RuleRun.id).where(
        RuleRun.rule_id == rule.id,
        RuleRun.at > clock.now() - timedelta(minutes=1),
        RuleRun.outcome == "applied",
    )
    if len(db.session.scalars(lately.limit(MOST_A_MINUTE)).all()) >= MOST_A_MINUTE:
        return "rate"
    return None


def chain_to(rule: Rule, root_id: int) -> tuple[RuleRef, ...]:
    """The rules that acted because of the same act, in their order, and this one at the end."""
    query = (
        select(Rule.id, Rule.name)
        .join(RuleRun, RuleRun.rule_id == Rule.id)
        .where(RuleRun.root_id == root_id, RuleRun.outcome == "applied")
        .order_by(RuleRun.id)
        .limit(MOST_NAMED)
    )
    before = [RuleRef(id=row.id, name=row.name) for row in db.session.execute(query)]
    return (*before, rule.ref)
