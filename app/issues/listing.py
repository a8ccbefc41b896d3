"""Lists and boards: issues by status, the latest change first, a page at a time.

A page reads each status by its own index, no more of it than the page can hold, all in one statement: it costs the
same however many issues there are. Numbers beside headings are counted up to a thousand for the same reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    bindparam,
    func,
    literal,
    select,
    tuple_,
    union_all,
)

from app.accounts.viewer import Viewer
from app.db import BigId, UtcDateTime, rows
from app.events.issue_actions import Status
from app.issues.issue import STATUSES, Issue
from app.issues.list_query import conditions, parse, wanted_statuses
from app.issues.milestone import Milestone
from app.issues.queries import Chip, Face, assignees_of, labels_of
from app.projects.policy import Sight, sight, within
from app.projects.project import Project

PAGE = 50
LANE = 30
COUNTED = 1_000
"""Beyond this a number reads "999+"."""
KEPT = 256
"""How many statements are kept: one for each line people filter by."""

Reach = tuple[Sight, bool]
"""How far the viewer sees, and whether only one project is looked at."""
Place = tuple[str, datetime, int]
"""(status, updated_at, id) of the last card of a page."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An issue as lists and boards show it."""

    id: int
    number: int
    key: str
    title: str
    status: Status
    priority: str
    comment_count: int
    updated_at: datetime
    milestone: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A listed issue with its labels and assignees."""

    issue: Listed
    labels: Sequence[Chip]
    assignees: Sequence[Face]


@dataclass(frozen=True, slots=True)
class Group:
    """The cards of one status on one page."""

    status: Status
    cards: list[Listing]
    count: int | None = None


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a list; `next` is the place to go on from, None on the last page."""

    groups: list[Group]
    next: Place | None

    @property
    def is_empty(self) -> bool:
        return not self.groups


def list_page(
    viewer: Viewer,
    line: str,
    *,
    project: Project | None = None,
    after: Place | None = None,
    limit: int = PAGE,
) -> ListPage:
    """The page of the list the line asks for: three queries. Raises Invalid when the line cannot be understood."""
    statuses = tuple(wanted_statuses(line))
    goes_on = after is not None and after[0] in statuses
    if after is not None and goes_on:
        statuses = statuses[statuses.index(after[0]) :]
    if not statuses:
        return ListPage([], None)
    found = rows(
        _page(line, _reach(viewer, project), statuses, goes_on),
        **_values(viewer, project),
        at=after[1] if after else None,
        id=after[2] if after else None,
        most=limit + 1,
        all=limit + 1,
    )
    last = found[limit - 1] if len(found) > limit else None
    return ListPage(
        _groups(_listings(found[:limit])), (last.status, last.updated_at, last.id) if last else None
    )


def open_and_mine(viewer: Viewer, *, limit: int) -> list[Listed]:
    """The reader's open issues, what needs attention first, as lines without labels and faces. One query."""
    page = _page("assignee:@me", _reach(viewer, None), tuple(wanted_statuses("")), False)
    return [_listed(row) for row in rows(page, **_values(viewer, None), most=limit, all=limit)]


def count(viewer: Viewer, line: str, *, project: Project | None = None) -> int:
    """How many issues the line asks for, counted up to COUNTED."""
    query = _count(line, _reach(viewer, project), tuple(wanted_statuses(line)))
    number: int = rows(query, **_values(viewer, project))[0][0]
    return number


def board(viewer: Viewer, project: Project) -> list[Group]:
    """A lane per status, with its latest LANE cards and how many there are: four queries."""
    values = _values(viewer, project)
    reach = _reach(viewer, project)
    found = rows(_page("", reach, STATUSES, False), **values, most=LANE, all=LANE * len(STATUSES))
    numbers = rows(_lane_counts(reach), **values)[0]
    cards = _listings(found)
    return [
        Group(status, [card for card in cards if card.issue.status == status], number)
        for status, number in zip(STATUSES, numbers, strict=True)
    ]


def _reach(viewer: Viewer, project: Project | None) -> Reach:
    return sight(viewer), project is not None


def _values(viewer: Viewer, project: Project | None) -> dict[str, Any]:
    return {"viewer_id": viewer.user_id, "project_id": project.id if project is not None else None}


@lru_cache(KEPT)
def _page(line: str, reach: Reach, statuses: tuple[Status, ...], goes_on: bool) -> Select[Any]:
    """One part for each status: at most `most` rows of each, and `all` together."""
    parts = []
    for place, status in enumerate(statuses):
        query = _issues(line, reach).add_columns(literal(place).label("place")).where(Issue.status == status)
        if goes_on and place == 0:
            last = tuple_(bindparam("at", type_=UtcDateTime), bindparam("id", type_=BigId))
            query = query.where(tuple_(Issue.updated_at, Issue.id) < last)
        query = query.order_by(Issue.updated_at.desc(), Issue.id.desc())
        parts.append(select(query.limit(bindparam("most", type_=Integer)).subquery()))
    whole = union_all(*parts).subquery()
    query = select(whole, Milestone.name.label("milestone"))
    query = query.outerjoin(Milestone, Milestone.id == whole.c.milestone_id).order_by(
        whole.c.place, whole.c.updated_at.desc(), whole.c.id.desc()
    )
    return query.limit(bindparam("all", type_=Integer))


@lru_cache(KEPT)
def _count(line: str, reach: Reach, statuses: tuple[Status, ...]) -> Select[Any]:
    query = select(Issue.id).where(*_where(line, reach), Issue.status.in_(statuses))
    return select(func.count()).select_from(query.limit(COUNTED).subquery())


@cache
def _lane_counts(reach: Reach) -> Select[Any]:
    return select(*(_count("", reach, (status,)).scalar_subquery() for status in STATUSES))


def _issues(line: str, reach: Reach) -> Select[*tuple[Any, ...]]:
    query: Select[*tuple[Any, ...]] = select(
        Issue.id,
        Issue.number,
        Issue.title,
        Issue.status,
        Issue.priority,
        Issue.comment_count,
        Issue.updated_at,
        Issue.milestone_id,
        Project.key.label("project_key"),
    ).join(Project, Project.id == Issue.project_id)
    return query.where(*_where(line, reach))


def _where(line: str, reach: Reach) -> list[ColumnElement[bool]]:
    """What a line asks for but for its statuses, within reach. The rights are asked once, not issue by issue."""
    far, in_one = reach
    seen = select(Project.id).where(within(far))
    if in_one:
        one = seen.where(Project.id == bindparam("project_id")).scalar_subquery()
        place: ColumnElement[bool] = Issue.project_id == one
    else:
        place = Issue.project_id.in_(seen)
    return [place, *conditions(parse(line), bindparam("viewer_id", type_=BigId))]


def _listings(found: Sequence[Row[Any]]) -> list[Listing]:
    ids = [row.id for row in found]
    labels, people = labels_of(ids), assignees_of(ids)
    return [Listing(_listed(row), labels.get(row.id, ()), people.get(row.id, ())) for row in found]


def _listed(row: Row[Any]) -> Listed:
    return Listed(
        row.id,
        row.number,
        f"{row.project_key}-{row.number}",
        row.title,
        row.status,
        row.priority,
        row.comment_count,
        row.updated_at,
        row.milestone,
    )


def _groups(found: Sequence[Listing]) -> list[Group]:
    groups: dict[Status, list[Listing]] = {}
    for card in found:
        groups.setdefault(card.issue.status, []).append(card)
    return [Group(status, members) for status, members in groups.items()]
