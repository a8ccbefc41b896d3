"""The workflow: what may follow what, and one event per move."""

from itertools import product

import pytest
from sqlalchemy import select

from app.db import db
from app.errors import Conflict, Invalid
from app.events.event import Event
from app.issues.issue import STATUSES
from app.issues.workflow import STEPS, allowed_steps, change_status
from tests.support import world as worlds

LEADS_TO = {
    ("open", "start"): "in_progress",
    ("reopened", "start"): "in_progress",
    ("in_progress", "stop"): "open",
    ("open", "resolve"): "resolved",
    ("in_progress", "resolve"): "resolved",
    ("reopened", "resolve"): "resolved",
    ("open", "close"): "closed",
    ("in_progress", "close"): "closed",
    ("resolved", "close"): "closed",
    ("reopened", "close"): "closed",
    ("resolved", "reopen"): "reopened",
    ("closed", "reopen"): "reopened",
}
WAY = {
    "open": [],
    "in_progress": ["start"],
    "resolved": ["resolve"],
    "closed": ["close"],
    "reopened": ["resolve", "reopen"],
}


@pytest.mark.parametrize(("status", "step"), list(product(STATUSES, STEPS)))
def test_each_step_leads_where_it_should_or_is_refused(world: worlds.World, status: str, step: str) -> None:
    issue = world.issue
    for earlier in WAY[status]:
        change_status(issue, earlier, actor=world.actor)
    before = issue.event_seq

    if (status, step) in LEADS_TO:
        change_status(issue, step, actor=world.actor, reason="because")
        db.session.commit()
        assert issue.status == LEADS_TO[status, step]
        assert issue.event_seq == before + 1
    else:
        with pytest.raises(Conflict, match="This issue is"):
            change_status(issue, step, actor=world.actor)
        assert (issue.status, issue.event_seq) == (status, before)


def test_a_move_is_exactly_one_event_with_from_to_and_reason(world: worlds.World) -> None:
    change_status(world.issue, "start", actor=world.actor)
    change_status(world.issue, "close", actor=world.actor, reason="Not ours")
    change_status(world.issue, "reopen", actor=world.actor)
    db.session.commit()

    events = db.session.scalars(
        select(Event).where(Event.issue_id == world.issue.id).order_by(Event.seq)
    ).all()
    assert [event.action for event in events] == ["created", "status_changed", "closed", "reopened"]
    assert [(event.facts["from"], event.facts["to"]) for event in events[1:]] == [
        ("open", "in_progress"),
        ("in_progress", "closed"),
        ("closed", "reopened"),
    ]


def test_the_page_offers_exactly_the_allowed_steps(world: worlds.World) -> None:
    for status in STATUSES:
        world.issue.status = status
        assert set(allowed_steps(world.issue)) == {step for at, step in LEADS_TO if at == status}
    db.session.rollback()


def test_an_unknown_step_is_refused_in_plain_words(world: worlds.World) -> None:
    with pytest.raises(Invalid, match="There is no step 'explode'"):
        change_status(world.issue, "explode", actor=world.actor)
