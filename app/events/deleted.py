"""What happened to a deleted issue is kept and not shown: the one condition that all queries over many events share."""

from typing import Any

from sqlalchemy import ColumnElement, exists

from app.events.surroundings import table_named


def is_there(issue_id: Any) -> ColumnElement[bool]:
    """The issue with this id (a column) has not been deleted. True where there is none, as for events of projects."""
    issues = table_named("issues").alias("deleted")
    return ~exists().where(issues.c.id == issue_id, issues.c.deleted_at.is_not(None))
