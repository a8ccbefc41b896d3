"""Lists and boards: issues by status, the latest change first, a page at a time.

A page walks through the statuses in order and reads each by its own index, so that the page costs the same however
many issues there are. Numbers beside headings are counted up to a thousand for the same reason.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import contains_eager

from app.accounts.viewer import Viewer
from app.db import db
from app.events.issue_actions import Status
from app.issues.issue import STATUSES, Issue
from app.issues.list_query import listing, wanted_statuses
from app.issues.queries import Card, cards
from app.projects.policy import sees
from app.projects.project import Project

PAGE = 50
LANE = 30
COUNTED = 1_000
"""Beyond this a number reads "999+"."""

Place = tuple[str, datetime, int]
"""(status, updated_at, id) of the last card of a page."""


@dataclass(frozen=True, slots=True)
class Group:
    """The cards of one status on one page."""

    status: Status
    cards: list[Card]
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
    """The page of the list the line asks for. Raises Invalid when the line cannot be understood."""
    query = _base(viewer, line, project)
    found: list[Issue] = []
    statuses = wanted_statuses(line)
    if after is not None and after[0] in statuses:
        statuses = statuses[statuses.index(after[0]) :]
    for status in statuses:
        page = query.where(Issue.status == status)
        if after is not None and status == after[0]:
            page = page.where(tuple_(Issue.updated_at, Issue.id) < tuple_(after[1], after[2]))
        page = page.order_by(Issue.updated_at.desc(), Issue.id.desc()).limit(limit + 1 - len(found))
        found += db.session.scalars(page).all()
        if len(found) > limit:
            break
    last = found[limit - 1] if len(found) > limit else None
    return ListPage(_groups(cards(found[:limit])), (last.status, last.updated_at, last.id) if last else None)


def count(viewer: Viewer, line: str, *, project: Project | None = None) -> int:
    """How many issues the line asks for, counted up to COUNTED."""
    query = _base(viewer, line, project).where(Issue.status.in_(wanted_statuses(line)))
    page = query.with_only_columns(Issue.id).limit(COUNTED).subquery()
    return db.session.scalar(select(func.count()).select_from(page)) or 0


def board(viewer: Viewer, project: Project) -> list[Group]:
    """A lane per status, with its latest LANE cards and how many there are."""
    lanes: dict[str, list[Issue]] = {}
    for status in STATUSES:
        query = _base(viewer, "", project).where(Issue.status == status)
        query = query.order_by(Issue.updated_at.desc(), Issue.id.desc()).limit(LANE)
        lanes[status] = list(db.session.scalars(query))
    drawn = {card.issue.id: card for card in cards([issue for lane in lanes.values() for issue in lane])}
    return [
        Group(
            status,
            [drawn[issue.id] for issue in lanes[status]],
            len(lanes[status])
            if len(lanes[status]) < LANE
            else count(viewer, f"status:{status}", project=project),
        )
        for status in STATUSES
    ]


def _base(viewer: Viewer, line: str, project: Project | None) -> Select[Issue]:
    query = listing(line, viewer, project).join(Issue.project).options(contains_eager(Issue.project))
    return query.where(sees(viewer))


def _groups(found: list[Card]) -> list[Group]:
    groups: dict[str, list[Card]] = {}
    for card in found:
        groups.setdefault(card.issue.status, []).append(card)
    return [Group(status, members) for status, members in groups.items()]  # type: ignore[arg-type]
