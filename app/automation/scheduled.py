"""Rules that time sets off: nothing happened on an issue for so many days.

An issue's quiet begins with its last event that is neither a rule's nor a mere look. That event stands for the quiet
time: a rule deals with it once, whatever it does itself meanwhile.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Row, Select, exists, select

from app import clock
from app.automation.conditions import Occasion, fits
from app.automation.definition import TRIGGERS, Definition
from app.automation.engine import act
from app.automation.happened import before, states_of
from app.automation.known import known_to
from app.automation.possible import possible_statuses
from app.automation.recorder import Heads
from app.automation.rule import Rule
from app.automation.run import RuleRun
from app.automation.trigger import Trigger
from app.db import after_commit, begin_write, db
from app.events.event import Event
from app.issues.issue import Issue
from app.live.publish import publish
from app.periodic import periodic
from app.projects.project import Project

EVERY = timedelta(minutes=5)
MOST_A_TURN = 60
"""Issues one rule deals with in a turn; the others wait for the next, so that a new rule is no avalanche."""
BATCH = 200
TURN_SECONDS = 60.0


@periodic("scheduled_rules", every=EVERY)
def run_scheduled_rules() -> None:
    """One turn of all of them. Twice is harmless: an issue is claimed by the row of its run, in its transaction."""
    end = clock.monotonic() + TURN_SECONDS
    due = select(Rule.id).where(Rule.enabled, Rule.quiet_days.is_not(None)).order_by(Rule.id)
    for rule_id in db.session.scalars(due).all():
        if clock.monotonic() < end:
            run_rule(rule_id)
    db.session.rollback()


def run_rule(rule_id: int) -> int:
    """One turn of one rule; returns on how many issues it was run."""
    done, after = 0, 0
    while done < MOST_A_TURN:
        rule, project = _read(rule_id)
        if rule is None or project is None or not rule.enabled or project.archived_at is not None:
            return done
        found = _quiet(rule, clock.now(), after=after)
        if not found:
            return done
        known, states = known_to(project, [rule.says]), states_of([row.Issue for row in found])
        for row in found:
            after = row.Issue.id
            occasion = quiet_time(row.Issue, clock.now())
            if done < MOST_A_TURN and fits(rule.says, occasion, states[after], known):
                done += _run_on(rule_id, project.id, row.Issue.id, row.Event.id)
    return done


def anchors(project_id: int) -> Select[Issue, Event]:
    """The issues of the project, each with the event its quiet began with."""
    last = (
        select(Event.id)
        .where(Event.issue_id == Issue.id, Event.actor_kind != "rule", Event.action.in_(TRIGGERS))
        .order_by(Event.seq.desc())
        .limit(1)
        .correlate(Issue)
        .scalar_subquery()
    )
    mine = (Issue.project_id == project_id, Issue.deleted_at.is_(None))
    return select(Issue, Event).join(Event, Event.id == last).where(*mine)


def quiet_issues(project_id: int, definition: Definition, now: datetime) -> Select[Issue, Event]:
    """Those on which nothing has happened for long enough, as far as the database can tell."""
    days = definition.when.quiet_days or 0
    query = anchors(project_id).where(Event.created_at <= now - timedelta(days=days))
    return query.where(Issue.status.in_(possible_statuses(definition))).order_by(Issue.id)


def quiet_time(issue: Issue, now: datetime) -> Occasion:
    """That nothing happens on the issue, as what may set rules off."""
    return Occasion(at=now, before=before(issue.id, issue.event_seq + 1))


def _read(rule_id: int) -> tuple[Rule | None, Project | None]:
    db.session.rollback()
    rule = db.session.get(Rule, rule_id, populate_existing=True)
    return rule, db.session.get(Project, rule.project_id, populate_existing=True) if rule else None


def _quiet(rule: Rule, now: datetime, *, after: int) -> Sequence[Row[Issue, Event]]:
    dealt_with = exists().where(
        RuleRun.rule_id == rule.id, RuleRun.event_id == Event.id, RuleRun.how == "schedule"
    )
    query = quiet_issues(rule.project_id, rule.says, now).where(Issue.id > after, ~dealt_with)
    return db.session.execute(query.limit(BATCH).execution_options(populate_existing=True)).all()


def _run_on(rule_id: int, project_id: int, issue_id: int, event_id: int) -> int:
    """One issue in a transaction of its own; 0 when it is quiet no more, or another worker was here."""
    begin_write()
    mine = select(Project).where(Project.id == project_id).with_for_update(key_share=True)
    project = db.session.scalars(mine.execution_options(populate_existing=True)).one()
    query = select(Rule).where(Rule.id == rule_id).with_for_update()
    rule = db.session.scalars(query.execution_options(populate_existing=True)).one()
    row = db.session.execute(
        anchors(project.id).where(Issue.id == issue_id).execution_options(populate_existing=True)
    ).first()
    if row is None or row.Event.id != event_id or not rule.enabled:
        db.session.rollback()
        return 0
    trigger = Trigger(row.Event, quiet_time(row.Issue, clock.now()), row.Issue, project, how="schedule")
    heads: Heads = act([rule], trigger, known_to(project, [rule.says]))
    for user_id, head in heads.items():
        topic = f"user:{user_id}"
        after_commit(topic, partial(publish, topic, head))
    db.session.commit()
    return 1
