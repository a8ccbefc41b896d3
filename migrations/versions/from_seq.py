"""subscriptions.from_seq: since which event somebody watches"""

import sqlalchemy as sa
from alembic import op

revision = "from_seq"
down_revision = "0004"


def upgrade():
    op.add_column("subscriptions", sa.Column("from_seq", sa.Integer(), server_default="0", nullable=False))


def downgrade():
    op.drop_column("subscriptions", "from_seq")
