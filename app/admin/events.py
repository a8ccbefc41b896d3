"""Admin > Event log: every event there is, filtered, and taken away as CSV or JSON lines."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request, stream_with_context

from app import clock
from app.accounts.current import signed_in, viewer
from app.admin.asked import Asked, moment, person_id, project_id
from app.admin.event_search import ACTION_NAMES, FAMILIES, KINDS, SCAN, Filter, lines_of, search, stream
from app.events.actions import action_class
from app.feeds.consequences import words
from app.feeds.event_page import ACTED_AS
from app.feeds.lines import Line
from app.projects.policy import require_admin
from app.web.paging import decode_cursor, encode_cursor
from app.web.render import render

blueprint = Blueprint("admin_events", __name__, url_prefix="/admin/events")
FIELDS = ("family", "action", "actor", "kind", "project", "since", "until", "causes")
COLUMNS = (
    *("uid", "created_at", "action", "family", "subject", "project", "issue", "seq"),
    *("actor_kind", "actor", "depth", "batch", "quiet", "hash", "metadata"),
)
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet."""


@blueprint.get("")
@signed_in
def index() -> Response:
    """The log, newest first."""
    require_admin(viewer())
    asked = Asked(request.args.to_dict())
    wanted = _filter(asked)
    cursor = request.args.get("cursor")
    found = search(wanted, before=_place(cursor) if cursor else None)
    kept = {name: asked.typed(name) for name in FIELDS if asked.typed(name)}
    return render(
        "admin/events.html",
        status=asked.status,
        asked=asked,
        lines=lines_of(found.ids),
        family_of=_family_of,
        words=words,
        kept=kept,
        query=urlencode(kept),
        older=urlencode({**kept, "cursor": encode_cursor(*found.next)}) if found.next else None,
        stopped=found.stopped,
        scan=SCAN,
        families=[(one.value, one.value.capitalize()) for one in FAMILIES],
        actions=[(name, name.replace("_", " ")) for name in ACTION_NAMES],
        kinds=[(kind, ACTED_AS.get(kind, kind)) for kind in KINDS],
    )


@blueprint.get("/export.csv")
@signed_in
def export_csv() -> Response:
    """The filtered log as a table, written while it is read."""
    return _export("csv", "text/csv", _as_csv)


@blueprint.get("/export.jsonl")
@signed_in
def export_jsonl() -> Response:
    """The filtered log, one JSON object a line."""
    return _export("jsonl", "application/x-ndjson", _as_lines)


def _family_of(line: Line) -> str:
    """The family of a line's action: the same word on an issue and on a project may belong to two."""
    subject = "issue" if line.issue_id is not None else "project" if line.project_id is not None else "user"
    return action_class(subject, line.action).family.value


def _export(ending: str, kind: str, write: Any) -> Response:
    require_admin(viewer())
    asked = Asked(request.args.to_dict())
    wanted = _filter(asked)
    if asked.errors:
        return Response("\n".join(asked.errors.values()) + "\n", 422, mimetype="text/plain")
    answer = Response(stream_with_context(write(stream(wanted))), mimetype=kind)
    name = f"events-{clock.now():%Y-%m-%d}.{ending}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _as_csv(events: Iterable[dict[str, Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for event in events:
        event["metadata"] = json.dumps(event["metadata"], ensure_ascii=False)
        writer.writerow([cell(event[name]) for name in COLUMNS])
        if buffer.tell() > 60_000:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def cell(value: object) -> str:
    """A value as a spreadsheet may read it: never as a formula."""
    words = "" if value is None else str(value)
    return f"'{words}" if words.startswith(DANGEROUS) else words


def _as_lines(events: Iterable[dict[str, Any]]) -> Iterator[str]:
    for event in events:
        yield json.dumps(event, ensure_ascii=False) + "\n"


def _filter(asked: Asked) -> Filter:
    """The filter of a form. What is no action, family or kind is not asked for."""
    values: dict[str, Any] = {
        "actor_id": asked.read("actor", person_id),
        "project_id": asked.read("project", project_id),
        "since": asked.read("since", moment),
        "until": asked.read("until", moment),
    }
    action, family, kind = asked.typed("action"), asked.typed("family"), asked.typed("kind")
    return Filter(
        action=action if action in ACTION_NAMES else None,
        family=family if family in set(FAMILIES) else None,
        actor_kind=kind if kind in KINDS else None,
        causes_only=bool(asked.typed("causes")),
        nothing=bool(asked.errors),
        **values,
    )


def _place(cursor: str) -> Any:
    return decode_cursor(cursor, datetime, int)
