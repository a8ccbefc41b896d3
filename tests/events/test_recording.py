"""Recording: what a fact is, its number, its seal, its throttle."""

import threading
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from pydantic import ValidationError
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.errors import Invalid
from app.events.action import REMOVED, commitment, text_paths
from app.events.actions import ACTIONS, UnknownAction
from app.events.chain import GENESIS, seal
from app.events.event import Event, EventText
from app.events.issue_actions import Created, Labeled, TitleChanged, Viewed
from app.events.project_actions import ProjectArchived
from app.events.queries import with_actions
from app.events.recording import record_event
from app.inboxes.delivery import Delivery
from app.inboxes.registry import inboxes_for
from app.issues.comment import add_comment
from app.issues.editing import prioritise, retitle
from app.issues.issue import Issue
from app.projects.project import Project
from tests.support import world as worlds


def test_personal_text_stands_apart_and_comes_back(world: worlds.World) -> None:
    retitle(world.issue, "Zażółć gęślą jaźń", actor=world.actor)
    db.session.commit()

    event = db.session.scalars(select(Event).order_by(Event.id.desc())).first()
    assert event is not None
    assert set(event.facts) == {"from", "to"}
    assert "Zażółć" not in str(event.facts)
    row = db.session.get(EventText, (event.id, "to"))
    assert row is not None
    assert event.facts["to"] == {"sha256": commitment(row.salt, "Zażółć gęślą jaźń")}
    assert with_actions([event])[event.id] == TitleChanged(from_="Card payments fail", to="Zażółć gęślą jaźń")


def test_a_text_that_was_deleted_reads_as_removed_and_the_seal_still_holds(world: worlds.World) -> None:
    retitle(world.issue, "Secret name", actor=world.actor)
    db.session.commit()
    db.session.execute(EventText.__table__.delete())
    db.session.commit()

    event = db.session.scalars(select(Event).order_by(Event.id.desc())).first()
    assert event is not None
    action = with_actions([event])[event.id]
    assert isinstance(action, TitleChanged)
    assert action.to == REMOVED
    assert _sealed(event) == event.hash


def test_text_is_found_in_nested_fields() -> None:
    assert text_paths(Labeled) == (("labels", "*", "name"),)
    assert ("assignees", "*", "username") in text_paths(Created)


def test_numbers_run_from_one_and_each_event_seals_the_one_before(world: worlds.World) -> None:
    for title in ("B", "C", "D"):
        retitle(world.issue, title, actor=world.actor)
        db.session.commit()

    events = db.session.scalars(
        select(Event).where(Event.issue_id == world.issue.id).order_by(Event.seq)
    ).all()
    assert [event.seq for event in events] == [1, 2, 3, 4]
    previous = GENESIS
    for event in events:
        assert event.prev_hash == previous
        assert _sealed(event) == event.hash
        previous = event.hash
    assert world.issue.event_head == previous


def test_every_event_has_a_delivery_for_every_inbox_that_declares_its_action(world: worlds.World) -> None:
    add_comment(world.issue, worlds.said("Hello"), author=world.lead, actor=world.actor)
    db.session.commit()

    for event in db.session.scalars(select(Event)):
        declared = {inbox.name for inbox in inboxes_for(event.subject, event.action)}
        written = set(db.session.scalars(select(Delivery.inbox).where(Delivery.event_id == event.id)))
        assert written == declared


def test_an_act_within_the_window_is_recorded_once(world: worlds.World) -> None:
    window = timedelta(minutes=5)
    with time_machine.travel(clock.now(), tick=False) as moment:
        assert record_event(world.issue, Viewed(), actor=world.actor, throttle=window)
        moment.shift(timedelta(minutes=4))
        assert record_event(world.issue, Viewed(), actor=world.actor, throttle=window) is None
        assert record_event(world.issue, Viewed(), actor=world.member.actor, throttle=window)
        moment.shift(timedelta(minutes=2))
        assert record_event(world.issue, Viewed(), actor=world.actor, throttle=window)
    db.session.commit()
    assert world.issue.event_seq == 4


def test_two_at_once_within_the_window_record_one(world: worlds.World, context: Flask) -> None:
    issue_id, actor = world.issue.id, world.actor

    def view() -> None:
        with context.app_context():
            issue = db.session.get_one(Issue, issue_id)
            record_event(issue, Viewed(), actor=actor, throttle=timedelta(minutes=5))
            db.session.commit()

    _at_once([view] * 6)
    assert db.session.scalar(select(func.count()).where(Event.action == "viewed")) == 1


def test_an_action_of_another_subject_or_with_wrong_details_is_refused(world: worlds.World) -> None:
    with pytest.raises(UnknownAction):
        record_event(world.issue, ProjectArchived(), actor=world.actor)
    with pytest.raises(ValidationError):
        TitleChanged(from_="a", to="b", because="c")  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        TitleChanged(to="b")  # type: ignore[call-arg]


def test_the_list_of_actions_is_closed_and_each_says_itself() -> None:
    assert len(ACTIONS) >= 40
    for (subject, name), kind in ACTIONS.items():
        assert kind.__doc__, name
        assert (kind.subject.value, kind.name) == (subject, name)
        assert kind.line is not __import__("app.events.action", fromlist=["Action"]).Action.line


def test_eight_writers_leave_no_gap_and_no_double(world: worlds.World, context: Flask) -> None:
    issue_id, project_id, lead_id = world.issue.id, world.project.id, world.lead.id

    def write(number: int) -> None:
        with context.app_context():
            for turn in range(10):
                issue = db.session.get_one(Issue, issue_id)
                lead = db.session.get_one(type(world.lead), lead_id)
                if turn % 2:
                    add_comment(issue, worlds.said(f"{number}/{turn}"), author=lead, actor=lead.actor)
                else:
                    place = db.session.get_one(Project, project_id)
                    worlds.issue(place, lead, title=f"{number}/{turn}")
                db.session.commit()

    _at_once([lambda number=number: write(number) for number in range(8)])  # type: ignore[misc]

    db.session.rollback()
    seqs = db.session.scalars(select(Event.seq).where(Event.issue_id == issue_id).order_by(Event.seq)).all()
    assert seqs == list(range(1, 42))
    numbers = db.session.scalars(select(Issue.number).order_by(Issue.number)).all()
    assert numbers == list(range(1, 42))


def test_a_rolled_back_act_gives_its_numbers_back(world: worlds.World) -> None:
    worlds.issue(world.project, world.lead, title="Never was")
    prioritise(world.issue, "urgent", actor=world.actor)
    db.session.rollback()

    db.session.refresh(world.project)
    worlds.issue(world.project, world.lead, title="The second")
    db.session.commit()
    assert sorted(db.session.scalars(select(Issue.number))) == [1, 2]
    assert db.session.get_one(Issue, world.issue.id).event_seq == 1


def test_a_refused_priority_changes_nothing(world: worlds.World) -> None:
    with pytest.raises(Invalid) as refusal:
        prioritise(world.issue, "enormous", actor=world.actor)
    assert refusal.value.field == "priority"
    assert not db.session.dirty


def _sealed(event: Event) -> str:
    row = {name: getattr(event, name) for name in Event.__mapper__.columns.keys() if name != "metadata"}  # noqa: SIM118
    row["facts"] = event.facts
    return seal(row, event.created_at, event.prev_hash)


def _at_once(works: list[object]) -> None:
    errors: list[BaseException] = []

    def run(work: object) -> None:
        try:
            work()  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001 - handed to the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
