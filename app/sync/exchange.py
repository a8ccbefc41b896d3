"""Making the two sides of one linked issue the same: the one way, whoever noticed that they differ.

Compare; write down what we are about to ask for; tell GitHub; then write down here what was agreed, with what we take
from there, in one transaction. What changed here between comparing and writing is left for the event that says so.
"""

from typing import Any

from app import clock
from app.context import cause, caused_by
from app.db import begin_write, db
from app.events.external_actions import ExternalChanged, SyncConflicted
from app.events.recording import record_event
from app.issues.issue import Issue
from app.issues.written import NOTHING, excerpt
from app.sync import local
from app.sync.conflicts import WORDS, Merge, State, as_agreed, merge
from app.sync.connection import SYNC, SyncConnection, locked
from app.sync.github import GitHub
from app.sync.link import SyncLink
from app.sync.marks import marked
from app.sync.payload import RemoteIssue


def reconcile(
    connection: SyncConnection,
    link_id: int,
    remote: RemoteIssue,
    hub: GitHub,
    *,
    who: str | None = None,
    base_url: str,
) -> str:
    """Exchange what differs; returns what was done in a few words. `who` changed it there, if that is known."""
    link = db.session.get_one(SyncLink, link_id, populate_existing=True)
    issue = local.issue_with_project(link.issue_id)
    mine = local.ours(issue, connection)
    found = _compare(connection, link, issue, mine, remote)
    body = local.written(found.take["body"]) if "body" in found.take else NOTHING
    db.session.commit()
    if found.push:
        _note_asked(link_id, found)
        remote = hub.change_issue(remote.number, to_send(found.push, issue, link, remote, base_url))
    _write(connection, link_id, mine, found, remote, body, who)
    return _in_words(found)


def _note_asked(link_id: int, found: Merge) -> None:
    """So that we know our own change there when its answer gets lost."""
    begin_write()
    link = db.session.get_one(SyncLink, link_id, populate_existing=True)
    link.sent = {name: as_agreed(name, value) for name, value in found.push.items()}
    db.session.commit()


def to_send(
    push: dict[str, Any], issue: Issue, link: SyncLink, remote: RemoteIssue | None, base_url: str
) -> dict[str, Any]:
    """The fields as GitHub takes them."""
    sent: dict[str, Any] = {}
    if "title" in push:
        sent["title"] = push["title"]
    if "body" in push:
        sent["body"] = _body(push["body"], issue, link, base_url)
    if "labels" in push:
        spelled = {name.lower(): name for name in remote.labels} if remote else {}
        sent["labels"] = [spelled.get(name, name) for name in sorted(push["labels"])]
    if "assignees" in push:
        strangers = set(remote.assignees) - local_logins(link) if remote else set()
        sent["assignees"] = sorted(push["assignees"] | strangers)
    if "state" in push:
        sent["state"] = push["state"]
        closed = "not_planned" if local.given_up(issue) else "completed"
        sent["state_reason"] = closed if push["state"] == "closed" else "reopened"
    return sent


def local_logins(link: SyncLink) -> set[str]:
    """The logins that mean somebody here."""
    connection = db.session.get_one(SyncConnection, link.connection_id)
    return set(connection.names)


def _body(text: str, issue: Issue, link: SyncLink, base_url: str) -> str:
    if not link.mark:  # it began there: their text stays as they write it
        return text
    return marked(
        text,
        mark=link.mark,
        key=issue.key,
        who=local.name_of(issue.reporter_id),
        url=f"{base_url}/issues/{issue.key}",
    )


def _compare(
    connection: SyncConnection, link: SyncLink, issue: Issue, mine: State, remote: RemoteIssue
) -> Merge:
    def ours_is_newer(field: str) -> bool:
        moment = local.changed_at(issue.id, field)
        return moment is not None and moment.replace(microsecond=0) >= remote.updated_at

    other = local.theirs(remote, connection)
    return merge(link.agreed(other), mine, other, direction=connection.direction, ours_is_newer=ours_is_newer)


def _write(
    connection: SyncConnection,
    link_id: int,
    mine: State,
    found: Merge,
    remote: RemoteIssue,
    body: Any,
    who: str | None,
) -> None:
    begin_write()
    link = db.session.get(SyncLink, link_id, populate_existing=True)
    if link is None:
        db.session.rollback()
        return
    issue = local.issue_locked(link.issue_id, connection.project_id)
    now = local.ours(issue, connection)
    take = {name: value for name, value in found.take.items() if getattr(now, name) == getattr(mine, name)}
    link.base = {
        name: value for name, value in found.base.items() if name not in found.take or name in take
    } | {name: link.base[name] for name in found.take if name not in take and name in link.base}
    link.sent = None
    link.theirs_at = max(filter(None, (link.theirs_at, remote.updated_at)))
    place = {
        "provider": "github",
        "external_id": f"{connection.repository}#{remote.number}",
        "url": remote.url,
    }
    for clash in found.clashes:
        record_event(issue, _conflict(clash.field, clash.ours, clash.theirs, clash.kept, place), actor=SYNC)
    if take:
        _take(connection, issue, take, remote, body, who, place)
    same = locked(connection.id)
    if same is not None:
        same.last_out_at = clock.now() if found.push else same.last_out_at
        same.last_in_at = clock.now() if take else same.last_in_at
    db.session.commit()


def _take(
    connection: SyncConnection,
    issue: Issue,
    take: dict[str, Any],
    remote: RemoteIssue,
    body: Any,
    who: str | None,
    place: dict[str, Any],
) -> None:
    heard = record_event(
        issue,
        ExternalChanged(
            fields=tuple(WORDS[name] for name in take),
            external_actor=who,
            external_at=remote.updated_at.isoformat(),
            **place,
        ),
        actor=SYNC,
    )
    assert heard is not None
    with caused_by(event_id=heard.id, root_id=cause().root_id or heard.id, depth=cause().depth + 1):
        local.take(issue, connection, take, remote, body)


def _conflict(field: str, ours: str, theirs: str, kept: Any, place: dict[str, Any]) -> SyncConflicted:
    return SyncConflicted(
        field=WORDS.get(field, field), ours=excerpt(ours), theirs=excerpt(theirs), kept=kept, **place
    )


def comment_conflict(
    connection: SyncConnection, number: int, url: str, *, ours: str, theirs: str, kept: Any
) -> SyncConflicted:
    """The same for a comment."""
    place = {"provider": "github", "external_id": f"{connection.repository}#{number}", "url": url}
    return _conflict("comment", ours, theirs, kept, place)


def _in_words(found: Merge) -> str:
    said = []
    if found.push:
        said.append("sent " + ", ".join(WORDS[name] for name in found.push))
    if found.take:
        said.append("took " + ", ".join(WORDS[name] for name in found.take))
    if found.clashes:
        said.append(f"{len(found.clashes)} changed on both sides")
    return "; ".join(said) or "both sides were the same"
