"""replays, failed attempts, and what a request leaves with its events"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MISSED = "state = 'skipped' AND reason = 'off'"


def upgrade():
    op.create_table(
        "event_contexts",
        sa.Column("event_id", BIG, nullable=False),
        sa.Column("via", sa.String(length=10), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_event_contexts_event_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_contexts")),
    )
    op.create_table(
        "event_batches",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_batches")),
    )
    op.create_table(
        "replays",
        sa.Column("id", BIG, nullable=False),
        sa.Column("inbox", sa.String(length=40), nullable=False),
        sa.Column("project_id", BIG, nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sa.Column("forced", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("place_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("place_id", BIG, nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_by_id", BIG, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_replays_project_id")),
        sa.ForeignKeyConstraint(["requested_by_id"], ["users.id"], name=op.f("fk_replays_requested_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replays")),
    )
    op.create_table(
        "delivery_failures",
        sa.Column("id", BIG, nullable=False),
        sa.Column("delivery_id", BIG, nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_delivery_failures_delivery_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_failures")),
    )
    op.create_index("ix_delivery_failures_delivery_id", "delivery_failures", ["delivery_id", "id"])
    # added as it is, not as a batch: a batch would copy the whole ledger
    op.add_column("deliveries", sa.Column("replay_id", BIG, nullable=True))
    op.create_index(
        "ix_deliveries_missed",
        "deliveries",
        ["inbox", "state", "reason", "id"],
        sqlite_where=sa.text(MISSED),
        postgresql_where=sa.text(MISSED),
    )
    op.create_index(
        "ix_events_batch",
        "events",
        ["batch_id", "id"],
        sqlite_where=sa.text("batch_id IS NOT NULL"),
        postgresql_where=sa.text("batch_id IS NOT NULL"),
    )


def downgrade():
    op.drop_index("ix_events_batch", "events")
    op.drop_index("ix_deliveries_missed", "deliveries")
    op.drop_column("deliveries", "replay_id")
    for table in ("delivery_failures", "replays", "event_batches", "event_contexts"):
        op.drop_table(table)
