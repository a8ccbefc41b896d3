"""Webhooks of a project: set up, changed, removed; and the log of what they were sent."""

from typing import Any

from flask import Response, current_app
from pydantic import Field

from app.accounts.queries import person_by_username
from app.api.blueprint import blueprint, tag
from app.api.entry import viewer
from app.api.idempotency import answer, begin, done
from app.api.parameters import BIGGEST_ID, Address, Body, Listing, ProjectAddress, cut
from app.api.shapes import Moment, Page, Shape
from app.projects.policy import Right
from app.projects.queries import project_for_change
from app.web.paging import encode_cursor
from app.webhooks.endpoint import (
    Endpoint,
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    switch_off,
    switch_on,
)
from app.webhooks.forms import clean_endpoint
from app.webhooks.queries import (
    Standing,
    attempts_of,
    endpoint_for_change,
    endpoints_of,
    managed_endpoint,
)

TAGS = tag(
    "Webhooks", "Addresses that are told about the events of a project. For its leads and administrators."
)


class WebhookShape(Shape):
    """An address that is told about events."""

    id: int
    project: str
    url: str
    actions: list[str] = Field(description='Names of actions and families; ["*"] is everything.')
    enabled: bool
    why_off: str | None = Field(
        description="by_hand, gone (410), failing (five days), no_access; null while it is on."
    )
    maker: str = Field(description="It is told what this person may see.")
    secret_hint: str = Field(description="The last four characters of its secret.")
    failures: int = Field(description="Failed attempts in a row.")
    failing_since: Moment | None
    last_error: str | None
    last_success_at: Moment | None
    created_at: Moment


class MadeWebhookShape(WebhookShape):
    """A new webhook with its secret."""

    secret: str = Field(description="Shown in this answer only.")


class Webhooks(Page):
    """A page of webhooks."""

    items: list[WebhookShape]


class AttemptShape(Shape):
    """One request to a webhook."""

    id: int
    event: str = Field(description="The uid of the event, which is the webhook-id.")
    ok: bool
    status: int | None = Field(description="Of the answer; null when there was none.")
    error: str | None
    request_headers: dict[str, Any]
    body_size: int
    answer: str | None = Field(description="Its first 4 KiB.")
    duration_ms: int
    created_at: Moment


class Attempts(Page):
    """A page of attempts."""

    items: list[AttemptShape]


class NewWebhook(Body):
    """A webhook to be."""

    url: str = Field(max_length=4_000)
    actions: list[str] = Field(default=["*"], max_length=200)


class WebhookChange(Body):
    """What is to be another."""

    url: str | None = Field(default=None, max_length=4_000)
    actions: list[str] | None = Field(default=None, max_length=200)
    enabled: bool | None = None


class WebhookAddress(Address):
    """A webhook."""

    webhook_id: int = Field(ge=1, le=BIGGEST_ID)


@blueprint.get("/projects/<key>/webhooks", tags=TAGS, summary="Its webhooks", responses={200: Webhooks})
def project_webhooks(path: ProjectAddress, query: Listing) -> Response:
    """In the order they were made."""
    _project, standings = endpoints_of(viewer(), path.key)
    page, more = cut(standings, query, by=lambda one: str(one.endpoint.id))
    return answer(Webhooks(items=[WebhookShape(**_shape(one)) for one in page], next_cursor=more))


@blueprint.post(
    "/projects/<key>/webhooks", tags=TAGS, summary="Set up a webhook", responses={201: MadeWebhookShape}
)
def create_a_webhook(path: ProjectAddress, body: NewWebhook) -> Response:
    """The answer shows its secret; keep it. Sent by `Idempotency-Key` twice, it is shown twice."""
    endpoints_of(viewer(), path.key)
    url, actions = clean_endpoint(body.model_dump(), allowed=_allowed())
    begin()
    who = viewer()
    project = project_for_change(who, path.key, Right.manage)
    maker = person_by_username(who.username)
    endpoint, secret = create_endpoint(project, url=url, actions=actions, maker=maker, actor=who.actor)
    shape = MadeWebhookShape(**_shape(managed_endpoint(who, endpoint.id)), secret=secret)
    return done(201, shape, secret=True)


@blueprint.get("/webhooks/<int:webhook_id>", tags=TAGS, summary="A webhook", responses={200: WebhookShape})
def one_webhook(path: WebhookAddress) -> Response:
    """Without its secret."""
    return answer(WebhookShape(**_shape(managed_endpoint(viewer(), path.webhook_id))))


@blueprint.patch("/webhooks/<int:webhook_id>", tags=TAGS, summary="Change it", responses={200: WebhookShape})
def change_a_webhook(path: WebhookAddress, body: WebhookChange) -> Response:
    """What is left out stays. Switched on, it is told what you may see from now on."""
    now = managed_endpoint(viewer(), path.webhook_id).endpoint
    wanted = {"url": body.url or now.url, "actions": now.actions if body.actions is None else body.actions}
    url, actions = clean_endpoint(wanted, allowed=_allowed())
    begin()
    endpoint, project = endpoint_for_change(viewer(), path.webhook_id)
    change_endpoint(endpoint, project, url=url, actions=actions, actor=viewer().actor)
    if body.enabled is True:
        switch_on(endpoint, project, maker=person_by_username(viewer().username), actor=viewer().actor)
    elif body.enabled is False:
        switch_off(endpoint, project, actor=viewer().actor)
    return done(200, WebhookShape(**_shape(managed_endpoint(viewer(), path.webhook_id))))


@blueprint.delete("/webhooks/<int:webhook_id>", tags=TAGS, summary="Remove it", responses={204: None})
def delete_a_webhook(path: WebhookAddress) -> Response:
    """It is told nothing more, and its log goes with it."""
    managed_endpoint(viewer(), path.webhook_id)
    begin()
    endpoint, project = endpoint_for_change(viewer(), path.webhook_id)
    delete_endpoint(endpoint, project, actor=viewer().actor)
    return done(204)


@blueprint.get(
    "/webhooks/<int:webhook_id>/attempts", tags=TAGS, summary="What it was sent", responses={200: Attempts}
)
def webhook_attempts(path: WebhookAddress, query: Listing) -> Response:
    """The newest first; kept for 30 days."""
    endpoint = managed_endpoint(viewer(), path.webhook_id).endpoint
    place = query.place(int)
    found, more = attempts_of(endpoint, before=place[0] if place else None, limit=query.limit)
    items = [
        AttemptShape(
            id=one.id,
            event=event.uid,
            ok=one.ok,
            status=one.status,
            error=one.error,
            request_headers=one.request_headers,
            body_size=one.body_size,
            answer=one.answer,
            duration_ms=one.duration_ms,
            created_at=one.created_at,
        )
        for one, event in found
    ]
    return answer(Attempts(items=items, next_cursor=encode_cursor(more) if more else None))


def _shape(standing: Standing) -> dict[str, Any]:
    endpoint: Endpoint = standing.endpoint
    return {
        "id": endpoint.id,
        "project": standing.project.key,
        "url": endpoint.url,
        "actions": endpoint.actions,
        "enabled": endpoint.enabled,
        "why_off": endpoint.why_off,
        "maker": standing.maker.username,
        "secret_hint": endpoint.secret_hint,
        "failures": endpoint.failures,
        "failing_since": endpoint.failing_since,
        "last_error": endpoint.last_error,
        "last_success_at": endpoint.last_success_at,
        "created_at": endpoint.created_at,
    }


def _allowed() -> tuple[str, ...]:
    allowed: tuple[str, ...] = current_app.extensions["settings"].allowed_outgoing
    return allowed
