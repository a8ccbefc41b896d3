"""What belongs to a subject and stands in tables of the storeys above, known here by their names only."""

import operator
from hashlib import sha256
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Table, select

from app.db import Base, db

AT_ONCE = 1_000


def around(kind: str, ids: list[int]) -> dict[str, dict[int, Any]]:
    """What stands in tables of its own: by field, then by subject."""
    if kind == "issue":
        return {
            "labels": _sets("issue_labels", "label_id", ids),
            "assignees": _sets("issue_assignees", "user_id", ids),
            "comments": _comments(ids),
        }
    return {"members": _members(ids)} if kind == "project" else {}


def _sets(name: str, column: str, ids: list[int]) -> dict[int, frozenset[int]]:
    table = table_named(name)
    query = (
        select(table.c.issue_id, table.c[column]).where(table.c.issue_id.in_(ids)).order_by(table.c.issue_id)
    )
    rows = db.session.execute(query)
    return {
        issue_id: frozenset(row[1] for row in group)
        for issue_id, group in groupby(rows, operator.itemgetter(0))
    }


def _comments(ids: list[int]) -> dict[int, dict[int, tuple[int, str | None]]]:
    table = table_named("comments")
    columns: list[ColumnElement[Any]] = [
        table.c[name] for name in ("issue_id", "id", "event_seq", "body", "deleted_at")
    ]
    found: dict[int, dict[int, tuple[int, str | None]]] = {}
    query = select(*columns).where(table.c.issue_id.in_(ids)).execution_options(yield_per=AT_ONCE)
    for issue_id, comment_id, seq, body, deleted_at in db.session.execute(query):
        sha = None if deleted_at else sha256(body.encode()).hexdigest()
        found.setdefault(issue_id, {})[comment_id] = (seq, sha)
    return found


def _members(ids: list[int]) -> dict[int, dict[int, str]]:
    table = table_named("memberships")
    found: dict[int, dict[int, str]] = {}
    query = select(table.c.project_id, table.c.user_id, table.c.role).where(table.c.project_id.in_(ids))
    for project_id, user_id, role in db.session.execute(query):
        found.setdefault(project_id, {})[user_id] = role
    return found


def table_named(name: str) -> Table:
    """A table by its name."""
    return Base.metadata.tables[name]
