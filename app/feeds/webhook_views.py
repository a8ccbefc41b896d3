"""Project settings > Webhooks > one: what it was sent, what it answered, and sending again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from app import clock
from app.accounts.current import signed_in, viewer
from app.accounts.queries import person_for_change
from app.accounts.user import User
from app.db import begin_write, db
from app.errors import Conflict
from app.events.event import Event
from app.events.webhook_actions import WHY_OFF
from app.events.wording import plain
from app.feeds.lines import lines_query, read_lines
from app.feeds.receipts import duration
from app.inboxes.webhook_repair import missed_counts, redeliver, redeliver_failed, send_held
from app.web.filters import plural
from app.web.paging import decode_cursor, encode_cursor
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page
from app.webhooks.attempt import Attempt
from app.webhooks.endpoint import Endpoint
from app.webhooks.queries import attempts_of, endpoint_for_change
from app.webhooks.views import of_project, path_of

blueprint = Blueprint(
    "webhook_log", __name__, url_prefix="/projects/<key>/settings/webhooks/<int:endpoint_id>"
)
SINCE = {"1": "an hour ago", "24": "yesterday", "168": "a week ago", "720": "30 days ago"}
"""Hours -> in words: what can be sent again at once."""


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt with the sentence of its event."""

    attempt: Attempt
    uid: str
    words: str


@blueprint.get("")
@signed_in
def show(key: str, endpoint_id: int) -> Response:
    """One endpoint with the log of its attempts, the newest first."""
    return _page(key, endpoint_id)


@blueprint.post("/redeliver")
@signed_in
def send_again(key: str, endpoint_id: int) -> AnyResponse:
    """Send one event again, under the same webhook-id."""
    uid = request.form.get("event", "")[:40]

    def verb(endpoint: Endpoint, me: User) -> str:
        redeliver(endpoint, uid, by=me, actor=viewer().actor)
        return "Sent again"

    return _change(key, endpoint_id, verb)


@blueprint.post("/redeliver-failed")
@signed_in
def send_failed_again(key: str, endpoint_id: int) -> AnyResponse:
    """Send everything again that failed since a time."""
    hours = request.form.get("hours", "")
    since = clock.now() - timedelta(hours=int(hours) if hours in SINCE else 24)

    def verb(endpoint: Endpoint, me: User) -> str:
        number = redeliver_failed(endpoint, since=since, by=me, actor=viewer().actor)
        return f"{plural(number, 'event')} sent again"

    return _change(key, endpoint_id, verb)


@blueprint.post("/send-held")
@signed_in
def send_what_was_held(key: str, endpoint_id: int) -> AnyResponse:
    """Send what was held while it was off."""

    def verb(endpoint: Endpoint, me: User) -> str:
        number = send_held(endpoint, by=me, actor=viewer().actor)
        return f"{plural(number, 'event')} on the way"

    return _change(key, endpoint_id, verb)


def _change(key: str, endpoint_id: int, verb: Callable[[Endpoint, User], str]) -> AnyResponse:
    standing = of_project(key, endpoint_id)
    user_id = viewer().user_id or 0
    begin_write()
    endpoint, _project = endpoint_for_change(viewer(), endpoint_id)
    try:
        done = verb(endpoint, person_for_change(user_id))
        db.session.commit()
    except Conflict as error:
        db.session.rollback()
        return _page(key, endpoint_id, error)
    toast_next_page(done)
    return see_other(request.form.get("next") or path_of(standing.project, endpoint_id))


def _page(key: str, endpoint_id: int, error: Conflict | None = None) -> Response:
    standing = of_project(key, endpoint_id)
    cursor = request.args.get("cursor")
    before = decode_cursor(cursor, int)[0] if cursor else None
    found, more = attempts_of(standing.endpoint, before=before)
    return render(
        "webhooks/show.html",
        status=error.status if error else 200,
        place=standing.project,
        project=standing.project,
        section="webhooks",
        standing=standing,
        endpoint=standing.endpoint,
        missed=missed_counts([endpoint_id])[endpoint_id],
        tries=_with_words(found),
        cursor=encode_cursor(more) if more else None,
        refused=error.message if error else None,
        since=SINCE,
        why_off=WHY_OFF,
        duration=duration,
        now=clock.now(),
    )


def _with_words(found: list[tuple[Attempt, Event]]) -> list[Try]:
    ids = {event.id for _attempt, event in found}
    lines = {line.id: line for line in read_lines(lines_query().where(Event.id.in_(ids)))} if ids else {}
    tries = []
    for attempt, event in found:
        line = lines[event.id]
        key = line.issue.key if line.issue else None
        words = f"{line.doer.name} {plain(line.parts, issue=key, quotes=False)}"
        tries.append(Try(attempt, event.uid, words))
    return tries
