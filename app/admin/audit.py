"""Admin > Audit log: what was administered, by whom and from where; to be searched and carried away."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request

from app.accounts.current import signed_in, viewer
from app.audit.keeping import NAMES
from app.audit.queries import ACTION_NAMES, FAMILY_NAMES, Shown, Wanted, entries, entry, every_entry
from app.errors import Invalid
from app.projects.policy import require_admin
from app.web.paging import decode_cursor, encode_cursor
from app.web.render import render
from app.web.table_export import csv_file, json_file

blueprint = Blueprint("admin_audit", __name__, url_prefix="/admin")
FIELDS = ("actor", "action", "family", "from", "to", "q")
COLUMNS = (
    "number",
    "at",
    "actor",
    "actor_username",
    "actor_kind",
    "action",
    "family",
    "subject",
    "words",
    "address",
    "agent",
    "event_uid",
    "prev_hash",
    "hash",
)


@blueprint.get("/audit")
@signed_in
def index() -> Response:
    """The newest entries that fit the filter."""
    require_admin(viewer())
    said = _said()
    error: Invalid | None = None
    found: list[Shown] = []
    more: int | None = None
    try:
        cursor = request.args.get("cursor")
        below = decode_cursor(cursor, int)[0] if cursor else None
        found, more = entries(_wanted(said), below=below)
    except Invalid as refusal:
        error = refusal
    given = {name: value for name, value in said.items() if value}
    return render(
        "admin/audit.html",
        status=error.status if error else 200,
        entries=found,
        said=said,
        error=error,
        robots=NAMES,
        actions=ACTION_NAMES,
        families=FAMILY_NAMES,
        filter=urlencode(given),
        filtered=bool(given),
        more=urlencode({**given, "cursor": encode_cursor(more)}) if more else None,
    )


@blueprint.get("/audit/<int:number>")
@signed_in
def show(number: int) -> Response:
    """One entry, with everything that is kept of it."""
    require_admin(viewer())
    return render("admin/audit_entry.html", entry=entry(number))


@blueprint.get("/audit.csv")
@signed_in
def as_csv() -> Response:
    """All entries that fit, as a table."""
    require_admin(viewer())
    return csv_file("audit.csv", COLUMNS, _rows(_wanted(_said())))


@blueprint.get("/audit.json")
@signed_in
def as_json() -> Response:
    """All entries that fit, as a list."""
    require_admin(viewer())
    return json_file("audit.json", _rows(_wanted(_said())))


def _rows(wanted: Wanted) -> Iterator[dict[str, Any]]:
    for one in every_entry(wanted):
        row = asdict(one)
        yield {name: row[name] for name in COLUMNS}


def _said() -> dict[str, str]:
    """What the filter says, as it was typed."""
    return {name: request.args.get(name, "").strip()[:100] for name in FIELDS}


def _wanted(said: dict[str, str]) -> Wanted:
    """The filter; days are the reader's own. Raises Invalid with the field."""
    last = _day(said["to"], "to")
    return Wanted(
        actor=said["actor"].removeprefix("@"),
        action=_one_of(said["action"], ACTION_NAMES, "action"),
        family=_one_of(said["family"], FAMILY_NAMES, "family"),
        since=_moment(_day(said["from"], "from")),
        before=_moment(last + timedelta(days=1) if last else None),
        like=said["q"],
    )


def _one_of(value: str, known: list[str], field: str) -> str:
    if value and value not in known:
        raise Invalid(f"There is no {field} {value}", field=field)
    return value


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Invalid("Write the day as 2026-11-23", field=field) from None
    if not 1970 <= day.year <= 9000:
        raise Invalid("Choose a day between 1970 and 9000", field=field)
    return day


def _moment(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), ZoneInfo(viewer().zone)).astimezone(UTC) if day else None
