"""Endpoints in tests: made by the product's own verbs, their deliveries run, their state read back."""

import dataclasses
from datetime import timedelta

from flask import current_app
from sqlalchemy import select, update

from app.db import db
from app.inboxes.delivery import Delivery, DeliveryTarget
from app.issues.comment import add_comment
from app.webhooks.attempt import Attempt
from app.webhooks.endpoint import Endpoint, create_endpoint
from tests.support.deliveries import deliver, make_due, row, targets
from tests.support.world import World, said

LOOPBACK = ("127.0.0.0/8",)


def open_loopback() -> None:
    """Let requests reach this machine: the sink is the outside."""
    settings = current_app.extensions["settings"]
    current_app.extensions["settings"] = dataclasses.replace(settings, allowed_outgoing=LOOPBACK)


def hook(world: World, url: str, *actions: str) -> tuple[Endpoint, str]:
    """An endpoint of the lead's, and its secret."""
    made = create_endpoint(
        world.project,
        url=url,
        actions=actions or ("*",),
        maker=world.lead,
        actor=world.actor,
    )
    db.session.commit()
    return made


def comment(world: World, words: str = "Hello") -> None:
    """One event, committed."""
    add_comment(world.issue, said(words), author=world.member, actor=world.member.actor)
    db.session.commit()


def ship(*, due: bool = False) -> None:
    """Run the queue of the webhooks; with `due`, after the waits are over."""
    if due:
        db.session.execute(update(Endpoint).values(rests_until=None))
        make_due("webhook_delivery")
    deliver("webhooks")


def told(action: str = "commented") -> Delivery:
    """The newest delivery of the webhooks about this action."""
    return row("webhook_delivery", action)


def target(endpoint: Endpoint, action: str = "commented") -> DeliveryTarget:
    """How the newest such event stands with this endpoint."""
    return targets(told(action))[f"endpoint:{endpoint.id}"]


def again(endpoint: Endpoint) -> Endpoint:
    """The endpoint as the database has it."""
    query = select(Endpoint).where(Endpoint.id == endpoint.id)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def attempts(endpoint: Endpoint) -> list[Attempt]:
    """Its log, oldest first."""
    query = select(Attempt).where(Attempt.endpoint_id == endpoint.id).order_by(Attempt.id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def failing_for(endpoint: Endpoint, how_long: timedelta) -> None:
    """As if nothing but failures had come back for so long."""
    since = Endpoint.failing_since
    found = db.session.scalars(select(since).where(Endpoint.id == endpoint.id)).one()
    assert found is not None
    db.session.execute(
        update(Endpoint).where(Endpoint.id == endpoint.id).values(failing_since=found - how_long)
    )
    db.session.commit()
