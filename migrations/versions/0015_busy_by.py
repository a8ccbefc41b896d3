"""Who has the turn of a Slack channel or of a connection with GitHub"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

TABLES = ("sync_connections", "slack_channels")


def upgrade():
    for table in TABLES:
        op.add_column(table, sa.Column("busy_by", sa.String(length=80), nullable=True))


def downgrade():
    for table in TABLES:
        op.drop_column(table, "busy_by")
