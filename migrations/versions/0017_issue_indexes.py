"""Indexes of issues: parents and milestones without the many that have none, and counting without reading rows"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

# With NULL for most issues the statistics say that one value has them all, and SQLite reads the whole table instead.
SPARSE = {"ix_issues_milestone": "milestone_id", "ix_issues_parent": "parent_id"}
COUNTED = {
    "ix_issues_project_status": ["project_id", "status", "updated_at", "id"],
    "ix_issues_status": ["status", "updated_at", "id"],
}


def upgrade():
    for name, column in SPARSE.items():
        op.drop_index(name, "issues")
        given = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, "issues", [column, "status"], sqlite_where=given, postgresql_where=given)
    for name, columns in COUNTED.items():
        op.drop_index(name, "issues")
        op.create_index(name, "issues", [*columns, "deleted_at"])


def downgrade():
    for name, columns in COUNTED.items():
        op.drop_index(name, "issues")
        op.create_index(name, "issues", columns)
    for name, column in SPARSE.items():
        op.drop_index(name, "issues")
        op.create_index(name, "issues", [column, "status"])
