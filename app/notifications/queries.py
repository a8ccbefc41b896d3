"""What a person was told, as numbers. Rights are asked on reading: what one may not see is not counted."""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import Select, bindparam, func, select

from app.accounts.user import User
from app.accounts.viewer import Viewer
from app.db import db, rows
from app.events.deleted import is_there
from app.live import topics
from app.notifications.notification import Notification
from app.projects.policy import Sight, sight, within
from app.projects.project import Project


def unread_count(viewer: Viewer) -> int:
    """How many issues have something the viewer has not read. One query, by the index of what is unread."""
    if viewer.user_id is None:
        return 0
    count: int = rows(unread(sight(viewer)), viewer_id=viewer.user_id)[0][0]
    return count


@cache
def unread(far: Sight) -> Select[int]:
    """The same as a statement that is kept, run with `viewer_id`."""
    return (
        select(func.count(Notification.issue_id.distinct()))
        .join(Project, Project.id == Notification.project_id)
        .where(
            Notification.user_id == bindparam("viewer_id"),
            Notification.read_at.is_(None),
            Notification.done_at.is_(None),
            within(far),
            is_there(Notification.issue_id),
        )
    )


def user_heads(ids: Sequence[int]) -> dict[int, int]:
    """Person -> the number of their newest notification: the heads of the topics `user:ID`."""
    rows = db.session.execute(select(User.id, User.feed_seq).where(User.id.in_(ids)))
    return {user_id: head for user_id, head in rows}  # noqa: C416 - rows are no pairs to mypy


topics.register("user", user_heads)
