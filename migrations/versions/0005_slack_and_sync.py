"""slack_channels, and what keeping issues the same with GitHub needs to know"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


def moment(name, nullable=True):
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade():
    op.create_table(
        "slack_channels",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("project_id", BIG, nullable=True),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("hint", sa.String(length=4), nullable=False),
        sa.Column("families", JSON, nullable=False),
        moment("created_at", nullable=False),
        moment("busy_until"),
        moment("free_at"),
        moment("last_sent_at"),
        sa.Column("last_error", sa.String(length=300), nullable=True),
        sa.Column("broken", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_slack_channels_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slack_channels")),
        sa.UniqueConstraint("name", name=op.f("uq_slack_channels_name")),
        sa.UniqueConstraint("project_id", name=op.f("uq_slack_channels_project_id")),
    )
    op.create_table(
        "sync_connections",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("project_id", BIG, nullable=False),
        sa.Column("owner_id", BIG, nullable=True),
        sa.Column("repository", sa.String(length=140), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("hint", sa.String(length=4), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("direction", sa.String(length=4), nullable=False),
        sa.Column("choice", sa.String(length=5), nullable=False),
        sa.Column("label", sa.String(length=50), nullable=False),
        sa.Column("names", JSON, nullable=False),
        sa.Column("paused", sa.String(length=300), nullable=True),
        moment("busy_until"),
        moment("free_at"),
        moment("cursor", nullable=False),
        sa.Column("etag", sa.String(length=200), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=300), nullable=True),
        moment("last_out_at"),
        moment("last_in_at"),
        moment("last_polled_at"),
        moment("last_called_at"),
        moment("created_at", nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_sync_connections_project_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_sync_connections_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_connections")),
        sa.UniqueConstraint("uid", name=op.f("uq_sync_connections_uid")),
        sa.UniqueConstraint("project_id", name=op.f("uq_sync_connections_project_id")),
    )
    op.create_table(
        "sync_links",
        sa.Column("id", BIG, nullable=False),
        sa.Column("connection_id", BIG, nullable=False),
        sa.Column("issue_id", BIG, nullable=False),
        sa.Column("number", BIG, nullable=True),
        sa.Column("url", sa.String(length=300), nullable=True),
        sa.Column("mark", sa.String(length=120), nullable=False),
        moment("asked_at"),
        sa.Column("base", JSON, nullable=False),
        moment("theirs_at"),
        moment("ended_at"),
        moment("created_at", nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["sync_connections.id"], name=op.f("fk_sync_links_connection_id")
        ),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_sync_links_issue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_links")),
        sa.UniqueConstraint("connection_id", "number", name=op.f("uq_sync_links_connection_id_number")),
        sa.UniqueConstraint("issue_id", name=op.f("uq_sync_links_issue_id")),
    )
    op.create_table(
        "sync_comments",
        sa.Column("id", BIG, nullable=False),
        sa.Column("link_id", BIG, nullable=False),
        sa.Column("comment_id", BIG, nullable=False),
        sa.Column("external_id", BIG, nullable=True),
        sa.Column("mark", sa.String(length=120), nullable=False),
        sa.Column("header", sa.String(length=300), nullable=False),
        sa.Column("base", sa.String(length=64), nullable=False),
        moment("theirs_at"),
        sa.ForeignKeyConstraint(["link_id"], ["sync_links.id"], name=op.f("fk_sync_comments_link_id")),
        sa.ForeignKeyConstraint(["comment_id"], ["comments.id"], name=op.f("fk_sync_comments_comment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_comments")),
        sa.UniqueConstraint("comment_id", name=op.f("uq_sync_comments_comment_id")),
    )
    op.create_index("uq_sync_comments_external", "sync_comments", ["link_id", "external_id"], unique=True)
    op.create_table(
        "sync_arrivals",
        sa.Column("id", BIG, nullable=False),
        sa.Column("connection_id", BIG, nullable=False),
        sa.Column("delivery", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("outcome", sa.String(length=300), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        moment("next_attempt_at"),
        moment("arrived_at", nullable=False),
        moment("finished_at"),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["sync_connections.id"], name=op.f("fk_sync_arrivals_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_arrivals")),
        sa.UniqueConstraint("connection_id", "delivery", name=op.f("uq_sync_arrivals_connection_id_delivery")),
    )
    op.create_index(
        "ix_sync_arrivals_open",
        "sync_arrivals",
        ["connection_id", "next_attempt_at"],
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )


def downgrade():
    for table in ("sync_arrivals", "sync_comments", "sync_links", "sync_connections", "slack_channels"):
        op.drop_table(table)
