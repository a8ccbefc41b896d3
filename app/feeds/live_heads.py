"""The heads of the live topics that belong to feeds: an issue's own number, and a reader's home.

Home changes with every project the reader may see. Its topic is `home:ID` of the reader; its number is the sum of
those projects' numbers, which rises with each of them. It is a dirty hint: the page fetches its first page again.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from app.accounts.user import User
from app.accounts.viewer import Viewer, viewer_of
from app.db import db
from app.issues.issue import Issue
from app.live import topics
from app.projects.policy import sees
from app.projects.project import Project


def home_topic(viewer: Viewer, seen: Mapping[int, int]) -> tuple[str, int]:
    """The topic of the reader's home and the number it has reached: of the projects the reader sees."""
    return f"home:{viewer.user_id}", sum(seen.values())


def _home_number(viewer: Viewer) -> int:
    return (
        db.session.scalar(select(func.coalesce(func.sum(Project.activity_seq), 0)).where(sees(viewer))) or 0
    )


def _issue_heads(ids: Sequence[int]) -> dict[int, int]:
    query = select(Issue.id, Issue.event_seq).where(Issue.id.in_(ids), Issue.deleted_at.is_(None))
    rows = db.session.execute(query)
    return {row.id: row.event_seq for row in rows}


def _home_heads(ids: Sequence[int]) -> dict[int, int]:
    people = db.session.scalars(select(User).where(User.id.in_(ids), User.is_active))
    return {person.id: _home_number(viewer_of(person)) for person in people}


topics.register("issue", _issue_heads)
topics.register("home", _home_heads)
