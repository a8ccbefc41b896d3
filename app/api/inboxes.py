"""Inboxes and their switches, for administrators."""

from flask import Response
from pydantic import Field

from app.api.blueprint import blueprint, tag
from app.api.entry import caller, viewer
from app.api.idempotency import answer, begin, done
from app.api.ledger_shapes import Inboxes, InboxShape
from app.api.parameters import Address, Body, Listing, cut
from app.errors import NotFound
from app.inboxes.base import Inbox
from app.inboxes.registry import BY_NAME, INBOXES
from app.inboxes.setting import switch, switched_off
from app.projects.policy import require_admin

TAGS = tag("Inboxes", "What reacts to events. For administrators.")


class InboxAddress(Address):
    """An inbox."""

    name: str = Field(max_length=40)


class Switch(Body):
    """On or off."""

    enabled: bool


@blueprint.get("/inboxes", tags=TAGS, summary="Every inbox", responses={200: Inboxes})
def inboxes(query: Listing) -> Response:
    """In the order in which they are listed in the administration."""
    require_admin(viewer())
    off = switched_off()
    page, more = cut(INBOXES, query, by=lambda inbox: inbox.name)
    return answer(Inboxes(items=[_shape(inbox, off) for inbox in page], next_cursor=more))


@blueprint.get("/inboxes/<name>", tags=TAGS, summary="An inbox", responses={200: InboxShape})
def inbox_of_name(path: InboxAddress) -> Response:
    """The inbox with this name."""
    require_admin(viewer())
    return answer(_shape(known_inbox(path.name), switched_off()))


@blueprint.patch("/inboxes/<name>", tags=TAGS, summary="Switch it", responses={200: InboxShape})
def inbox_switch(path: InboxAddress, body: Switch) -> Response:
    """What happens while it is off is kept as skipped, and can be sent later."""
    require_admin(viewer())
    begin()
    switch(path.name, enabled=body.enabled, by=caller().owner, actor=viewer().actor, known=set(BY_NAME))
    return done(200, _shape(known_inbox(path.name), switched_off()))


def known_inbox(name: str) -> type[Inbox]:
    if name not in BY_NAME:
        raise NotFound
    return BY_NAME[name]


def _shape(inbox: type[Inbox], off: set[str]) -> InboxShape:
    return InboxShape(
        name=inbox.name,
        title=inbox.title,
        description=inbox.description,
        enabled=inbox.name not in off,
    )
