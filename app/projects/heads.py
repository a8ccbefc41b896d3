"""What the live streams ask about projects: the head of the topic `project:ID`."""

from collections.abc import Sequence

from sqlalchemy import select

from app.db import db
from app.live import topics
from app.projects.project import Project


def _project_heads(ids: Sequence[int]) -> dict[int, int]:
    rows = (
        db.session.execute(select(Project.id, Project.activity_seq).where(Project.id.in_(ids))).tuples().all()
    )
    return dict(rows)


topics.register("project", _project_heads)
