"""Recording many at once writes what recording one by one would have written."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.events.action import commitment
from app.events.actions import UnknownAction
from app.events.bulk import Fact, record_many
from app.events.event import Event, EventText
from app.events.issue_actions import Closed, Commented, PriorityChanged
from app.events.people_actions import UserRenamed
from app.events.recording import record_event
from app.inboxes.delivery import Delivery
from tests.support import world as worlds

LEFT_OUT = {"id", "uid", "issue_id", "hash", "prev_hash", "facts"}


def _columns(event: Event) -> dict[str, Any]:
    names = set(Event.__mapper__.columns.keys()) - LEFT_OUT
    return {name: getattr(event, name) for name in names}


def test_the_rows_are_those_of_recording_one_by_one(world: worlds.World) -> None:
    one, many = world.issue, worlds.issue(world.project, world.lead)
    moment = clock.now() - timedelta(days=900)
    actions = [
        Commented(comment_id=1, sha256="0" * 64, excerpt="Hello", mentions=(world.member.ref,)),
        PriorityChanged.model_validate({"from": "none", "to": "high"}),
    ]
    for action in actions:
        record_event(one, action, actor=world.actor, at=moment)
    record_many([Fact(many, action, world.actor, moment) for action in actions])
    one.priority = many.priority = "high"
    db.session.flush()

    def rows(issue_id: int) -> list[Event]:
        query = select(Event).where(Event.issue_id == issue_id, Event.seq > 1).order_by(Event.seq)
        return list(db.session.scalars(query))

    assert [_columns(event) for event in rows(one.id)] == [_columns(event) for event in rows(many.id)]
    assert (one.event_seq, many.event_seq) == (3, 3)
    assert many.event_head == rows(many.id)[-1].hash
    event = rows(many.id)[0]
    texts = {text.field: text for text in db.session.scalars(select(EventText).filter_by(event_id=event.id))}
    assert set(texts) == {"excerpt", "mentions.0.name", "mentions.0.username"}
    excerpt = texts["excerpt"]
    assert event.facts["excerpt"] == {"sha256": commitment(excerpt.salt, excerpt.text)}


def test_many_subjects_get_a_chain_each_and_finished_deliveries(world: worlds.World) -> None:
    other = worlds.issue(world.project, world.lead)
    moment = clock.now()
    closing = Closed.model_validate({"from": "open", "to": "closed", "step": "close"})
    renaming = UserRenamed.model_validate({"from": "Rowan", "to": "Rowan P."})
    facts = [
        Fact(world.lead, renaming, world.actor, moment),
        Fact(other, closing, world.actor, moment),
        Fact(world.issue, closing, world.actor, moment),
    ]

    recorded = record_many(facts)

    assert [one.id for one in recorded] == sorted(one.id for one in recorded)
    assert [(one.subject, one.seq) for one in recorded] == [("user", 2), ("issue", 2), ("issue", 2)]
    ids = [one.id for one in recorded]
    states = db.session.execute(select(Delivery.state, Delivery.reason).where(Delivery.event_id.in_(ids)))
    assert {tuple(row) for row in states} == {
        ("skipped", "imported"),
        ("delivered", "counted with the import"),
        ("delivered", "kept with the import"),
    }


def test_an_action_of_another_subject_is_refused(world: worlds.World) -> None:
    renamed = UserRenamed.model_validate({"from": "a", "to": "b"})
    with pytest.raises(UnknownAction):
        record_many([Fact(world.issue, renamed, world.actor, clock.now())])
    assert record_many([]) == []
