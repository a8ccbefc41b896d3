"""Replays: past events offered to an inbox again, counted first. For administrators."""

from datetime import UTC, datetime
from typing import Any, Literal, cast

from flask import Response
from pydantic import Field

from app import clock
from app.api.blueprint import blueprint
from app.api.entry import caller, viewer
from app.api.idempotency import answer, begin, done
from app.api.inboxes import TAGS, InboxAddress, known_inbox
from app.api.parameters import BIGGEST_ID, Body, Listing
from app.api.shapes import Moment, Page, Shape
from app.errors import Invalid
from app.inboxes.replay import Wish, cancel, count, sentences, start
from app.inboxes.replays import Shown, recent, replay_of
from app.projects.policy import require_admin
from app.projects.queries import visible_project
from app.web.paging import encode_cursor

_TIME: dict[str, Any] = {"format": "date-time"}


class ReplayAddress(InboxAddress):
    """A replay to an inbox."""

    replay_id: int = Field(ge=1, le=BIGGEST_ID)


class NewReplay(Body):
    """Which past events are offered again."""

    since: str = Field(
        max_length=40,
        description="From when on, with its zone: 2026-11-23T14:00:00Z.",
        json_schema_extra=_TIME,
    )
    until: str | None = Field(
        default=None, max_length=40, description="To before when; now when left out.", json_schema_extra=_TIME
    )
    project: str | None = Field(
        default=None, max_length=20, description="The key of a project; all when left out."
    )
    imported: bool = Field(default=False, description="What an import brought in, too.")
    forced: bool = Field(default=False, description="People may be told of what is long past.")
    dry_run: bool = Field(default=True, description="Only count. Say false to do it.")


class ReplayCount(Shape):
    """What the replay would do. Nothing was done."""

    inbox: str
    project: str | None
    since: Moment
    until: Moment
    matching: int
    delivered: int = Field(description="Already delivered: left as they are.")
    under_way: int
    imported: int = Field(description="Brought in by an import and not asked for.")
    to_send: int
    words: str = Field(description="The same as a sentence.")


class ReplayShape(Shape):
    """A replay and how far it has come."""

    id: int
    inbox: str
    project: str | None
    since: Moment
    until: Moment
    imported: bool
    forced: bool
    state: Literal["running", "done", "cancelled"]
    total: int = Field(description="How many were to be sent when it was asked for.")
    done: int
    requested_by: str
    created_at: Moment
    finished_at: Moment | None


class Replays(Page):
    """A page of replays."""

    items: list[ReplayShape]


@blueprint.post(
    "/inboxes/<name>/replays",
    tags=TAGS,
    summary="Replay past events",
    responses={200: ReplayCount, 201: ReplayShape},
)
def replay_to_inbox(path: InboxAddress, body: NewReplay) -> Response:
    """Without `"dry_run": false` it only counts, and answers 200. Else workers do it, bit by bit."""
    require_admin(viewer())
    wish = _wish(known_inbox(path.name).name, body)
    if body.dry_run:
        counted = _counted(wish, body.project)
        begin()
        return done(200, counted)
    begin()
    replay = start(wish, by=caller().owner, actor=viewer().actor)
    return done(201, _shape(replay_of(wish.inbox, replay.id)))


@blueprint.get("/inboxes/<name>/replays", tags=TAGS, summary="Its replays", responses={200: Replays})
def replays(path: InboxAddress, query: Listing) -> Response:
    """The newest first."""
    require_admin(viewer())
    place = query.place(int)
    name = known_inbox(path.name).name
    found = recent(query.limit + 1, inbox=name, before=place[0] if place else None)
    shown = found[: query.limit]
    more = encode_cursor(shown[-1].replay.id) if len(found) > query.limit else None
    return answer(Replays(items=[_shape(one) for one in shown], next_cursor=more))


@blueprint.get(
    "/inboxes/<name>/replays/<int:replay_id>", tags=TAGS, summary="A replay", responses={200: ReplayShape}
)
def one_replay(path: ReplayAddress) -> Response:
    """How far it has come."""
    require_admin(viewer())
    return answer(_shape(replay_of(path.name, path.replay_id)))


@blueprint.delete(
    "/inboxes/<name>/replays/<int:replay_id>", tags=TAGS, summary="Stop a replay", responses={204: None}
)
def stop_replay(path: ReplayAddress) -> Response:
    """What was made due already is delivered. 409 when it has ended."""
    require_admin(viewer())
    begin()
    cancel(replay_of(path.name, path.replay_id).replay.id)
    return done(204)


def _wish(inbox: str, body: NewReplay) -> Wish:
    project = visible_project(viewer(), body.project) if body.project is not None else None
    return Wish(
        inbox=inbox,
        since=_moment(body.since, "since"),
        until=_moment(body.until, "until") if body.until is not None else clock.now(),
        project_id=project.id if project else None,
        imported=body.imported,
        forced=body.forced,
    )


def _moment(text: str, field: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Invalid("Write a date and time with its zone, like 2026-11-23T14:00:00Z", field=field)


def _counted(wish: Wish, project: str | None) -> ReplayCount:
    counted = count(wish)
    return ReplayCount(
        inbox=wish.inbox,
        project=project.upper() if project else None,
        since=wish.since,
        until=wish.until,
        matching=counted.matching,
        delivered=counted.delivered,
        under_way=counted.under_way,
        imported=counted.imported,
        to_send=counted.to_send,
        words=sentences(wish, counted),
    )


def _shape(one: Shown) -> ReplayShape:
    replay = one.replay
    return ReplayShape(
        id=replay.id,
        inbox=replay.inbox,
        project=one.project,
        since=replay.since,
        until=replay.until,
        imported=replay.imported,
        forced=replay.forced,
        state=cast(Literal["running", "done", "cancelled"], replay.state),
        total=replay.total,
        done=replay.done,
        requested_by=one.by.username,
        created_at=replay.created_at,
        finished_at=replay.finished_at,
    )
