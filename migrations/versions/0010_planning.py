"""milestones; issues.milestone_id, issues.parent_id"""

import sqlalchemy as sa
from alembic import op

from app.guards import drop_guards

revision = "0010"
down_revision = "0009"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REFERS = {"milestone_id": "milestones", "parent_id": "issues"}


def upgrade():
    op.create_table(
        "milestones",
        sa.Column("id", BIG, nullable=False),
        sa.Column("project_id", BIG, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_milestones_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestones")),
    )
    op.create_index("uq_milestones_name", "milestones", ["project_id", sa.text("lower(name)")], unique=True)
    # added as they are, not as a batch: a batch would copy every issue and drop the guards. Alembic knows no
    # column with its foreign key in one statement, and SQLite knows no other
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    for column, table in REFERS.items():
        op.execute(
            f"ALTER TABLE issues ADD COLUMN {column} {kind} "
            f"CONSTRAINT fk_issues_{column} REFERENCES {table} (id)"
        )
    op.create_index("ix_issues_milestone", "issues", ["milestone_id", "status"])
    op.create_index("ix_issues_parent", "issues", ["parent_id", "status"])


def downgrade():
    # the guards watch these columns: whoever goes on from here has those of the code that belongs there
    drop_guards(op.get_bind())
    op.drop_index("ix_issues_parent", "issues")
    op.drop_index("ix_issues_milestone", "issues")
    with op.batch_alter_table("issues") as batch:
        for column in REFERS:
            batch.drop_column(column)
    op.drop_index("uq_milestones_name", "milestones")
    op.drop_table("milestones")
