"""Reading comments."""

from collections.abc import Sequence

from sqlalchemy import select

from app.accounts.user import User
from app.db import db
from app.errors import NotFound
from app.issues.comment import Comment
from app.issues.issue import Issue


def comment_of(issue: Issue, comment_id: int) -> Comment:
    """The comment, if it stands on this issue. Raises NotFound."""
    comment = db.session.get(Comment, comment_id)
    if comment is None or comment.issue_id != issue.id:
        raise NotFound
    return comment


def comments_page(issue: Issue, *, after: int = 0, limit: int = 50) -> Sequence[tuple[Comment, str | None]]:
    """Up to `limit` comments with the usernames of their authors, oldest first, removed ones included.

    `after` is the number of the event of the last comment of the page before.
    """
    query = (
        select(Comment, User.username)
        .outerjoin(User, User.id == Comment.author_id)
        .where(Comment.issue_id == issue.id, Comment.event_seq > after)
        .order_by(Comment.event_seq)
        .limit(limit)
    )
    return [(comment, username) for comment, username in db.session.execute(query)]
