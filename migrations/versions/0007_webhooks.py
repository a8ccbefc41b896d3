"""webhooks: endpoints, the log of attempts, and a time of its own for every target"""

import sqlalchemy as sa
from alembic import op

from app.db import BigId, Json, UtcDateTime

revision = "0007"
down_revision = "0006"
WAITING = sa.text("state IN ('pending', 'failed', 'held')")
ALIVE = sa.text("deleted_at IS NULL")


def upgrade():
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", BigId, nullable=False),
        sa.Column("project_id", BigId, nullable=False),
        sa.Column("maker_id", BigId, nullable=False),
        sa.Column("url", sa.String(length=2_000), nullable=False),
        sa.Column("actions", Json, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("why_off", sa.String(length=10), nullable=True),
        sa.Column("secret", sa.String(length=300), nullable=False),
        sa.Column("secret_hint", sa.String(length=8), nullable=False),
        sa.Column("old_secret", sa.String(length=300), nullable=True),
        sa.Column("old_secret_until", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.Column("last_success_at", UtcDateTime(), nullable=True),
        sa.Column("rests_until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_webhook_endpoints_project_id")
        ),
        sa.ForeignKeyConstraint(["maker_id"], ["users.id"], name=op.f("fk_webhook_endpoints_maker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_index(
        "ix_webhook_endpoints_project",
        "webhook_endpoints",
        ["project_id", "id"],
        sqlite_where=ALIVE,
        postgresql_where=ALIVE,
    )
    op.create_table(
        "webhook_attempts",
        sa.Column("id", BigId, nullable=False),
        sa.Column("endpoint_id", BigId, nullable=False),
        sa.Column("event_id", BigId, nullable=False),
        sa.Column("request_headers", Json, nullable=False),
        sa.Column("body_size", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answer_size", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoints.id"], name=op.f("fk_webhook_attempts_endpoint_id")
        ),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_webhook_attempts_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempts")),
    )
    op.create_index("ix_webhook_attempts_endpoint", "webhook_attempts", ["endpoint_id", "id"])
    op.create_index("ix_webhook_attempts_event", "webhook_attempts", ["event_id", "id"])
    op.create_index("ix_webhook_attempts_created", "webhook_attempts", ["created_at", "endpoint_id", "ok"])
    # plain ALTERs: a batch would rebuild the table on SQLite
    op.add_column("delivery_targets", sa.Column("next_attempt_at", UtcDateTime(), nullable=True))
    op.create_index(
        "ix_delivery_targets_waiting",
        "delivery_targets",
        ["target", "state"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )


def downgrade():
    op.drop_index("ix_delivery_targets_waiting", "delivery_targets")
    op.drop_column("delivery_targets", "next_attempt_at")
    op.drop_table("webhook_attempts")
    op.drop_table("webhook_endpoints")
