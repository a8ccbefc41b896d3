"""issues.deleted_at: since when an issue is out of sight"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade():
    op.add_column("issues", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_issues_deleted",
        "issues",
        ["project_id", "deleted_at", "id"],
        sqlite_where=sa.text("deleted_at IS NOT NULL"),
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )


def downgrade():
    op.drop_index("ix_issues_deleted", "issues")
    # the guard knows the column; the next `flask db upgrade` makes it anew, without it
    on = " ON issues" if op.get_bind().dialect.name == "postgresql" else ""
    op.execute(f"DROP TRIGGER IF EXISTS issues_need_event{on}")
    op.drop_column("issues", "deleted_at")
