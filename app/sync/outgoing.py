"""What happens here goes to GitHub: the issue is made there when it is not yet, then what differs is exchanged.

Before anything is asked to be made, that we are about to ask is written down. When the answer gets lost it is looked
for by its hidden mark, and not made twice.
"""

from datetime import datetime
from typing import Any

from app import clock
from app.db import begin_write, db
from app.issues.issue import Issue
from app.issues.queries import labels_of
from app.sync import local
from app.sync.connection import SYNC, SyncConnection
from app.sync.exchange import reconcile, to_send
from app.sync.github import EARLIER, MOST_PAGES, GitHub, Gone, Page
from app.sync.link import SyncLink, join, link_of, unlink, want
from app.sync.outgoing_comments import Act, bring_comments, note_sent, send_comment
from app.sync.payload import RemoteIssue, read_issue


def send(connection: SyncConnection, act: Act, hub: GitHub, *, base_url: str) -> str:
    """Bring GitHub up to date; returns what was done in words. Raises what `github` raises."""
    link = link_of(act.issue_id) or _want(connection, act)
    if link.ended_at is not None or local.is_deleted(act.issue_id):
        return "it was unlinked or deleted meanwhile"
    if not link.linked:
        _make(connection, link.id, hub, base_url)
        said = bring_comments(connection, link.id, hub, base_url)
        if act.comment_id is None:
            return said
    link = db.session.get_one(SyncLink, link.id, populate_existing=True)
    try:
        if act.comment_id is not None:
            return send_comment(connection, link, act, hub, base_url)
        assert link.number is not None
        return reconcile(connection, link.id, hub.issue(link.number), hub, base_url=base_url)
    except Gone as gone:
        if act.comment_id is not None and not _issue_is_gone(link, hub):
            return "the comment is not there any more"
        return let_go(connection, link.id, str(gone))


def let_go(connection: SyncConnection, link_id: int, why: str) -> str:
    """The issue is not there any more: ours stays, by itself."""
    db.session.rollback()
    begin_write()
    link = db.session.get(SyncLink, link_id, populate_existing=True)
    if link is None:
        db.session.rollback()
        return "it is not linked any more"
    issue = local.issue_locked(link.issue_id, connection.project_id)
    if issue.deleted_at is not None:
        db.session.rollback()
        return "the issue was deleted here"
    unlink(link, connection, issue, why=why, actor=SYNC, gone=True)
    db.session.commit()
    return f"unlinked: {why[0].lower()}{why[1:]}"


def _issue_is_gone(link: SyncLink, hub: GitHub) -> bool:
    assert link.number is not None
    try:
        hub.issue(link.number)
    except Gone:
        return True
    return False


def _want(connection: SyncConnection, act: Act) -> SyncLink:
    begin_write()
    issue = local.issue_locked(act.issue_id, connection.project_id)
    link = link_of(act.issue_id) or want(connection, issue, uid=act.event_uid)
    db.session.commit()
    return link


def _make(connection: SyncConnection, link_id: int, hub: GitHub, base_url: str) -> None:
    """Make the issue there, or find what an earlier attempt made."""
    link = db.session.get_one(SyncLink, link_id, populate_existing=True)
    issue = local.issue_with_project(link.issue_id)
    asked, remote = link.asked_at, None
    if asked is not None:
        db.session.commit()
        remote = _find_issue(hub, link.mark, asked)
    if remote is None:
        mine = local.ours(issue, connection)
        fields = {"title": mine.title, "body": mine.body, "labels": mine.labels, "assignees": mine.assignees}
        sent = to_send(fields, issue, link, None, base_url)
        sent["labels"] = _spelled(issue)
        begin_write()
        link = db.session.get_one(SyncLink, link_id, populate_existing=True)
        link.asked_at, link.base = clock.now(), mine.base() | {"state": "open"}
        db.session.commit()
        remote = hub.create_issue(sent)
        agreed = link.base | {"assignees": sorted(set(remote.assignees) & set(connection.names))}
    else:
        agreed = link.base
    _joined(connection, link_id, remote, agreed)
    if not local.issue_with_project(link.issue_id).is_open or asked is not None:
        reconcile(connection, link_id, remote, hub, base_url=base_url)


def _joined(connection: SyncConnection, link_id: int, remote: RemoteIssue, agreed: dict[str, Any]) -> None:
    begin_write()
    link = db.session.get_one(SyncLink, link_id, populate_existing=True)
    issue = local.issue_locked(link.issue_id, connection.project_id)
    join(link, connection, issue, number=remote.number, url=remote.url)
    link.base, link.theirs_at = agreed, remote.updated_at
    note_sent(connection)
    db.session.commit()


def _spelled(issue: Issue) -> list[str]:
    return [chip.name for chip in labels_of([issue.id]).get(issue.id, [])]


def _find_issue(hub: GitHub, mark: str, asked: datetime) -> RemoteIssue | None:
    page: Page | None = hub.issues_since(asked - EARLIER)
    for _ in range(MOST_PAGES):
        if page is None:
            break
        for item in page.items:
            if mark in str(item.get("body")) and (found := read_issue(item)).mark == mark:
                return found
        page = hub.next_page(page)
    return None
