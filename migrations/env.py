"""Runs migrations on the app's own engine, on SQLite and PostgreSQL alike."""

from typing import Any

from alembic import context
from flask import current_app

from app.db import Base, UtcDateTime, db
from app.guards import create_guards, missing_guards
from app.migrating import in_turn, take_turn_to_migrate


def render_item(kind: str, item: Any, autogen: Any) -> str | bool:
    """A migration names only types of SQLAlchemy, so that it outlives ours."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and type(item).__name__ == "JSON":
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
    return False


def include_object(_item: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
    """`events.xid` exists on PostgreSQL only and is filled by the database: no model knows it."""
    return not (kind == "column" and name == "xid") and not (kind == "index" and name == "ix_events_xid")


def migrate() -> None:
    """All of it in one transaction, with the guards: on SQLite too, where it is not the custom."""
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            render_item=render_item,
            include_object=include_object,
            compare_type=False,
            transactional_ddl=True,
        )
        migration = context.get_context()
        with context.begin_transaction():
            take_turn_to_migrate(connection)
            before = migration.get_current_heads()
            context.run_migrations()
            after = migration.get_current_heads()
            # a batch migration on SQLite drops triggers, so every run that reached the newest tables makes the
            # guards anew
            if (
                after
                and set(after) == set(context.script.get_heads())
                and (before != after or missing_guards(connection))
            ):
                create_guards(connection)


with current_app.app_context():
    in_turn(migrate)
