"""An endpoint that is gone or ill is switched off, its owner told once, and nothing is lost."""

from datetime import timedelta

from sqlalchemy import select

from app.db import db
from app.events.event import Event
from app.notifications.outgoing_mail import OutgoingMail
from app.projects.membership import add_member, remove_member
from app.webhooks.endpoint import (
    switch_off,
    switch_on,
)
from tests.support import world as worlds
from tests.support.deliveries import deliver
from tests.support.hooks import (
    again,
    comment,
    failing_for,
    hook,
    ship,
    target,
    told,
)
from tests.support.sink import Sink


def test_410_switches_the_endpoint_off_at_once_and_loses_nothing(place: worlds.World, there: Sink) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    there.mode["/hook"] = "410"
    comment(place, "one")
    ship()
    comment(place, "two")
    ship()

    assert (again(endpoint).enabled, again(endpoint).why_off) == (False, "gone")
    assert len(there.arrivals) == 1
    assert told().state == target(endpoint).state == "held"
    off = db.session.scalars(select(Event).where(Event.action == "webhook_disabled")).one()
    assert (off.actor_kind, off.facts["why"]) == ("system", "gone")
    assert there.url() not in str(off.facts)


def test_five_days_of_only_failures_switch_it_off_once(place: worlds.World, there: Sink) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    there.mode["/hook"] = "500"
    comment(place)
    ship()
    failing_for(endpoint, timedelta(days=4, hours=23))
    ship(due=True)
    assert again(endpoint).enabled
    failing_for(endpoint, timedelta(hours=1))
    ship(due=True)
    assert (again(endpoint).enabled, again(endpoint).why_off) == (False, "failing")
    ship(due=True)
    assert told().state == "held"
    assert len(db.session.scalars(select(Event).where(Event.action == "webhook_disabled")).all()) == 1


def test_its_maker_is_told_once_by_mail_and_by_nobody_elses_doing(place: worlds.World, there: Sink) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    there.mode["/hook"] = "410"
    comment(place)
    ship()
    deliver("mail")
    ship(due=True)
    deliver("mail")
    told_by = select(OutgoingMail).where(OutgoingMail.subject.like("%webhook%"))
    [mail] = db.session.scalars(told_by).all()
    assert (mail.user_id, mail.issue_id) == (place.lead.id, None)
    assert "is off: it answered 410 Gone" in mail.text
    assert f"/projects/ORC/settings/webhooks/{endpoint.id}" in mail.text

    switch_on(again(endpoint), place.project, maker=place.lead, actor=place.actor)
    switch_off(again(endpoint), place.project, actor=place.actor)
    db.session.commit()
    deliver("mail")
    assert len(db.session.scalars(told_by).all()) == 1


def test_an_endpoint_that_fails_every_second_time_is_never_switched_off(
    place: worlds.World, there: Sink
) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    there.mode["/hook"] = "flaky"
    for _ in range(4):
        comment(place)
        ship()
        if again(endpoint).failing_since:
            failing_for(endpoint, timedelta(days=6))
            ship(due=True)
    assert again(endpoint).enabled
    assert told().state == "delivered"


def test_what_happens_while_it_is_off_is_held(place: worlds.World, there: Sink) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    switch_off(endpoint, place.project, actor=place.actor)
    db.session.commit()
    comment(place)
    ship()
    assert (told().state, there.arrivals) == ("held", [])
    assert "switched off by hand" in (told().reason or "")
    switch_on(again(endpoint), place.project, maker=place.lead, actor=place.actor)
    db.session.commit()
    ship(due=True)
    assert there.arrivals == []


def test_an_endpoint_whose_maker_lost_access_is_paused(place: worlds.World, there: Sink) -> None:
    endpoint, _ = hook(place, there.url(), "commented")
    second = worlds.person("Second")
    add_member(place.project, second, role="lead", actor=place.actor)
    remove_member(place.project, place.lead, actor=second.actor)
    db.session.commit()
    comment(place)
    ship()
    assert there.arrivals == []
    assert (again(endpoint).enabled, again(endpoint).why_off) == (False, "no_access")
    assert told().state == "held"
