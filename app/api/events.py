"""Events: of an issue, of everything, one by one, and what became of them."""

from typing import Any

from flask import Response
from pydantic import Field

from app.accounts.user import User
from app.api.blueprint import blueprint, tag
from app.api.deliveries import event_deliveries
from app.api.entry import viewer
from app.api.idempotency import answer
from app.api.ledger_shapes import ActorShape, Deliveries, Events, EventShape
from app.api.parameters import BIGGEST_ID, EventAddress, IssueAddress, Listing
from app.errors import Invalid, NotFound
from app.events.action import Family
from app.events.actions import ACTIONS
from app.feeds.event_log import Entry, Only, events_after, events_of_issue, visible_event
from app.feeds.lines import GONE, ROBOTS
from app.feeds.queries import visible_person
from app.issues.queries import visible_issue
from app.projects.queries import visible_project
from app.web.paging import decode_cursor, encode_cursor

TAGS = tag("Events", "What happened: facts that never change.")
FAMILIES: list[Any] = [family.value for family in Family]
ACTION_NAMES = frozenset(name for _subject, name in ACTIONS)


class IssueEventListing(Listing):
    """Which events of an issue."""

    after: int = Field(default=0, ge=0, le=BIGGEST_ID, description="The seq of the last event you have.")


class EventListing(Listing):
    """Which events."""

    after: str | None = Field(
        default=None, max_length=600, description="The next_cursor of the page before; the same as `cursor`."
    )
    project: str | None = Field(default=None, max_length=20, description="The key of a project.")
    family: str | None = Field(
        default=None, max_length=40, description="A family of actions.", json_schema_extra={"enum": FAMILIES}
    )
    action: str | None = Field(default=None, max_length=60, description="The name of an action, like closed.")
    actor: str | None = Field(default=None, max_length=80, description="The username of who acted.")


@blueprint.get("/issues/<key>/events", tags=TAGS, summary="Events of an issue", responses={200: Events})
def issue_events(path: IssueAddress, query: IssueEventListing) -> Response:
    """The oldest first: seq is 1, 2, 3 … without a gap."""
    issue = visible_issue(viewer(), path.key)
    place = query.place(int)
    after = max(query.after, place[0] if place else 0)
    found = events_of_issue(issue, after, limit=query.limit + 1)
    shown = found[: query.limit]
    more = encode_cursor(shown[-1].event.seq) if len(found) > query.limit else None
    return answer(Events(items=[event_shape(entry) for entry in shown], next_cursor=more))


@blueprint.get("/events", tags=TAGS, summary="Events of everything you see", responses={200: Events})
def events(query: EventListing) -> Response:
    """In a stable order that no late commit breaks: follow next_cursor and you miss nothing.

    next_cursor comes with every page that holds an event, the newest too: keep it, and ask with it again
    later. It is null when there is nothing after the cursor you gave, or nothing that you asked for.
    """
    cursor = query.after or query.cursor
    place = _place(cursor, "after" if query.after else "cursor") if cursor else None
    found = events_after(viewer(), place, only=_only(query), limit=query.limit)
    more = encode_cursor(*found[-1].place) if found else None
    return answer(Events(items=[event_shape(entry) for entry in found], next_cursor=more))


@blueprint.get("/events/<uid>", tags=TAGS, summary="An event", responses={200: EventShape})
def one_event(path: EventAddress) -> Response:
    """The event with this uid."""
    return answer(event_shape(visible_event(viewer(), path.uid)))


@blueprint.get("/events/<uid>/deliveries", tags=TAGS, summary="Its deliveries", responses={200: Deliveries})
def deliveries_of_event(path: EventAddress) -> Response:
    """What every inbox decided, and why. Receivers are named to leads, administrators and themselves."""
    return answer(event_deliveries(viewer(), visible_event(viewer(), path.uid)))


def event_shape(entry: Entry) -> EventShape:
    """An event as the API shows it."""
    event = entry.event
    robot = ROBOTS.get(event.actor_kind, GONE).name
    return EventShape(
        uid=event.uid,
        seq=event.seq,
        subject=event.subject,
        action=event.action,
        family=entry.action.family.value,
        actor=ActorShape(
            kind=event.actor_kind,
            username=entry.actor_username,
            name=entry.actor_name or robot,
        ),
        issue=entry.issue_key,
        project=entry.project_key,
        metadata=entry.action.model_dump(mode="json", by_alias=True, exclude_none=True),
        cause=entry.cause_uid,
        depth=event.depth,
        batch=event.batch_id,
        quiet=event.quiet,
        created_at=event.created_at,
    )


def _only(query: EventListing) -> Only:
    if query.family is not None and query.family not in FAMILIES:
        raise Invalid(
            f"There is no family “{query.family}”. There are: {', '.join(FAMILIES)}", field="family"
        )
    if query.action is not None and query.action not in ACTION_NAMES:
        raise Invalid(f"There is no action “{query.action}”", field="action")
    return Only(
        project=visible_project(viewer(), query.project) if query.project is not None else None,
        family=Family(query.family) if query.family is not None else None,
        action=query.action,
        actor=_person(query.actor) if query.actor is not None else None,
    )


def _person(username: str) -> User:
    try:
        return visible_person(username)
    except NotFound:
        raise Invalid(f"There is nobody called “{username}”", field="actor") from None


def _place(cursor: str, field: str) -> tuple[int, int]:
    try:
        xid, event_id = decode_cursor(cursor, int, int)
    except Invalid as error:
        raise Invalid(error.message, field=field) from error
    return xid, event_id
