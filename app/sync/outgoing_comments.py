"""What is said and unsaid on a linked issue here goes there, each comment once.

Before GitHub is asked to write one, that we are about to ask is written down; a lost answer is looked for by its mark.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app import clock
from app.db import begin_write, db
from app.events.recording import record_event
from app.issues.comment import Comment, edit_comment
from app.issues.issue import Issue
from app.sync import local
from app.sync.conflicts import Side, winner
from app.sync.connection import SYNC, SyncConnection, locked
from app.sync.exchange import comment_conflict
from app.sync.github import EARLIER, MOST_PAGES, GitHub, Gone, Page
from app.sync.link import SyncComment, SyncLink, comment_row, key_of
from app.sync.marks import clean_text, digest, marked, with_header, without_header
from app.sync.payload import RemoteComment, read_comment

MOST_COMMENTS = 200
"""Comments that are brought over when an older issue is linked."""


@dataclass(frozen=True, slots=True)
class Act:
    """What happened here, as plain data."""

    issue_id: int
    event_uid: str
    action: str
    at: datetime
    comment_id: int | None = None


def bring_comments(connection: SyncConnection, link_id: int, hub: GitHub, base_url: str) -> str:
    """What was said before the issue was linked."""
    link = db.session.get_one(SyncLink, link_id, populate_existing=True)
    query = (
        select(Comment.id)
        .where(Comment.issue_id == link.issue_id, Comment.deleted_at.is_(None))
        .order_by(Comment.event_seq)
        .limit(MOST_COMMENTS)
    )
    ids = db.session.scalars(query).all()
    for comment_id in ids:
        _say(connection, link, comment_id, hub, base_url)
    return f"made #{link.number}" + (f" with {len(ids)} comments" if ids else "")


def send_comment(connection: SyncConnection, link: SyncLink, act: Act, hub: GitHub, base_url: str) -> str:
    assert act.comment_id is not None
    row = comment_row(act.comment_id)
    if act.action == "comment_deleted":
        return _take_back(row, hub)
    if row is None or row.external_id is None:
        return _say(connection, link, act.comment_id, hub, base_url)
    return _rewrite(connection, link, row, act, hub, base_url)


def _say(connection: SyncConnection, link: SyncLink, comment_id: int, hub: GitHub, base_url: str) -> str:
    """Write the comment there, or find what an earlier attempt wrote."""
    comment = db.session.get_one(Comment, comment_id, populate_existing=True)
    row = comment_row(comment_id)
    if comment.deleted_at is not None or (row is not None and row.external_id is not None):
        return "nothing to send"
    assert link.number is not None
    text = clean_text(comment.body)
    if row is None:
        begin_write()
        mark = key_of(f"comment-{comment_id}-{link.mark or link.number}", connection.repository)
        row = SyncComment(link_id=link.id, comment_id=comment_id, mark=mark, base=digest(text))
        db.session.add(row)
        db.session.commit()
        remote = None
    else:
        remote = _find_comment(hub, link.number, row.mark, comment.created_at)
    if remote is None:
        remote = hub.create_comment(link.number, _worded(comment, row, link, base_url))
    begin_write()
    row = db.session.get_one(SyncComment, row.id, populate_existing=True)
    row.external_id, row.theirs_at = remote.id, remote.updated_at
    row.base = digest(text) if remote.body == text else digest(remote.body)
    note_sent(connection)
    db.session.commit()
    return "sent the comment"


def _find_comment(hub: GitHub, number: int, mark: str, since: datetime) -> RemoteComment | None:
    page: Page | None = hub.comments_since(since - EARLIER, number=number)
    for _ in range(MOST_PAGES):
        if page is None:
            break
        for item in page.items:
            if mark in str(item.get("body")):
                return read_comment(item)
        page = hub.next_page(page)
    return None


def _worded(comment: Comment, row: SyncComment, link: SyncLink, base_url: str) -> str:
    """The comment as we write it there."""
    issue = local.issue_with_project(link.issue_id)
    text = clean_text(without_header(row.header, comment.body))
    if not row.mark:
        return text
    url = f"{base_url}/issues/{issue.key}#event-{comment.event_seq}"
    return marked(text, mark=row.mark, key=issue.key, who=local.name_of(comment.author_id), url=url)


def _rewrite(
    connection: SyncConnection, link: SyncLink, row: SyncComment, act: Act, hub: GitHub, base_url: str
) -> str:
    """The comment was edited here: tell GitHub, unless it was edited there too and later."""
    comment = db.session.get_one(Comment, row.comment_id, populate_existing=True)
    assert row.external_id is not None
    if comment.deleted_at is not None:
        return "nothing to send"
    mine = clean_text(without_header(row.header, comment.body))
    db.session.commit()
    remote = hub.comment(row.external_id)
    clash = digest(remote.body) != row.agreed(remote.body) and remote.body != mine
    newer = act.at.replace(microsecond=0) >= remote.updated_at
    kept = winner(connection.direction, ours_is_newer=lambda: newer) if clash else "ours"
    known = remote
    if kept == "ours" and remote.body != mine:
        _note_asked(row.id, mine)
        known = hub.change_comment(row.external_id, _worded(comment, row, link, base_url))
    body = local.written(with_header(row.header, remote.body))
    begin_write()
    issue = local.issue_locked(link.issue_id, connection.project_id)
    row = db.session.get_one(SyncComment, row.id, populate_existing=True)
    row.agree(mine if kept == "ours" else remote.body, known.updated_at)
    if clash:
        _say_clash(connection, issue, remote, mine, kept)
    if kept == "theirs":
        edit_comment(issue, comment, body, version=comment.version, actor=SYNC)
    note_sent(connection)
    db.session.commit()
    return "sent the comment" if kept == "ours" else "kept what was written there"


def _note_asked(row_id: int, text: str) -> None:
    """So that we know our own words there when the answer gets lost."""
    begin_write()
    db.session.get_one(SyncComment, row_id, populate_existing=True).sent = digest(text)
    db.session.commit()


def _take_back(row: SyncComment | None, hub: GitHub) -> str:
    if row is None or row.external_id is None:
        return "nothing to take back"
    external_id, row_id = row.external_id, row.id
    db.session.commit()
    try:
        hub.delete_comment(external_id)
    except Gone:
        said = "it was gone already"
    else:
        said = "took the comment back"
    begin_write()
    if (row := db.session.get(SyncComment, row_id)) is not None:
        db.session.delete(row)
    db.session.commit()
    return said


def note_sent(connection: SyncConnection) -> None:
    same = locked(connection.id)
    if same is not None:
        same.last_out_at = clock.now()


def _say_clash(
    connection: SyncConnection, issue: Issue, remote: RemoteComment, mine: str, kept: Side
) -> None:
    said = comment_conflict(connection, remote.number, remote.url, ours=mine, theirs=remote.body, kept=kept)
    record_event(issue, said, actor=SYNC)
