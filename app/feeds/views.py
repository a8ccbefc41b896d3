"""The pages that tell what happened: an issue with its feed, a project, a person, and home."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.current import signed_in, to_sign_in, viewer
from app.errors import Invalid, NotFound
from app.feeds.clusters import Entry, by_issue_and_day
from app.feeds.consequences import hang
from app.feeds.grouping import Item, by_day, fold, fold_batches
from app.feeds.issue_page import FILTERS, Feed, earlier_feed, later_feed, opening_feed, place_of, side
from app.feeds.live_heads import home_topic
from app.feeds.queries import TimelinePage, seen_projects, timeline, visible_person
from app.feeds.receipts import last_receipt
from app.issues.issue import Issue
from app.issues.listing import open_and_mine
from app.issues.queries import visible_issue
from app.issues.sub_issues import sub_issues_of
from app.issues.verbs import about, allowed
from app.projects.policy import Right, rights
from app.projects.queries import visible_project
from app.web.answers import done
from app.web.paging import decode_cursor, encode_cursor
from app.web.render import render, wants_fragment

bp = Blueprint("feeds", __name__)
OWN = 10
"""How many of one's own issues home shows."""


@bp.get("/issues/<key>")
def issue(key: str) -> Response:
    """One issue: what it says, what happened, what can be done."""
    found = visible_issue(viewer(), key)
    if key != found.key:
        return redirect(url_for("feeds.issue", key=found.key), 301)
    place = place_of(found, viewer())
    feed = opening_feed(found, viewer(), place, only=_only())
    panel = side(found, place)
    return render(
        "feeds/issue.html",
        fragment="feed" if "show" in request.args else None,
        place=found.project,
        topics=[f"issue:{found.id}"],
        side=panel,
        subs=sub_issues_of(found),
        only=feed.only,
        receipt=last_receipt(found, viewer()) if viewer().signed_in else None,
        body="",
        error=None,
        can_resolve="resolve" in panel.steps,
        **_issue_feed_context(found, feed, panel.granted),
    )


@bp.get("/issues/<key>/feed")
def issue_feed(key: str) -> Response:
    """A stretch of the feed: what came after a number (for the open page), or what stood before one."""
    try:
        found = visible_issue(viewer(), key)
    except NotFound:
        if not wants_fragment():
            raise
        return done("", reload=True)  # an open page learns that its issue is gone by being loaded anew
    after, before = _number("after"), _number("before")
    if after is not None:
        feed = later_feed(found, viewer(), after=after, only=_only(), day=request.args.get("day", ""))
        panel = side(found, place_of(found, viewer()))
        renewed = feed.last_seq > after and wants_fragment()
        return render(
            "feeds/later.html",
            fragment="later",
            place=found.project,
            side=panel if renewed else None,
            subs=sub_issues_of(found) if renewed else None,
            **_issue_feed_context(found, feed, panel.granted),
        )
    if before is None:
        raise Invalid("Say after or before which event: ?after=12 or ?before=12", field="after")
    feed = earlier_feed(found, viewer(), before=before, only=_only())
    granted = rights(viewer(), found.project)
    return render(
        "feeds/earlier.html",
        fragment="earlier",
        place=found.project,
        **_issue_feed_context(found, feed, granted),
    )


@bp.get("/issues/<key>/deletion")
@signed_in
def ask_to_delete(key: str) -> Response:
    """What will be out of sight when the issue is deleted, what stays, and how it can be brought back."""
    found = allowed(key, Right.moderate)
    panel = side(found, place_of(found, viewer()))
    return render("feeds/deletion.html", place=found.project, external=panel.external, **about(found))


def _issue_feed_context(found: Issue, feed: Feed, granted: frozenset[Right]) -> dict[str, Any]:
    """What the rows and the tail of an issue's feed need."""
    return {
        "feed": feed,
        "day": feed.last_day(viewer().zone),
        "moderates": Right.moderate in granted,
        **about(found),
    }


@bp.get("/projects/<key>/activity")
def project_activity(key: str) -> Response:
    """What happened in a project, newest first."""
    project = visible_project(viewer(), key)
    page = timeline(viewer(), projects=[project.id], cursor=_cursor())
    return render(
        "feeds/project.html",
        fragment="timeline",
        place=project,
        topics=[f"project:{project.id}"],
        project=project,
        **_timeline_context(page, by_issue_and_day(hang(viewer(), page.lines), viewer().zone)),
        topic=f"project:{project.id}",
        seq=project.activity_seq,
    )


@bp.get("/people/<username>")
@signed_in
def person(username: str) -> Response:
    """A person: their page is their activity."""
    return redirect(url_for("feeds.person_activity", username=visible_person(username).username), 303)


@bp.get("/people/<username>/activity")
@signed_in
def person_activity(username: str) -> Response:
    """What a person did in everything the reader may see, newest first; for themselves also what they looked at."""
    found = visible_person(username)
    own = viewer().user_id == found.id or viewer().is_admin
    visits = own and request.args.get("show") == "viewed"
    page = timeline(viewer(), actor=found, cursor=_cursor(), visits=visits)
    lines = page.lines if visits else fold(fold_batches(hang(viewer(), page.lines)))
    return render(
        "feeds/person.html",
        fragment="timeline",
        topics=[f"person:{found.id}"],
        person=found,
        own=own,
        visits=visits,
        **_timeline_context(page, by_day(lines, viewer().zone), "?show=viewed" if visits else ""),
        topic=f"person:{found.id}",
        seq=found.activity_seq,
    )


@bp.get("/")
def home() -> Response:
    """What happened in everything the reader may see, and their own work."""
    if not viewer().signed_in:
        return to_sign_in()
    seen = seen_projects(viewer())
    topic, seq = home_topic(viewer(), seen)
    page = timeline(viewer(), projects=list(seen), cursor=_cursor())
    context = _timeline_context(page, by_issue_and_day(hang(viewer(), page.lines), viewer().zone))
    return render(
        "feeds/home.html",
        fragment="timeline",
        topics=[topic],
        mine=open_and_mine(viewer(), limit=OWN) if context["first"] else [],
        **context,
        topic=topic,
        seq=seq,
    )


def _timeline_context(page: TimelinePage, entries: Sequence[Item | Entry], query: str = "") -> dict[str, Any]:
    """What a feed over many issues needs."""
    return {
        "items": entries,
        "cursor": encode_cursor(*page.next) if page.next else None,
        "first": _cursor() is None,
        "here": request.path + query,
    }


def _only() -> str:
    only = request.args.get("show", "all")
    return only if only in FILTERS else "all"


def _number(name: str) -> int | None:
    value = request.args.get(name)
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise Invalid(f"{name} must be the number of an event", field=name)
    return int(value)


def _cursor() -> tuple[datetime, int] | None:
    cursor: Any = request.args.get("cursor")
    if not cursor:
        return None
    at, event_id = decode_cursor(cursor, datetime, int)
    return at, event_id
