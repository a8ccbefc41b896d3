"""rules, what they said before, and their runs"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade():
    op.create_table(
        "rules",
        sa.Column("id", BIG, nullable=False),
        sa.Column("project_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("definition", JSON, nullable=False),
        sa.Column("texts", JSON, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("quiet_days", sa.Integer(), nullable=True),
        sa.Column("author_id", BIG, nullable=False),
        sa.Column("paused_reason", sa.String(length=300), nullable=True),
        sa.Column("tried_version", sa.Integer(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_rules_project_id")),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_rules_author_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules")),
    )
    op.create_index("ix_rules_project", "rules", ["project_id", "id"])
    scheduled = sa.text("enabled AND quiet_days IS NOT NULL")
    op.create_index(
        "ix_rules_scheduled", "rules", ["id"], sqlite_where=scheduled, postgresql_where=scheduled
    )
    op.create_table(
        "rule_versions",
        sa.Column("rule_id", BIG, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("definition", JSON, nullable=False),
        sa.Column("author_id", BIG, nullable=False),
        sa.Column("replaced_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["rule_id"], ["rules.id"], name=op.f("fk_rule_versions_rule_id")),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_rule_versions_author_id")),
        sa.PrimaryKeyConstraint("rule_id", "version", name=op.f("pk_rule_versions")),
    )
    op.create_table(
        "rule_runs",
        sa.Column("id", BIG, nullable=False),
        sa.Column("rule_id", BIG, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("event_id", BIG, nullable=False),
        sa.Column("how", sa.String(length=8), nullable=False),
        sa.Column("issue_id", BIG, nullable=False),
        sa.Column("root_id", BIG, nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.Column("steps", JSON, nullable=False),
        sa.Column("ms", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["rule_id"], ["rules.id"], name=op.f("fk_rule_runs_rule_id")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_rule_runs_event_id")),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_rule_runs_issue_id")),
        sa.ForeignKeyConstraint(["root_id"], ["events.id"], name=op.f("fk_rule_runs_root_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_runs")),
        sa.UniqueConstraint("rule_id", "event_id", "how", name=op.f("uq_rule_runs_rule_id_event_id_how")),
    )
    op.create_index(op.f("ix_rule_runs_issue_id"), "rule_runs", ["issue_id"])
    op.create_index("ix_rule_runs_rule", "rule_runs", ["rule_id", "at"])
    op.create_index("ix_rule_runs_root", "rule_runs", ["root_id", "id"])


def downgrade():
    op.drop_table("rule_runs")
    op.drop_table("rule_versions")
    op.drop_table("rules")
