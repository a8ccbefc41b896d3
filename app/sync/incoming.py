"""What happens on GitHub comes here: by a call of GitHub's or by asking, both end in the same two functions.

What is told may be old, repeated, our own, or out of order: all of it is compared with what both sides agreed on, and
what is no news changes nothing.
"""

from sqlalchemy import select

from app import clock
from app.context import cause, caused_by
from app.db import begin_write, db
from app.events.external_actions import ExternalChanged
from app.events.recording import record_event
from app.issues.comment import Comment, add_comment, delete_comment, edit_comment
from app.issues.issue import Opening, open_issue
from app.projects.project import Project
from app.sync import local
from app.sync.conflicts import winner
from app.sync.connection import SYNC, SyncConnection, locked
from app.sync.exchange import comment_conflict, reconcile
from app.sync.github import GitHub
from app.sync.link import SyncComment, SyncLink, comment_from, join, link_numbered, want
from app.sync.marks import digest, header, with_header, without_header
from app.sync.payload import RemoteComment, RemoteIssue

DELETED = "the issue was deleted here"


def hear_issue(
    connection: SyncConnection, remote: RemoteIssue, hub: GitHub, *, who: str | None, base_url: str
) -> str:
    """GitHub says how an issue is now; returns what was done in words."""
    link = link_numbered(connection, remote.number)
    if link is not None and link.ended_at is not None:
        return "it was unlinked"
    if link is not None and local.is_deleted(link.issue_id):
        return DELETED
    if link is not None:
        if link.theirs_at is not None and remote.updated_at < link.theirs_at:
            return "older than what is known here"
        if _may_be_old(connection, link, remote):
            db.session.commit()
            remote = hub.issue(remote.number)
        return reconcile(connection, link.id, remote, hub, who=who, base_url=base_url)
    return _why_not(connection, remote) or _open(connection, remote)


def _may_be_old(connection: SyncConnection, link: SyncLink, remote: RemoteIssue) -> bool:
    """Whether it matters how the issue is there by now, and not how it was when GitHub said so.

    Told within the second of another change: which came last? And ours goes there on top of what is there now, and so
    does what went there while the answer got lost.
    """
    if link.sent is not None:
        return True
    told = remote.updated_at == link.theirs_at and local.theirs(remote, connection).base() != link.base
    return told or local.ours(local.issue_with_project(link.issue_id), connection).base() != link.base


def _why_not(connection: SyncConnection, remote: RemoteIssue) -> str | None:
    """Why an issue that is not linked stays there."""
    if remote.is_pull:
        return "a pull request is no issue here"
    if not connection.takes:
        return "changes only go to GitHub"
    if remote.mark is not None and _is_ours(connection, remote):
        return "ours; its own delivery finishes it"
    return None if _is_chosen(connection, remote) else "not among the issues that are kept the same"


def hear_comment(connection: SyncConnection, remote: RemoteComment, hub: GitHub, *, who: str | None) -> str:
    """GitHub says how a comment is now."""
    link = link_numbered(connection, remote.number)
    if link is None or link.ended_at is not None or local.is_deleted(link.issue_id):
        return "its issue is not linked, or was deleted here"
    row = comment_from(link, remote.id) or _lost(link, remote)
    if row is not None:
        if row.theirs_at is not None and remote.updated_at < row.theirs_at:
            return "older than what is known here"
        if row.sent is not None or (remote.updated_at == row.theirs_at and digest(remote.body) != row.base):
            db.session.commit()
            remote = hub.comment(remote.id)
        return _rewrite(connection, link, row, remote, who)
    if not connection.takes:
        return "changes only go to GitHub"
    if not remote.body:
        return "an empty comment"
    return _say(connection, link, remote)


def hear_comment_gone(connection: SyncConnection, remote: RemoteComment) -> str:
    """Somebody removed a comment there."""
    link = link_numbered(connection, remote.number)
    row = comment_from(link, remote.id) if link is not None else None
    if link is None or row is None or link.ended_at is not None or not connection.takes:
        return "nothing of it is here"
    if local.is_deleted(link.issue_id):
        return DELETED
    begin_write()
    issue = local.issue_locked(link.issue_id, connection.project_id)
    comment = db.session.get_one(Comment, row.comment_id, populate_existing=True)
    db.session.delete(db.session.get_one(SyncComment, row.id))
    if comment.deleted_at is None:
        delete_comment(issue, comment, author=None, actor=SYNC)
    _note_taken(connection)
    db.session.commit()
    return "took the comment back"


def _is_ours(connection: SyncConnection, remote: RemoteIssue) -> bool:
    """Made by us, and the answer is still on its way or was lost."""
    query = select(SyncLink.id).where(
        SyncLink.connection_id == connection.id, SyncLink.mark == remote.mark, SyncLink.number.is_(None)
    )
    return db.session.scalar(query) is not None


def _is_chosen(connection: SyncConnection, remote: RemoteIssue) -> bool:
    if connection.choice == "label":
        return connection.label.lower() in {name.lower() for name in remote.labels}
    return connection.choice == "all"


def _open(connection: SyncConnection, remote: RemoteIssue) -> str:
    body = local.written(remote.body)
    begin_write()
    query = select(Project).where(Project.id == connection.project_id).with_for_update()
    project = db.session.scalars(query.execution_options(populate_existing=True)).one()
    if link_numbered(connection, remote.number) is not None:
        db.session.rollback()
        return "linked meanwhile"
    names = frozenset(name.lower() for name in remote.labels)
    people = [person for login in remote.assignees if (person := local.person_called(connection, login))]
    opening = Opening(
        title=remote.title,
        description=body,
        labels=tuple(local.labels_named(project, names, remote.labels)),
        assignees=tuple(dict.fromkeys(people)),
    )
    reporter = local.person_called(connection, remote.author)
    issue = open_issue(project, opening, reporter=reporter, actor=SYNC)
    link = want(connection, issue, uid="")
    link.mark = ""
    join(link, connection, issue, number=remote.number, url=remote.url, author=remote.author)
    link.theirs_at = remote.updated_at
    link.base = local.ours(issue, connection).base()
    if remote.state == "closed":
        local.take(issue, connection, {"state": "closed"}, remote, body)
        link.base = link.base | {"state": "closed"}
    _note_taken(connection)
    db.session.commit()
    return f"opened {project.key}-{issue.number}"


def _lost(link: SyncLink, remote: RemoteComment) -> SyncComment | None:
    """One of ours whose answer was lost, known by its mark."""
    if remote.mark is None:
        return None
    query = select(SyncComment).where(
        SyncComment.link_id == link.id, SyncComment.mark == remote.mark, SyncComment.external_id.is_(None)
    )
    row = db.session.scalar(query)
    if row is None:
        return None
    begin_write()
    row = db.session.get_one(SyncComment, row.id, populate_existing=True)
    row.external_id = row.external_id or remote.id
    db.session.commit()
    return row


def _say(connection: SyncConnection, link: SyncLink, remote: RemoteComment) -> str:
    """A comment somebody wrote there. Who has no account here is named in its first line, and gets none."""
    author = local.person_called(connection, remote.author)
    head = "" if author else header(remote.author, remote.url)
    text = local.written(with_header(head, remote.body))
    begin_write()
    issue = local.issue_locked(link.issue_id, connection.project_id)
    if comment_from(link, remote.id) is not None:
        db.session.rollback()
        return "written meanwhile"
    comment = add_comment(issue, text, author=author, actor=SYNC)
    db.session.add(
        SyncComment(
            link_id=link.id,
            comment_id=comment.id,
            external_id=remote.id,
            header=head,
            base=digest(remote.body),
            theirs_at=remote.updated_at,
        )
    )
    _note_taken(connection)
    db.session.commit()
    return "took the comment"


def _rewrite(
    connection: SyncConnection, link: SyncLink, row: SyncComment, remote: RemoteComment, who: str | None
) -> str:
    comment = db.session.get_one(Comment, row.comment_id, populate_existing=True)
    mine = without_header(row.header, comment.body)
    base = row.agreed(remote.body)
    if digest(remote.body) == base or not connection.takes or comment.deleted_at is not None:
        return "no news"
    text = local.written(with_header(row.header, remote.body))
    clash = digest(mine) != base and mine != remote.body
    moment = comment.edited_at or comment.created_at
    newer = moment.replace(microsecond=0) >= remote.updated_at
    kept = winner(connection.direction, ours_is_newer=lambda: newer) if clash else "theirs"
    begin_write()
    issue = local.issue_locked(link.issue_id, connection.project_id)
    comment = db.session.get_one(Comment, row.comment_id, populate_existing=True)
    row = db.session.get_one(SyncComment, row.id, populate_existing=True)
    row.agree(remote.body, remote.updated_at)
    if clash:
        said = comment_conflict(
            connection, remote.number, remote.url, ours=mine, theirs=remote.body, kept=kept
        )
        record_event(issue, said, actor=SYNC)
    if kept == "theirs" and text.source and text.source != comment.body:
        place = {"external_id": f"{connection.repository}#{remote.number}", "url": remote.url}
        heard = record_event(
            issue,
            ExternalChanged(
                provider="github",
                fields=("comment",),
                external_actor=who,
                external_at=remote.updated_at.isoformat(),
                **place,
            ),
            actor=SYNC,
        )
        assert heard is not None
        with caused_by(event_id=heard.id, root_id=cause().root_id or heard.id, depth=cause().depth + 1):
            edit_comment(issue, comment, text, version=comment.version, actor=SYNC)
    _note_taken(connection)
    db.session.commit()
    return "took the comment" if kept == "theirs" else "kept ours"


def _note_taken(connection: SyncConnection) -> None:
    same = locked(connection.id)
    if same is not None:
        same.last_in_at = clock.now()
