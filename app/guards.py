"""The database's own guards: history does not change, and nothing that is tracked changes without an event.

Migrations create them (and re-create them after a batch migration on SQLite, which drops triggers); `flask doctor`
and a test compare what is there with NAMES.
"""

from sqlalchemy import Connection, text

TRACKED: dict[str, tuple[str, ...]] = {
    "issues": (
        *("project_id", "number", "kind", "title", "description", "status", "priority", "reporter_id"),
        *("milestone_id", "parent_id", "deleted_at"),
    ),
    "projects": ("key", "name", "description", "visibility", "archived_at"),
    "users": ("username", "email", "name", "password_hash", "is_admin", "is_active"),
}
"""Columns whose change needs an event with the row's new `event_seq`, in the same UPDATE."""

NEWEST_MUST_BE: dict[tuple[str, str], tuple[str, ...]] = {
    ("issue_labels", "INSERT"): ("created", "labeled"),
    ("issue_labels", "DELETE"): ("unlabeled",),
    ("issue_labels", "UPDATE"): (),
    ("issue_assignees", "INSERT"): ("created", "assigned"),
    ("issue_assignees", "DELETE"): ("unassigned",),
    ("issue_assignees", "UPDATE"): (),
    ("memberships", "INSERT"): ("created", "member_added"),
    ("memberships", "DELETE"): ("member_removed",),
    ("memberships", "UPDATE"): ("member_role_changed",),
    ("comments", "UPDATE OF body, deleted_at, author_id"): ("comment_edited", "comment_deleted"),
    ("comments", "DELETE"): (),
}
"""(table, act) -> what the newest event of the row's subject must be at that moment; none: never allowed."""

APPEND_ONLY: dict[str, tuple[tuple[str, ...], str]] = {
    "audit_entries": (("id",), "an entry of the audit log never changes"),
    "checkpoints": (("number",), "a checkpoint never changes"),
    "checkpoint_heads": (("subject", "subject_id", "seq"), "a checkpoint never changes"),
}
"""Tables whose rows are written once: their key, and what the refusal says."""
FIXED_TEXTS = ("event_texts", "event_contexts", "audit_texts")
"""Tables whose rows may be deleted (erasure, retention) and never changed."""

_OWNER = {"issues": "issue_id", "projects": "project_id", "users": "user_id"}
_SUBJECT = {"issues": "issue", "projects": "project", "users": "user"}


def _slug(act: str) -> str:
    return act.split(maxsplit=1)[0].lower()


NAMES = frozenset(
    {"events_no_update", "events_no_delete", "events_no_replace"}
    | {f"{table}_no_update" for table in FIXED_TEXTS}
    | {f"{table}_no_{act}" for table in APPEND_ONLY for act in ("update", "delete", "replace")}
    | {f"{table}_need_event" for table in TRACKED}
    | {f"{table}_{_slug(act)}_need_event" for table, act in NEWEST_MUST_BE}
)
"""Every guard there must be. PostgreSQL has `…_no_truncate` in place of `…_no_replace`."""


def create_guards(connection: Connection) -> None:
    """Create every guard anew."""
    drop_guards(connection)
    statements = _sqlite() if connection.dialect.name == "sqlite" else _postgresql()
    for statement in statements:
        connection.execute(text(statement))


def drop_guards(connection: Connection) -> None:
    """Remove the guards: for a migration that is about to create them again."""
    for name, table in live_guards(connection).items():
        on = f" ON {table}" if connection.dialect.name == "postgresql" else ""
        connection.execute(text(f"DROP TRIGGER IF EXISTS {name}{on}"))


def live_guards(connection: Connection) -> dict[str, str]:
    """The guards that are in the database: name -> table."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    return {row[0]: row[1] for row in connection.execute(text(query))}


def missing_guards(connection: Connection) -> set[str]:
    """The guards that should be there and are not."""
    wanted = set(NAMES)
    if connection.dialect.name == "postgresql":
        wanted = {name.replace("_no_replace", "_no_truncate") for name in wanted}
    return wanted - live_guards(connection).keys()


def _sqlite() -> list[str]:
    def trigger(name: str, when: str, condition: str, message: str) -> str:
        clause = f" WHEN {condition}" if condition else ""
        return f"CREATE TRIGGER {name} BEFORE {when}{clause} BEGIN SELECT RAISE(ABORT, '{message}'); END"

    made = [
        trigger("events_no_update", "UPDATE ON events", "", "an event never changes"),
        trigger("events_no_delete", "DELETE ON events", "", "an event never goes away"),
        trigger(
            "events_no_replace",
            "INSERT ON events",
            "EXISTS (SELECT 1 FROM events WHERE id = NEW.id OR uid = NEW.uid "
            "OR (issue_id = NEW.issue_id AND seq = NEW.seq))",
            "an event is never replaced",
        ),
    ]
    said = "what was recorded never changes"
    made += [trigger(f"{table}_no_update", f"UPDATE ON {table}", "", said) for table in FIXED_TEXTS]
    for table, (key, message) in APPEND_ONLY.items():
        made.append(trigger(f"{table}_no_update", f"UPDATE ON {table}", "", message))
        made.append(trigger(f"{table}_no_delete", f"DELETE ON {table}", "", message))
        there = f"EXISTS (SELECT 1 FROM {table} WHERE {' AND '.join(f'{column} = NEW.{column}' for column in key)})"  # noqa: S608 - our own names
        made.append(trigger(f"{table}_no_replace", f"INSERT ON {table}", there, message))
    for table, columns in TRACKED.items():
        message = f"a change of {table} needs an event"
        condition = f"({_changed(columns, 'IS NOT')}) AND {_without_event(table)}"
        made.append(trigger(f"{table}_need_event", f"UPDATE ON {table}", condition, message))
    for (table, act), actions in NEWEST_MUST_BE.items():
        message = f"a change of {table} needs an event"
        made.append(
            trigger(
                f"{table}_{_slug(act)}_need_event",
                f"{act} ON {table}",
                _not_newest(table, act, actions),
                message,
            )
        )
    return made


def _postgresql() -> list[str]:
    made = [
        "CREATE OR REPLACE FUNCTION tidings_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'; END $$"
    ]

    def trigger(name: str, when: str, table: str, condition: str, message: str, each: str = "ROW") -> str:
        clause = f" WHEN ({condition})" if condition else ""
        return (
            f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH {each}{clause} "
            f"EXECUTE FUNCTION tidings_refuse('{message}')"
        )

    made += [
        trigger("events_no_update", "UPDATE", "events", "", "an event never changes"),
        trigger("events_no_delete", "DELETE", "events", "", "an event never goes away"),
        trigger("events_no_truncate", "TRUNCATE", "events", "", "events never go away", each="STATEMENT"),
    ]
    for table in FIXED_TEXTS:
        made.append(trigger(f"{table}_no_update", "UPDATE", table, "", "what was recorded never changes"))
    for table, (_key, message) in APPEND_ONLY.items():
        made.append(trigger(f"{table}_no_update", "UPDATE", table, "", message))
        made.append(trigger(f"{table}_no_delete", "DELETE", table, "", message))
        made.append(trigger(f"{table}_no_truncate", "TRUNCATE", table, "", message, each="STATEMENT"))
    # a condition with a query is not allowed in WHEN here: such a guard is a function of its own
    for table, columns in TRACKED.items():
        condition = f"({_changed(columns, 'IS DISTINCT FROM')}) AND {_without_event(table)}"
        made += _checked(f"{table}_need_event", "UPDATE", table, condition)
    for (table, act), actions in NEWEST_MUST_BE.items():
        made += _checked(f"{table}_{_slug(act)}_need_event", act, table, _not_newest(table, act, actions))
    return made


def _checked(name: str, when: str, table: str, condition: str) -> list[str]:
    returned = "OLD" if when == "DELETE" else "NEW"
    body = (
        f"BEGIN IF {condition} THEN RAISE EXCEPTION 'a change of {table} needs an event' "
        f"USING ERRCODE = 'restrict_violation'; END IF; RETURN {returned}; END"
    )
    return [
        f"CREATE OR REPLACE FUNCTION tidings_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
        f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH ROW EXECUTE FUNCTION tidings_{name}()",
    ]


def _changed(columns: tuple[str, ...], differs: str) -> str:
    return " OR ".join(f"OLD.{column} {differs} NEW.{column}" for column in columns)


def _without_event(table: str) -> str:
    return (
        f"NOT EXISTS (SELECT 1 FROM events WHERE {_OWNER[table]} = NEW.id AND subject = '{_SUBJECT[table]}' "  # noqa: S608
        "AND seq = NEW.event_seq AND NEW.event_seq > OLD.event_seq)"
    )


def _not_newest(table: str, act: str, actions: tuple[str, ...]) -> str:
    row = "OLD" if act == "DELETE" else "NEW"
    owner, subject = ("project_id", "project") if table == "memberships" else ("issue_id", "issue")
    newest = (
        f"(SELECT action FROM events WHERE {owner} = {row}.{owner} AND subject = '{subject}' "  # noqa: S608
        "ORDER BY seq DESC LIMIT 1)"
    )
    allowed = ", ".join(f"'{action}'" for action in actions) or "''"
    return f"COALESCE({newest}, 'created') NOT IN ({allowed})"
