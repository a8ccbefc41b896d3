"""The audit log, counters per day, checkpoints, runs of the integrity check, an index of the flow of issues"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
FLOW = "subject = 'issue' AND action IN ('created', 'status_changed', 'closed', 'reopened')"


def upgrade():
    _audit()
    _counts()
    _checkpoints()
    _runs()
    op.create_index(
        "ix_events_flow",
        "events",
        ["project_id", "created_at", "issue_id", "id"],
        sqlite_where=sa.text(FLOW),
        postgresql_where=sa.text(FLOW),
    )


def _audit():
    op.create_table(
        "audit_entries",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("event_id", BIG, nullable=False),
        sa.Column("event_uid", sa.String(length=36), nullable=False),
        sa.Column("event_hash", sa.String(length=64), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("family", sa.String(length=20), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=10), nullable=False),
        sa.Column("project_id", BIG, nullable=True),
        sa.Column("user_id", BIG, nullable=True),
        sa.Column("actor_id", BIG, nullable=True),
        sa.Column("actor_kind", sa.String(length=10), nullable=False),
        sa.Column("actor_ref", sa.String(length=200), nullable=True),
        sa.Column("words_sha256", sa.String(length=64), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_audit_entries_event_id")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_audit_entries_project_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_audit_entries_user_id")),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_audit_entries_actor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
        sa.UniqueConstraint("event_id", name=op.f("uq_audit_entries_event_id")),
    )
    op.create_index("ix_audit_entries_at", "audit_entries", ["at", "id"])
    op.create_index("ix_audit_entries_actor", "audit_entries", ["actor_id", "id"])
    op.create_index("ix_audit_entries_action", "audit_entries", ["action", "id"])
    op.create_table(
        "audit_texts",
        sa.Column("entry_id", BIG, nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("address", sa.String(length=60), nullable=True),
        sa.Column("agent", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(["entry_id"], ["audit_entries.id"], name=op.f("fk_audit_texts_entry_id")),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_audit_texts")),
    )


def _counts():
    op.create_table(
        "daily_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("project_id", BIG, autoincrement=False, nullable=False),
        sa.Column("subject", sa.String(length=10), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("person_id", BIG, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "day", "project_id", "subject", "action", "person_id", name=op.f("pk_daily_counts")
        ),
    )
    op.create_index("ix_daily_counts_project", "daily_counts", ["project_id", "day"])


def _checkpoints():
    op.create_table(
        "checkpoints",
        sa.Column("number", BIG, autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("heads", sa.Integer(), nullable=False),
        sa.Column("last_event_id", BIG, nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_checkpoints")),
    )
    op.create_table(
        "checkpoint_heads",
        sa.Column("subject", sa.String(length=10), nullable=False),
        sa.Column("subject_id", BIG, autoincrement=False, nullable=False),
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("checkpoint", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint"],
            ["checkpoints.number"],
            name=op.f("fk_checkpoint_heads_checkpoint"),
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("subject", "subject_id", "seq", name=op.f("pk_checkpoint_heads")),
    )
    op.create_index(
        "ix_checkpoint_heads_checkpoint", "checkpoint_heads", ["checkpoint", "subject", "subject_id", "seq"]
    )


def _runs():
    op.create_table(
        "integrity_runs",
        sa.Column("id", BIG, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("worked_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("place_kind", sa.String(length=12), nullable=False),
        sa.Column("place_id", BIG, nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("issues", sa.Integer(), nullable=False),
        sa.Column("projects", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=True),
        sa.Column("field", sa.String(length=40), nullable=True),
        sa.Column("event_says", sa.Text(), nullable=True),
        sa.Column("row_says", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("link", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integrity_runs")),
    )


def downgrade():
    op.drop_index("ix_events_flow", "events")
    for table in (
        "integrity_runs",
        "checkpoint_heads",
        "checkpoints",
        "daily_counts",
        "audit_texts",
        "audit_entries",
    ):
        op.drop_table(table)
