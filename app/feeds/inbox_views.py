"""The person's inbox: read it, put things away, mark them. Every act is a plain form and has an Undo."""

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from app.accounts.current import signed_in, user, viewer
from app.db import begin_write, db
from app.errors import Invalid, NotFound
from app.feeds.inbox import (
    TABS,
    InboxPage,
    Reading,
    Tab,
    inbox_counts,
    inbox_page,
    reading,
    unread_issue_ids,
)
from app.notifications.notification import mark_done, mark_read
from app.web.filters import plural
from app.web.paging import decode_cursor, encode_cursor
from app.web.redirects import see_other
from app.web.render import render
from app.web.toasts import toast_next_page

blueprint = Blueprint("inbox", __name__, url_prefix="/inbox")
MOST = 200
"""Issues one form may speak of."""


@blueprint.get("")
@signed_in
def show() -> Response:
    """One row for each issue, and beside it what is new on the one that was chosen (else on the first)."""
    seq = user().feed_seq
    tab = _tab()
    page = inbox_page(viewer(), tab, after=_after())
    chosen = request.args.get("issue", "")
    open_one = _reading(tab, chosen, page)
    return render(
        "feeds/inbox.html",
        fragment="letters",
        tab=tab,
        rows=page.rows,
        counts=inbox_counts(viewer()),
        cursor=encode_cursor(page.next) if page.next else None,
        chosen=bool(chosen and open_one),
        reading=open_one,
        following=_following(page, open_one),
        here=_address(tab, issue=chosen, cursor=request.args.get("cursor", "")),
        topic=f"user:{viewer().user_id}",
        seq=seq,
    )


@blueprint.post("/done")
@signed_in
def done() -> AnyResponse:
    """Put issues away, or with `undo` bring them back."""
    undo = "undo" in request.form
    return _change(
        lambda ids: mark_done(viewer().user_id or 0, ids, done=not undo),
        "/inbox/done",
        "{} back in the inbox" if undo else "{} done",
        undo=undo,
    )


@blueprint.post("/read")
@signed_in
def read() -> AnyResponse:
    """Mark issues as read, or with `undo` the newest of each as unread; `all` is every unread one."""
    undo = "undo" in request.form
    return _change(
        lambda ids: mark_read(viewer().user_id or 0, ids, read=not undo),
        "/inbox/read",
        "{} unread again" if undo else "{} read",
        undo=undo,
    )


def _change(verb: Callable[[Sequence[int]], None], path: str, said: str, *, undo: bool) -> AnyResponse:
    everything = "all" in request.form
    asked = [] if everything else _issue_ids()
    begin_write()
    ids = list(unread_issue_ids(viewer())) if everything else asked
    verb(ids)
    db.session.commit()
    words = said.format(plural(len(ids), "issue"))
    back = request.form.get("next") or "/inbox"
    if undo or not ids or len(ids) > MOST:
        toast_next_page(words)
    else:
        fields = {"issue": ",".join(map(str, ids)), "undo": "1", "next": back}
        toast_next_page(words, undo_path=path, **fields)
    return see_other(back)


def _issue_ids() -> list[int]:
    sent = [part for value in request.form.getlist("issue") for part in value.split(",") if part]
    if not sent or len(sent) > MOST:
        raise Invalid(f"Choose between one and {MOST} issues", field="issue")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in sent):
        raise Invalid("An issue is named by its number here", field="issue")
    return [int(part) for part in sent]


def _tab() -> Tab:
    asked = request.args.get("tab", "unread")
    return next((tab for tab in TABS if tab == asked), "unread")


def _after() -> int | None:
    cursor = request.args.get("cursor")
    if not cursor:
        return None
    last: int = decode_cursor(cursor, int)[0]
    return last


def _reading(tab: Tab, chosen: str, page: InboxPage) -> Reading | None:
    """The issue that was asked for, if anything is known of it under this tab; else the first row's."""
    for key in [chosen, *(row.issue.key for row in page.rows[:1])]:
        if not key:
            continue
        try:
            found = reading(viewer(), tab, key)
        except NotFound:
            continue
        if found:
            return found
    return None


def _following(page: InboxPage, open_one: Reading | None) -> str:
    """The key of the issue that is read next once this one is done."""
    keys = [row.issue.key for row in page.rows]
    if open_one is None or open_one.issue.key not in keys:
        return ""
    place = keys.index(open_one.issue.key)
    rest = [*keys[place + 1 :], *keys[:place][::-1]]
    return rest[0] if rest else ""


def _address(tab: Tab, **more: str) -> str:
    query = urlencode({"tab": tab, **{name: value for name, value in more.items() if value}})
    return f"/inbox?{query}"
