"""Writing a plan: everything in the transaction in hand, a few hundred issues at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import insert, select

from app.db import db, take_ids
from app.events.bulk import record_many
from app.events.recording import holds
from app.importing.plan import Addition, import_key
from app.importing.telling import Rows, Scene, Telling
from app.importing.texts import Said, Text
from app.issues.comment import Comment
from app.issues.issue import Issue, IssueAssignee
from app.issues.label import IssueLabel
from app.issues.subscription import subscribe_many

AT_ONCE = 250
"""Issues written together: bounds the memory of the rows in hand."""


@dataclass
class Written:
    """How much was written."""

    issues: int = 0
    comments: int = 0
    events: int = 0


def write(scene: Scene, told: Iterable[tuple[Addition, Text]]) -> Iterator[Written]:
    """Write the additions in batches; says after each what it wrote."""
    pending = iter(told)
    while batch := list(islice(pending, AT_ONCE)):
        yield _write_batch(scene, batch)


def _write_batch(scene: Scene, batch: Sequence[tuple[Addition, Text]]) -> Written:
    issues = _issues(scene, batch)
    rows = Rows()
    comment_ids = iter(take_ids("comments", sum(len(text[1]) for _, text in batch)))
    for addition, text in batch:
        Telling(scene, issues[addition.number], addition, rows, comment_ids).tell(text)
    _insert(IssueLabel, rows.labels)
    _insert(IssueAssignee, rows.assignees)
    with (
        db.session.no_autoflush
    ):  # an issue's new state and its new event are one UPDATE, as the database wants it
        recorded = record_many(rows.facts)
        _settle(rows)
    db.session.flush()
    _insert(Comment, rows.comments)
    subscribe_many(rows.subscriptions)
    for issue in issues.values():
        db.session.expunge(issue)
    new = sum(addition.known is None for addition, _ in batch)
    return Written(issues=new, comments=len(rows.comments), events=len(recorded))


def _settle(rows: Rows) -> None:
    for issue, addition, last in rows.outcomes:
        issue.comment_count += len(addition.remarks)
        issue.updated_at = max(issue.updated_at, last)
        if addition.closes:
            issue.status = "closed"


def _issues(scene: Scene, batch: Sequence[tuple[Addition, Text]]) -> dict[int, Issue]:
    """By number: the known ones locked in the order of their ids, then the new ones made."""
    known = [addition.known.issue_id for addition, _ in batch if addition.known]
    found: dict[int, Issue] = {}
    if known:
        query = select(Issue).where(Issue.id.in_(known)).order_by(Issue.id).with_for_update()
        found = {issue.number: issue for issue in db.session.scalars(query)}
    new = [(addition, text[0]) for addition, text in batch if text[0] is not None]
    ids = take_ids("issues", len(new)) if new else []
    for issue_id, (addition, description) in zip(ids, new, strict=True):
        found[addition.number] = _issue(scene, issue_id, addition, description)
    db.session.add_all(found.values())
    db.session.flush()
    for issue in found.values():
        holds(issue)
    return found


def _issue(scene: Scene, issue_id: int, addition: Addition, description: Said) -> Issue:
    item = addition.item
    return Issue(
        id=issue_id,
        project_id=scene.project.id,
        number=addition.number,
        kind=item.kind,
        title=item.title,
        description=description.source,
        description_html=description.html,
        status="open",
        priority="none",
        rank=0,
        reporter_id=scene.person(item.author).id,
        comment_count=0,
        event_seq=0,
        created_at=item.created_at,
        updated_at=item.created_at,
        import_key=import_key(scene.plan.archive, item.number),
    )


def _insert(table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.session.execute(insert(table.__table__), rows)
