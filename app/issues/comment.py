"""Comments: written, rewritten, taken back. No version of a text is ever lost."""

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app import clock
from app.accounts.user import User
from app.db import Base, BigId, BigPk, db
from app.errors import Conflict, Invalid
from app.events.action import PersonRef
from app.events.event import Actor
from app.events.issue_actions import CommentDeleted, Commented, CommentEdited
from app.events.recording import lock, record_event
from app.issues.issue import Issue
from app.issues.subscription import subscribe
from app.issues.text_version import keep_version
from app.issues.written import WrittenText, excerpt


class Comment(Base):
    """What somebody wrote. The deferred foreign key to its event refuses a comment that no event speaks of."""

    __tablename__ = "comments"

    id: Mapped[BigPk]
    issue_id: Mapped[int] = mapped_column(BigId, ForeignKey("issues.id"))
    event_seq: Mapped[int]
    """The number of the `commented` event on the issue."""
    author_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("users.id"), index=True)
    body: Mapped[str]
    html: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    import_key: Mapped[str | None] = mapped_column(String(80))
    """Where an imported comment comes from, so that a second import adds nothing."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["issue_id", "event_seq"],
            ["events.issue_id", "events.seq"],
            deferrable=True,
            initially="DEFERRED",
        ),
        Index("uq_comments_event", "issue_id", "event_seq", unique=True),
        Index("uq_comments_import", "issue_id", "import_key", unique=True),
    )


def add_comment(
    issue: Issue, written: WrittenText, *, author: User | None, actor: Actor, quiet: bool = False
) -> Comment:
    """Say something on the issue; its author and the people it mentions watch the issue from then on.

    Without `author` it was no person: the event names the actor.
    """
    if not written.source:
        raise Invalid("Write something first", field="body")
    lock(issue)
    moment = clock.now()
    comment = Comment(
        issue_id=issue.id,
        event_seq=issue.event_seq + 1,
        author_id=author.id if author else None,
        body=written.source,
        html=written.html,
        created_at=moment,
    )
    db.session.add(comment)
    db.session.flush()
    issue.comment_count += 1
    issue.updated_at = moment
    record_event(
        issue,
        Commented(
            comment_id=comment.id,
            sha256=written.sha256,
            excerpt=excerpt(written.source),
            mentions=tuple(person.ref for person in written.mentioned),
        ),
        actor=actor,
        at=moment,
        quiet=quiet,
    )
    if author is not None:
        subscribe(issue, author, reason="commented")
    for person in written.mentioned:
        subscribe(issue, person, reason="mentioned")
    return comment


def edit_comment(issue: Issue, comment: Comment, written: WrittenText, *, version: int, actor: Actor) -> None:
    """Rewrite a comment. `version` is the one the writer saw: Conflict when it has been rewritten since."""
    if not written.source:
        raise Invalid("Write something first", field="body")
    lock(issue)
    _still_there(comment)
    if version != comment.version:
        raise Conflict("This comment was changed while you were writing. Your text is kept below.")
    if written.source == comment.body:
        return
    keep_version("comment", comment.id, comment.version, comment.body)
    moment = clock.now()
    record_event(
        issue,
        CommentEdited(
            comment_id=comment.id,
            from_version=comment.version,
            to_version=comment.version + 1,
            sha256=written.sha256,
            excerpt=excerpt(written.source),
        ),
        actor=actor,
        at=moment,
    )
    comment.body, comment.html = written.source, written.html
    comment.version += 1
    comment.edited_at = issue.updated_at = moment


def delete_comment(issue: Issue, comment: Comment, *, author: PersonRef | None, actor: Actor) -> None:
    """Take a comment back: a tombstone stays, and its text is kept as a version."""
    lock(issue)
    _still_there(comment)
    keep_version("comment", comment.id, comment.version, comment.body)
    record_event(issue, CommentDeleted(comment_id=comment.id, author=author), actor=actor)
    comment.body, comment.html = "", ""
    comment.deleted_at = clock.now()
    issue.comment_count -= 1


def _still_there(comment: Comment) -> None:
    if comment.deleted_at is not None:
        raise Conflict("This comment has been removed")
