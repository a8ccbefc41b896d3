"""Everything the page of one issue shows, gathered with a fixed number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from app.accounts.user import User
from app.accounts.viewer import Viewer
from app.db import db
from app.feeds import queries as feed_queries
from app.feeds.grouping import Day, Item, by_day, fold
from app.feeds.lines import Line
from app.feeds.queries import IssueFeed
from app.issues.issue import Issue
from app.issues.label import Label
from app.issues.queries import assignees_of, labels_of, subscription_of, visit_of
from app.issues.subscription import Subscription
from app.issues.workflow import Step, allowed_steps
from app.projects.policy import Right, rights

FACES = 8
"""How many watchers are drawn; the rest is a number."""
FILTERS = ("all", "comments", "changes")


@dataclass(frozen=True, slots=True)
class Watching:
    """Who watches the issue: a few of them, how many, and whether the reader does."""

    people: Sequence[User]
    count: int
    me: bool


@dataclass(frozen=True, slots=True)
class Side:
    """The panel beside an issue: what it is now and what the reader may do with it."""

    issue: Issue
    granted: frozenset[Right]
    steps: Sequence[Step]
    labels: Sequence[Label]
    assignees: Sequence[User]
    watching: Watching


@dataclass(frozen=True, slots=True)
class Feed:
    """A stretch of the feed with its headings, and where it begins and ends."""

    items: list[Item]
    first_seq: int
    last_seq: int
    earlier: int
    only: str = "all"
    day: str = ""

    def last_day(self, zone: str) -> str:
        """The day of the last line in the reader's zone, 2026-11-20; that of the page before when there is none."""
        lines = [item for item in self.items if isinstance(item, Line)]
        return lines[-1].at.astimezone(ZoneInfo(zone)).date().isoformat() if lines else self.day


def side(issue: Issue, viewer: Viewer) -> Side:
    """The side panel."""
    granted = rights(viewer, issue.project)
    return Side(
        issue=issue,
        granted=granted,
        steps=allowed_steps(issue) if Right.triage in granted else [],
        labels=labels_of([issue.id]).get(issue.id, []),
        assignees=assignees_of([issue.id]).get(issue.id, []),
        watching=watching(issue, viewer),
    )


def watching(issue: Issue, viewer: Viewer) -> Watching:
    """Who watches the issue."""
    counted = func.count().over()
    query = (
        select(User, counted)
        .join(Subscription, Subscription.user_id == User.id)
        .where(Subscription.issue_id == issue.id, Subscription.muted.is_(False))
        .order_by(Subscription.created_at, User.id)
        .limit(FACES)
    )
    rows = db.session.execute(query).all()
    mine = subscription_of(issue, viewer)
    return Watching([row[0] for row in rows], rows[0][1] if rows else 0, mine is not None and not mine.muted)


def opening_feed(issue: Issue, viewer: Viewer, *, only: str) -> Feed:
    """The end of the feed as the page first shows it, with what is new since the reader's last visit."""
    found = feed_queries.latest(issue, only=only)
    visit = visit_of(issue, viewer)
    since: datetime | None = None
    if visit is not None and visit.seen_seq < issue.event_seq:
        since = visit.seen_at
        for line in found.lines:
            line.fresh = line.seq > visit.seen_seq and line.doer.user_id != viewer.user_id
    return _feed(found, viewer, only, since)


def earlier_feed(issue: Issue, viewer: Viewer, *, before: int, only: str) -> Feed:
    """The stretch before a number."""
    return _feed(feed_queries.before(issue, before, only=only), viewer, only, None)


def later_feed(issue: Issue, viewer: Viewer, *, after: int, only: str, day: str) -> Feed:
    """What arrived after a number: not folded, since each line arrives by itself. `day` is that of the last line
    on the page (2026-11-20), so that a new day gets its heading."""
    found = feed_queries.after(issue, after, only=only)
    for line in found.lines:
        line.fresh = line.doer.user_id != viewer.user_id
    items = by_day(found.lines, viewer.zone)
    if items and isinstance(items[0], Day) and items[0].date.isoformat() == day:
        items = items[1:]
    return Feed(items, found.first_seq, found.last_seq, 0, only, day)


def _feed(found: IssueFeed, viewer: Viewer, only: str, since: datetime | None) -> Feed:
    items = by_day(fold(found.lines), viewer.zone, new_since=since)
    return Feed(items, found.first_seq, found.last_seq, found.earlier, only)
