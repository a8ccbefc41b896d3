"""Deliveries: what became of events, and sending again what did not arrive."""

from typing import cast

from flask import Response
from pydantic import Field

from app.accounts.viewer import Viewer
from app.api.blueprint import blueprint, tag
from app.api.entry import caller, viewer
from app.api.idempotency import answer, begin, done
from app.api.ledger_shapes import Deliveries, DeliveryShape, TargetShape
from app.api.parameters import BIGGEST_ID, Address, Listing
from app.errors import NotFound
from app.feeds.event_log import Entry
from app.inboxes.delivery import State
from app.inboxes.ledger import Posting, Receiver, posting, postings_of, postings_page
from app.inboxes.repair import retry
from app.projects.policy import Standing, require_admin, standing_of
from app.projects.queries import visible_project
from app.web.paging import encode_cursor

TAGS = tag("Deliveries", "What each inbox made of each event. For administrators.")


class DeliveryListing(Listing):
    """Which deliveries."""

    state: State | None = None
    inbox: str | None = Field(default=None, max_length=40, description="The name of an inbox.")


class DeliveryAddress(Address):
    """A delivery."""

    delivery_id: int = Field(ge=1, le=BIGGEST_ID)


@blueprint.get("/deliveries", tags=TAGS, summary="Deliveries", responses={200: Deliveries})
def deliveries(query: DeliveryListing) -> Response:
    """The newest first."""
    require_admin(viewer())
    place = query.place(int)
    found = postings_page(
        state=query.state, inbox=query.inbox, before=place[0] if place else None, limit=query.limit + 1
    )
    shown = found[: query.limit]
    more = encode_cursor(shown[-1].delivery.id) if len(found) > query.limit else None
    items = [delivery_shape(one, one.receivers) for one in shown]
    return answer(Deliveries(items=items, next_cursor=more))


@blueprint.post(
    "/deliveries/<int:delivery_id>/retry", tags=TAGS, summary="Send it again", responses={200: DeliveryShape}
)
def delivery_retry(path: DeliveryAddress) -> Response:
    """409 when it is under way or was delivered."""
    require_admin(viewer())
    begin()
    retry(path.delivery_id, by=caller().owner, actor=viewer().actor)
    one = posting(path.delivery_id)
    if one is None:
        raise NotFound
    return done(200, delivery_shape(one, one.receivers))


def event_deliveries(reader: Viewer, entry: Entry) -> Deliveries:
    """The deliveries of an event, with no more names than the reader may know."""
    all_names = _knows_all(reader, entry)
    items = []
    for one in postings_of(entry.event.id):
        known = [who for who in one.receivers if all_names or who.user_id == reader.user_id]
        items.append(delivery_shape(one, known, errors=all_names))
    return Deliveries(items=items)


def delivery_shape(one: Posting, receivers: list[Receiver], *, errors: bool = True) -> DeliveryShape:
    """A delivery as the API shows it. `errors`: with the words of the last error, which may hold names."""
    row = one.delivery
    return DeliveryShape(
        id=row.id,
        event=one.event_uid,
        inbox=row.inbox,
        state=cast(State, row.state),
        reason=row.reason,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        last_error=row.last_error if errors else None,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        targets=[
            TargetShape(
                target=who.name,
                state=who.state,
                reason=who.reason,
                attempts=who.attempts,
                finished_at=who.finished_at,
            )
            for who in receivers
        ],
    )


def _knows_all(reader: Viewer, entry: Entry) -> bool:
    if reader.is_admin:
        return True
    if entry.project_key is None:
        return False
    standing = standing_of(reader, visible_project(reader, entry.project_key))
    return standing is Standing.lead
