"""History cannot change, and nothing tracked changes without an event: the database itself says no, on both."""

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import guards
from app.db import Base, db
from app.events.event import Event, EventIsImmutable
from app.issues.editing import retitle
from app.projects.project import rename
from tests.support import world as worlds

HISTORY = [
    "UPDATE events SET action = 'closed'",
    "UPDATE events SET quiet = TRUE WHERE id = 1",
    "DELETE FROM events",
    "UPDATE event_texts SET text = 'forged'",
]
CHANGED = {
    "project_id": "project_id + 1",
    "number": "number + 1",
    "kind": "'pull_request'",
    "title": "'forged'",
    "description": "'forged'",
    "status": "'closed'",
    "priority": "'urgent'",
    "reporter_id": "NULL",
    "milestone_id": "1",
    "parent_id": "1",
    "key": "'FRG'",
    "name": "'forged'",
    "visibility": "'public'",
    "archived_at": "'2026-01-01'",
    "deleted_at": "'2026-01-01'",
    "username": "username || 'x'",
    "email": "'forged@example.org'",
    "password_hash": "'forged'",
    "is_admin": "TRUE",
    "is_active": "FALSE",
}


@pytest.mark.parametrize("statement", HISTORY)
def test_the_database_refuses_to_change_history(world: worlds.World, statement: str) -> None:
    with pytest.raises(DBAPIError, match="never"):
        db.session.execute(text(statement))
    db.session.rollback()


def test_the_database_refuses_to_replace_or_truncate_events(world: worlds.World) -> None:
    if db.engine.dialect.name == "sqlite":
        statement = "INSERT OR REPLACE INTO events SELECT * FROM events"
    else:
        statement = "TRUNCATE events CASCADE"
    with pytest.raises(DBAPIError, match="never"):
        db.session.execute(text(statement))
    db.session.rollback()


def test_the_orm_refuses_to_change_an_event(world: worlds.World) -> None:
    event = db.session.get(Event, 1)
    assert event is not None
    event.action = "closed"
    with pytest.raises(EventIsImmutable):
        db.session.flush()
    db.session.rollback()
    with pytest.raises(EventIsImmutable):
        db.session.query(Event).delete()
    db.session.rollback()


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table, columns in guards.TRACKED.items() for column in columns]
)
def test_no_tracked_column_changes_without_an_event(world: worlds.World, table: str, column: str) -> None:
    value = CHANGED[column]
    for raised in ("", ", event_seq = event_seq + 1", ", event_seq = 1"):
        with pytest.raises(DBAPIError, match="needs an event"):
            db.session.execute(text(f"UPDATE {table} SET {column} = {value}{raised}"))
        db.session.rollback()


def test_every_column_of_the_tracked_tables_is_tracked_or_known_to_be_derived() -> None:
    derived = {
        "issues": {"id", "description_html", "description_version", "comment_count", "rank", "import_key"},
        "projects": {"id", "issue_counter", "activity_seq"},
        "users": {
            *("id", "imported_from", "zone", "mails", "mail_pace", "quiet_from", "quiet_to"),
            *("feed_seq", "activity_seq", "live_epoch"),
        },
    }
    always = {"event_seq", "event_head", "created_at", "updated_at"}
    for table, columns in guards.TRACKED.items():
        there = set(Base.metadata.tables[table].columns.keys())
        assert there == set(columns) | derived[table] | (always & there)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO issue_assignees (issue_id, user_id) VALUES (1, 2)",
        "INSERT INTO memberships (project_id, user_id, role, created_at) VALUES (1, 3, 'lead', '2026-01-01')",
        "UPDATE memberships SET role = 'viewer'",
        "DELETE FROM memberships",
    ],
)
def test_rows_that_belong_to_a_thing_do_not_change_without_an_event(
    world: worlds.World, statement: str
) -> None:
    retitle(world.issue, "Renamed, so that the newest event is about something else", actor=world.actor)
    rename(world.project, "Renamed", actor=world.actor)
    db.session.commit()
    with pytest.raises(DBAPIError, match="needs an event"):
        db.session.execute(text(statement))
    db.session.rollback()


def test_a_comment_without_its_event_cannot_be_committed(world: worlds.World) -> None:
    db.session.execute(
        text(
            "INSERT INTO comments (issue_id, event_seq, body, html, version, created_at) "
            "VALUES (1, 99, 'forged', '', 1, '2026-01-01')"
        )
    )
    with pytest.raises(DBAPIError):
        db.session.commit()
    db.session.rollback()


def test_every_guard_stands_after_migrating(context: Flask) -> None:
    with db.engine.connect() as connection:
        assert guards.missing_guards(connection) == set()
