"""Milestones of a project, and the issues in them."""

from datetime import date

import pytest
from sqlalchemy import select

from app.accounts.viewer import viewer_of
from app.db import db
from app.errors import Conflict, Invalid
from app.events.event import Event, EventText
from app.events.verifying import verify
from app.issues import milestone_issues
from app.issues.milestone import (
    Milestone,
    create_milestone,
    milestone_named,
    project_milestones,
    reopen_milestone,
    set_milestone,
    update_milestone,
)
from app.issues.milestone_issues import (
    Progress,
    complete_milestone,
    delete_milestone,
    milestones_with_progress,
)
from app.issues.queries import cards
from app.issues.workflow import change_status
from app.projects.queries import project_for_change
from tests.automation.build import events
from tests.support import world as worlds


def made(world: worlds.World, name: str = "Spring", **more: object) -> Milestone:
    milestone = create_milestone(world.project, name=name, actor=world.actor, **more)  # type: ignore[arg-type]
    db.session.commit()
    return milestone


def said(world: worlds.World) -> list[str]:
    return [event.action for event, _ in events(project=world.project)][3:]


def test_every_act_on_a_milestone_is_an_event_of_the_project(world: worlds.World) -> None:
    spring = made(world, due_on=date(2026, 3, 20), description="Everything **green**")
    change = {"description": "Everything **green**", "due_on": date(2026, 4, 1)}
    update_milestone(world.project, spring, name="Late spring", actor=world.actor, **change)
    update_milestone(world.project, spring, name="Late spring", actor=world.actor, **change)
    complete_milestone(world.project, spring, actor=world.actor)
    reopen_milestone(world.project, spring, actor=world.actor)
    delete_milestone(world.project, spring, actor=world.actor)
    db.session.commit()

    told = [action for _, action in events(project=world.project)][3:]
    assert [one.name for one in told] == [
        "milestone_created",
        "milestone_updated",
        "milestone_completed",
        "milestone_reopened",
        "milestone_deleted",
    ]
    facts = [one.model_dump(by_alias=True, mode="json", exclude_none=True) for one in told]
    ref = {"id": spring.id, "name": "Spring"}
    assert facts[0] == {"milestone": ref, "due_on": "2026-03-20", "excerpt": "Everything **green**"}
    assert (facts[1]["from"], facts[1]["to"]) == (
        {"name": "Spring", "due_on": "2026-03-20"},
        {"name": "Late spring", "due_on": "2026-04-01"},
    )
    assert (facts[2]["done"], facts[2]["left_open"], facts[4]["affected"]) == (0, 0, 0)
    assert db.session.scalars(select(Milestone)).all() == []
    assert [done.difference for done in verify()][-1] is None


def test_names_are_one_of_a_kind_whatever_their_case(world: worlds.World) -> None:
    spring, autumn = made(world), made(world, "Autumn")
    for attempt in (
        lambda: create_milestone(world.project, name="sPRING", actor=world.actor),
        lambda: update_milestone(
            world.project, autumn, name="spring", description="", due_on=None, actor=world.actor
        ),
    ):
        with pytest.raises(Invalid, match="There is already a milestone") as refused:
            attempt()
        assert refused.value.field == "name"
    update_milestone(world.project, spring, name="SPRING", description="", due_on=None, actor=world.actor)
    assert milestone_named(world.project, "spring") is spring
    assert milestone_named(world.project, "") is None
    with pytest.raises(Invalid, match="There is no milestone Winter in Orchard"):
        milestone_named(world.project, "Winter")
    elsewhere = worlds.project(world.lead, key="TLS", name="Tools")
    assert create_milestone(elsewhere, name="Spring", actor=world.actor).name == "Spring"


def test_an_issue_goes_in_moves_and_comes_out_with_one_event_each(world: worlds.World) -> None:
    spring, autumn = made(world), made(world, "Autumn")
    for milestone in (spring, spring, autumn, None, None):
        set_milestone(world.issue, milestone, actor=world.actor)
    db.session.commit()
    told = [action for _, action in events(world.issue)][1:]
    assert [(one.from_ and one.from_.name, one.to and one.to.name) for one in told] == [
        (None, "Spring"),
        ("Spring", "Autumn"),
        ("Autumn", None),
    ]
    assert {event.family for event in told} == {"planning"}


def test_a_milestone_of_another_project_is_refused(world: worlds.World) -> None:
    elsewhere = worlds.project(world.lead, key="TLS", name="Tools")
    theirs = create_milestone(elsewhere, name="Theirs", actor=world.actor)
    db.session.commit()
    with pytest.raises(Invalid, match="must belong to the issue's project"):
        set_milestone(world.issue, theirs, actor=world.actor)
    with pytest.raises(Invalid, match="must belong to the issue's project"):
        worlds.issue(world.project, world.lead, milestone=theirs)
    assert [event.action for event, _ in events(world.issue)] == ["created"]


def test_progress_counts_what_is_resolved_or_closed(world: worlds.World) -> None:
    spring = made(world)
    for step in (None, "start", "resolve", "close"):
        issue = worlds.issue(world.project, world.lead, milestone=spring)
        if step:
            change_status(issue, step, actor=world.actor)
    made(world, "Autumn")
    found = {far.milestone.name: (far.count, far.done) for far in milestones_with_progress(world.project)}
    assert found == {"Spring": (4, 2), "Autumn": (0, 0)}
    assert cards([issue])[0].plan.milestone == "Spring"
    complete_milestone(world.project, spring, actor=world.actor)
    _, action = events(project=world.project)[-1]
    assert (action.done, action.left_open) == (2, 2)
    with pytest.raises(Conflict, match="completed already"):
        complete_milestone(world.project, spring, actor=world.actor)
    with pytest.raises(Conflict, match="open already"):
        reopen_milestone(world.project, project_milestones(world.project)[0], actor=world.actor)


@pytest.mark.parametrize(
    ("due", "words", "late"),
    [
        (None, "", False),
        (date(2026, 3, 20), "due today", False),
        (date(2026, 3, 21), "due in a day", False),
        (date(2026, 4, 1), "due in 12 days", False),
        (date(2026, 3, 19), "a day overdue", True),
        (date(2025, 3, 20), "365 days overdue", True),
    ],
)
def test_how_far_away_its_day_is_stands_there_in_words(due: date | None, words: str, late: bool) -> None:
    far = Progress(Milestone(name="Spring", due_on=due), 0, 0)
    assert (far.due_words(date(2026, 3, 20)), far.is_overdue(date(2026, 3, 20))) == (words, late)


def test_open_ones_come_first_the_next_day_before_the_others(world: worlds.World) -> None:
    for name, due in (("c", None), ("b", date(2026, 5, 1)), ("a", date(2026, 6, 1)), ("d", date(2026, 1, 1))):
        made(world, name, due_on=due)
    complete_milestone(world.project, milestone_named(world.project, "d"), actor=world.actor)  # type: ignore[arg-type]
    db.session.commit()
    assert [one.name for one in project_milestones(world.project)] == ["b", "a", "c", "d"]


def test_deleting_takes_the_issues_out_quietly_and_as_one_act(world: worlds.World) -> None:
    spring = made(world)
    inside = [worlds.issue(world.project, world.lead, milestone=spring) for _ in range(3)]
    db.session.commit()
    project = project_for_change(viewer_of(world.lead), "ORC", "manage")  # type: ignore[arg-type]
    delete_milestone(project, spring, actor=world.actor)
    db.session.commit()

    last = [events(issue)[-1][0] for issue in inside]
    assert {event.action for event in last} == {"milestone_changed"}
    assert all(event.quiet for event in last)
    assert len({event.batch_id for event in last}) == 1
    assert events(project=world.project)[-1][1].affected == 3
    assert {issue.milestone_id for issue in inside} == {None}
    assert [done.difference for done in verify()][-1] is None


def test_more_issues_than_one_act_can_take_out_are_refused(
    world: worlds.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milestone_issues, "TAKEN_OUT_AT_ONCE", 1)
    spring = made(world)
    for _ in range(2):
        worlds.issue(world.project, world.lead, milestone=spring)
    db.session.commit()
    with pytest.raises(Conflict, match="complete it instead"):
        delete_milestone(world.project, spring, actor=world.actor)
    db.session.rollback()
    assert said(world) == ["milestone_created"]


def test_names_and_descriptions_are_kept_apart_from_the_sealed_events(world: worlds.World) -> None:
    spring = made(world, "Ann’s birthday", description="For Ann")
    set_milestone(world.issue, spring, actor=world.actor)
    db.session.commit()
    for action in ("milestone_created", "milestone_changed"):
        event = db.session.scalars(select(Event).where(Event.action == action)).one()
        assert "Ann" not in str(event.facts)
        texts = db.session.scalars(select(EventText.text).where(EventText.event_id == event.id)).all()
        assert "Ann’s birthday" in texts
