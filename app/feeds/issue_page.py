"""Everything the page of one issue shows, gathered with a fixed number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, String, and_, bindparam, case, cast, func, literal, select, union_all
from sqlalchemy.orm import aliased

from app.accounts.user import User
from app.accounts.viewer import Viewer
from app.db import rows
from app.events.action import IssueRef
from app.feeds import queries as feed_queries
from app.feeds.consequences import hang
from app.feeds.elsewhere import Elsewhere, elsewhere
from app.feeds.grouping import Day, Item, by_day, fold
from app.feeds.lines import Line
from app.feeds.queries import IssueFeed
from app.issues.issue import Issue, IssueAssignee
from app.issues.label import IssueLabel, Label
from app.issues.milestone import Milestone
from app.issues.queries import Chip, Face
from app.issues.subscription import Subscription
from app.issues.visit import Visit
from app.issues.workflow import Step, allowed_steps
from app.projects.membership import Membership
from app.projects.policy import Right, Standing, rights
from app.sync.connection import SyncConnection
from app.sync.link import SyncLink

FACES = 8
"""How many watchers are drawn; the rest is a number."""
FILTERS = ("all", "comments", "changes")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the reader stands towards an issue: rights, whether they watch it, how far they have read it."""

    granted: frozenset[Right]
    watches: bool = False
    seen_seq: int | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Watching:
    """Who watches the issue: a few of them, how many, and whether the reader does."""

    people: Sequence[Face]
    count: int
    me: bool


@dataclass(frozen=True, slots=True)
class External:
    """The place elsewhere an issue is kept the same with; without a number it is on its way there."""

    place: str
    number: int | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """The panel beside an issue: what it is now and what the reader may do with it."""

    issue: Issue
    granted: frozenset[Right]
    steps: Sequence[Step]
    labels: Sequence[Chip]
    assignees: Sequence[Face]
    watching: Watching
    external: External | None = None
    milestone: str | None = None
    parent: IssueRef | None = None
    linkable: str | None = None
    """The repository the issue could be linked with."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A stretch of the feed with its headings, and where it begins and ends."""

    items: list[Item]
    first_seq: int
    last_seq: int
    earlier: int
    only: str = "all"
    day: str = ""
    followed: Sequence[Elsewhere] = ()
    """What followed on other issues from lines that stand above these."""

    def last_day(self, zone: str) -> str:
        """The day of the last line in the reader's zone, 2026-11-20; that of the page before when there is none."""
        lines = [item for item in self.items if isinstance(item, Line)]
        return lines[-1].at.astimezone(ZoneInfo(zone)).date().isoformat() if lines else self.day


def place_of(issue: Issue, viewer: Viewer) -> Place:
    """Where the viewer stands. One query; none for visitors."""
    if viewer.user_id is None:
        return Place(rights(viewer, issue.project))
    [me] = rows(_PLACE, viewer_id=viewer.user_id, issue_id=issue.id, project_id=issue.project_id)
    standing = Standing.admin if viewer.is_admin else Standing(me.role or Standing.stranger)
    granted = rights(viewer, issue.project, standing)
    return Place(granted, me.muted is not None and not me.muted, me.seen_seq, me.seen_at)


def side(issue: Issue, place: Place) -> Side:
    """The side panel. One query."""
    found = rows(_SIDE, issue_id=issue.id, project_id=issue.project_id)
    watchers = [row for row in found if row.what == "watcher"]
    there = next((row for row in found if row.what == "external"), None)
    linked = there is not None and there.more != "off"
    return Side(
        issue=issue,
        granted=place.granted,
        steps=allowed_steps(issue) if Right.triage in place.granted else [],
        labels=[Chip(row.id, row.name, row.more) for row in found if row.what == "label"],
        assignees=[Face(row.id, row.more, row.name) for row in found if row.what == "assignee"],
        watching=Watching(
            [Face(row.id, row.more, row.name) for row in watchers],
            watchers[0].of if watchers else 0,
            place.watches,
        ),
        external=External(there.name, there.id, there.more) if there and linked else None,
        milestone=next((row.name for row in found if row.what == "milestone"), None),
        parent=next((_parent(issue, row) for row in found if row.what == "parent"), None),
        linkable=next((row.name for row in found if row.what == "tracker"), None) if not linked else None,
    )


def _parent(issue: Issue, row: Row[Any]) -> IssueRef:
    return IssueRef(id=row.id, key=f"{issue.project.key}-{row.more}", title=row.name)


_PLACE = (
    select(Membership.role, Subscription.muted, Visit.seen_seq, Visit.seen_at)
    .select_from(User)
    .outerjoin(
        Membership, and_(Membership.user_id == User.id, Membership.project_id == bindparam("project_id"))
    )
    .outerjoin(
        Subscription, and_(Subscription.user_id == User.id, Subscription.issue_id == bindparam("issue_id"))
    )
    .outerjoin(Visit, and_(Visit.user_id == User.id, Visit.issue_id == bindparam("issue_id")))
    .where(User.id == bindparam("viewer_id"))
)


def _beside(what: str, order: Sequence[Any], key: Any, name: Any, more: Any) -> Select[*tuple[Any, ...]]:
    """A part of the panel: its rows, their place in it, and how many there are."""
    return select(
        literal(what).label("what"),
        key.label("id"),
        name.label("name"),
        more.label("more"),
        func.row_number().over(order_by=order).label("place"),
        func.count().over().label("of"),
    )


def _panel() -> Select[*tuple[Any, ...]]:
    labels = (
        _beside("label", [func.lower(Label.name)], Label.id, Label.name, Label.color)
        .join(IssueLabel, IssueLabel.label_id == Label.id)
        .where(IssueLabel.issue_id == bindparam("issue_id"))
    )
    assignees = (
        _beside("assignee", [User.name, User.id], User.id, User.name, User.username)
        .join(IssueAssignee, IssueAssignee.user_id == User.id)
        .where(IssueAssignee.issue_id == bindparam("issue_id"))
    )
    watchers = (
        _beside("watcher", [Subscription.created_at, User.id], User.id, User.name, User.username)
        .join(Subscription, Subscription.user_id == User.id)
        .where(Subscription.issue_id == bindparam("issue_id"), Subscription.muted.is_(False))
        .order_by("place")
        .limit(FACES)
    )
    address = case((SyncLink.ended_at.is_not(None), "off"), else_=SyncLink.url)
    external = (
        _beside("external", [SyncLink.id], SyncLink.number, SyncConnection.repository, address)
        .join(SyncConnection, SyncConnection.id == SyncLink.connection_id)
        .where(SyncLink.issue_id == bindparam("issue_id"))
    )
    tracker = _beside(
        "tracker", [SyncConnection.id], SyncConnection.id, SyncConnection.repository, SyncConnection.uid
    ).where(SyncConnection.project_id == bindparam("project_id"))
    itself = aliased(Issue)
    milestone = (
        _beside("milestone", [Milestone.id], Milestone.id, Milestone.name, Milestone.name)
        .join(itself, itself.milestone_id == Milestone.id)
        .where(itself.id == bindparam("issue_id"))
    )
    parent = (
        _beside("parent", [Issue.id], Issue.id, Issue.title, cast(Issue.number, String))
        .join(itself, itself.parent_id == Issue.id)
        .where(Issue.deleted_at.is_(None))
        .where(itself.id == bindparam("issue_id"))
    )
    parts = (labels, assignees, select(watchers.subquery()), external, tracker, milestone, parent)
    whole = union_all(*parts).subquery()
    return select(whole).order_by(whole.c.what, whole.c.place)


_SIDE = _panel()


def opening_feed(issue: Issue, viewer: Viewer, place: Place, *, only: str) -> Feed:
    """The end of the feed as the page first shows it, with what is new since the reader's last visit."""
    found = feed_queries.latest(issue, only=only)
    since: datetime | None = None
    if place.seen_seq is not None and place.seen_seq < issue.event_seq:
        since = place.seen_at
        for line in found.lines:
            line.fresh = line.seq > place.seen_seq and line.doer.user_id != viewer.user_id
    return _feed(found, viewer, only, since)


def earlier_feed(issue: Issue, viewer: Viewer, *, before: int, only: str) -> Feed:
    """The stretch before a number."""
    return _feed(feed_queries.before(issue, before, only=only), viewer, only, None)


def later_feed(issue: Issue, viewer: Viewer, *, after: int, only: str, day: str) -> Feed:
    """What arrived after a number: not folded, since each line arrives by itself. `day` is that of the last line
    on the page (2026-11-20), so that a new day gets its heading."""
    found = feed_queries.after(issue, after, only=only)
    followed = _tell_elsewhere(found, viewer)
    for line in found.lines:
        line.fresh = line.doer.user_id != viewer.user_id
    items = by_day(hang(viewer, found.lines), viewer.zone)
    if items and isinstance(items[0], Day) and items[0].date.isoformat() == day:
        items = items[1:]
    return Feed(items, found.first_seq, found.last_seq, 0, only, day, followed)


def _feed(found: IssueFeed, viewer: Viewer, only: str, since: datetime | None) -> Feed:
    _tell_elsewhere(found, viewer)
    items = by_day(fold(hang(viewer, found.lines)), viewer.zone, new_since=since)
    return Feed(items, found.first_seq, found.last_seq, found.earlier, only)


def _tell_elsewhere(found: IssueFeed, viewer: Viewer) -> list[Elsewhere]:
    """Put what followed on other issues on its lines; returns that of lines which stand above these."""
    led = elsewhere(viewer, found.leads)
    for line in found.lines:
        line.elsewhere = led.pop(line.id, None)
    return list(led.values())
