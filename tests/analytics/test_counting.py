"""Counters per day: every event once, also imported ones; counting anew gives the same figures."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, select, text

from app.analytics.counting import Stretch, rebuild, whole_history
from app.analytics.daily_count import DailyCount
from app.context import caused_by
from app.db import db
from app.events.bulk import Fact, record_many
from app.events.event import Event
from app.events.issue_actions import PriorityChanged
from app.events.recording import record_event
from app.inboxes.registry import BY_NAME
from app.inboxes.setting import switch
from app.issues.comment import add_comment
from app.issues.editing import retitle
from app.issues.issue import Issue
from tests.support import world as worlds
from tests.support.deliveries import deliver, make_due, refused_by_database, row, rows, writes_again
from tests.support.meanwhile import meanwhile


def kept() -> dict[tuple[object, ...], int]:
    db.session.rollback()
    found = db.session.execute(
        select(
            DailyCount.day,
            DailyCount.project_id,
            DailyCount.subject,
            DailyCount.action,
            DailyCount.person_id,
            DailyCount.number,
        )
    )
    return {tuple(one[:5]): one[5] for one in found}


def true() -> dict[tuple[object, ...], int]:
    """Counted one by one, in Python."""
    return dict(
        Counter(
            (
                event.created_at.astimezone(UTC).date(),
                event.project_id or 0,
                event.subject,
                event.action,
                event.actor_id or 0,
            )
            for event in db.session.scalars(select(Event))
        )
    )


def live_through(world: worlds.World, seed: int) -> None:
    """A random history: acts, imported facts of long ago, failures, the inbox off and on, workers now and then."""
    chance = random.Random(seed)
    begin = datetime(2026, 1, 30, 22, tzinfo=UTC)
    other = worlds.project(world.member, key=f"P{seed}")
    issues = [world.issue, worlds.issue(other, world.member)]
    people = [world.lead, world.member, world.stranger]
    for step in range(60):
        issue, who = chance.choice(issues), chance.choice(people)
        match chance.randrange(6):
            case 0:
                add_comment(issue, worlds.said("Hello"), author=who, actor=who.actor)
            case 1:
                at = begin + timedelta(hours=chance.randrange(90))
                change = PriorityChanged.model_validate({"from": "low", "to": "high"})
                record_many([Fact(issue, change, who.actor, at)] * chance.randrange(1, 4))
            case 2:
                at = begin + timedelta(hours=chance.randrange(90))
                record_event(
                    issue,
                    PriorityChanged.model_validate({"from": "low", "to": "high"}),
                    actor=who.actor,
                    at=at,
                )
            case 3:
                with caused_by(imported=True):
                    retitle(issue, f"Title {step}", actor=who.actor)
            case 4:
                retitle(issue, f"Title {step}", actor=who.actor)
            case _:
                db.session.commit()
                deliver()
        db.session.commit()


@pytest.mark.parametrize("seed", range(4))
def test_counting_anew_equals_what_was_counted_as_it_came(world: worlds.World, seed: int) -> None:
    live_through(world, seed)
    with refused_by_database("daily_counts"):
        retitle(world.issue, "Failed at first", actor=world.actor)
        db.session.commit()
        deliver()
    make_due()
    deliver()
    figures = kept()
    assert figures == true()

    whole = whole_history()
    assert whole is not None
    assert sum(number for _, number in rebuild(whole)) == sum(figures.values())
    writes_again()
    assert kept() == figures


@pytest.mark.parametrize("seed", range(4, 7))
def test_a_rebuild_in_the_midst_of_it_counts_nothing_twice(world: worlds.World, seed: int) -> None:
    live_through(world, seed)
    switch("analytics", enabled=False, by=world.lead, actor=world.actor, known=set(BY_NAME))
    db.session.commit()
    retitle(world.issue, "While it was off", actor=world.actor)
    switch("analytics", enabled=True, by=world.lead, actor=world.actor, known=set(BY_NAME))
    retitle(world.issue, "Not handled yet", actor=world.actor)
    db.session.commit()
    db.session.execute(delete(DailyCount).where(DailyCount.action == "title_changed"))
    db.session.commit()

    whole = whole_history()
    assert whole is not None
    list(rebuild(whole))
    writes_again()
    assert kept() == true()
    assert row("analytics", "title_changed").reason == "counted by a rebuild"
    deliver()
    assert kept() == true()


def test_what_happened_before_the_inbox_was_there_is_counted_and_settled(world: worlds.World) -> None:
    deliver()
    figures = kept()
    before = len(rows("analytics"))
    db.session.execute(text("DELETE FROM deliveries WHERE inbox = 'analytics'"))
    db.session.execute(delete(DailyCount))
    db.session.commit()
    whole = whole_history()
    assert whole is not None
    for _ in range(2):
        list(rebuild(whole))
    writes_again()
    assert kept() == figures
    settled = rows("analytics")
    assert len(settled) == before
    assert {(one.state, one.next_attempt_at) for one in settled} == {("delivered", None)}


@pytest.mark.parametrize("moment", ["DELETE FROM daily_counts", "INSERT INTO daily_counts"])
def test_what_is_recorded_while_a_day_is_counted_anew_is_counted_once(
    app: Flask, world: worlds.World, moment: str
) -> None:
    if db.engine.dialect.name == "sqlite":
        return  # there one writes at a time
    deliver()
    issue_id, actor = world.issue.id, world.actor
    db.session.rollback()

    def act() -> None:
        issue = db.session.get(Issue, issue_id)
        assert issue is not None
        retitle(issue, "Meanwhile", actor=actor)
        db.session.commit()

    whole = whole_history()
    assert whole is not None
    with meanwhile(app, moment, act):
        list(rebuild(whole))
    writes_again()
    deliver()
    assert kept() == true()


def test_a_rebuild_of_one_project_or_of_some_days_leaves_the_rest_alone(world: worlds.World) -> None:
    live_through(world, 9)
    deliver()
    figures = kept()
    db.session.execute(delete(DailyCount))
    db.session.commit()
    list(rebuild(Stretch(date(2026, 1, 31), date(2026, 2, 1))))
    writes_again()
    assert kept() == {
        key: number
        for key, number in figures.items()
        if date(2026, 1, 31) <= key[0] <= date(2026, 2, 1)  # type: ignore[operator]
    }
    whole = whole_history(world.project.id)
    assert whole is not None
    list(rebuild(whole))
    writes_again()
    assert {key: n for key, n in kept().items() if key[1] == world.project.id} == {
        key: n for key, n in figures.items() if key[1] == world.project.id
    }


def test_the_command_counts_anew_and_says_what_it_cannot_do(app: Flask) -> None:
    with app.app_context():
        worlds.build()
    run = app.test_cli_runner().invoke
    assert "counted anew" in run(args=["analytics", "rebuild"]).output
    assert "counted anew" in run(args=["analytics", "rebuild", "--project", "orc"]).output
    for options, said in (
        (["--project", "NONE"], "There is no project NONE"),
        (["--from", "soon"], "write it as 2026-11-23"),
        (["--from", "2026-02-02", "--to", "2026-02-01"], "There is no day from"),
    ):
        refused = run(args=["analytics", "rebuild", *options])
        assert refused.exit_code != 0
        assert said in refused.output
    with app.app_context():
        assert kept() == true()
        writes_again()
