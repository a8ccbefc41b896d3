"""What an act led to on other issues: opened ORC-13, closed ORC-14. Said on its line in the feed of its own issue.

Asked only for events that led to something elsewhere, which the query of the feed knows: one query for all of them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, exists, func, select
from sqlalchemy.orm import aliased

from app.accounts.viewer import Viewer
from app.db import rows
from app.events.event import Event
from app.feeds.lines import HIDDEN, is_none_of
from app.issues.issue import Issue
from app.projects.policy import Sight, sight, within
from app.projects.project import Project

NAMED = 3
"""How many are named before it says "and 12 more"."""
WORDS = {
    "created": "opened",
    "closed": "closed",
    "reopened": "reopened",
    "status_changed": "moved",
    "commented": "commented on",
}
"""What was done, before the key of an issue; everything else changed it."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What followed from one event on other issues: words and keys, and how many more there are."""

    seq: int
    uid: str
    done: list[tuple[str, str]]
    more: int


_Follower = aliased(Event)


def leads_elsewhere() -> ColumnElement[bool]:
    """Whether an event led to something on another issue: a column for the queries of a feed."""
    return (
        exists()
        .where(_Follower.cause_id == Event.id, _Follower.issue_id != Event.issue_id)
        .correlate(Event)
        .label("leads_elsewhere")
    )


def elsewhere(viewer: Viewer, cause_ids: Collection[int]) -> dict[int, Elsewhere]:
    """Event -> what followed from it on other issues, as far as the viewer may see it. One query, none for none."""
    if not cause_ids:
        return {}
    found: dict[int, list[Row[Any]]] = {}
    for row in rows(_query(sight(viewer)), causes=list(cause_ids), viewer_id=viewer.user_id):
        found.setdefault(row.cause_id, []).append(row)
    return {cause_id: _told(theirs) for cause_id, theirs in found.items()}


def _told(found: list[Row[Any]]) -> Elsewhere:
    first = found[0]
    done = [(WORDS.get(row.action, "changed"), f"{row.key}-{row.number}") for row in found]
    return Elsewhere(first.cause_seq, first.cause_uid, done, first.of - len(found))


@cache
def _query(far: Sight) -> Select[Any]:
    cause = aliased(Event)
    followed = (
        select(
            Event.cause_id,
            cause.seq.label("cause_seq"),
            cause.uid.label("cause_uid"),
            Event.action,
            Issue.number,
            Project.key,
            func.row_number().over(partition_by=Event.cause_id, order_by=Event.id).label("place"),
            func.count().over(partition_by=Event.cause_id).label("of"),
        )
        .join(cause, cause.id == Event.cause_id)
        .join(Issue, Issue.id == Event.issue_id)
        .join(Project, Project.id == Issue.project_id)
        .where(
            Event.cause_id.in_(bindparam("causes", expanding=True)),
            Event.issue_id != cause.issue_id,
            Issue.deleted_at.is_(None),
            is_none_of(HIDDEN),
            within(far),
        )
        .subquery()
    )
    return select(followed).where(followed.c.place <= NAMED).order_by(followed.c.cause_id, followed.c.place)
