"""delivery_targets.doubts, subscriptions.from_seq: attempts nobody knows the end of; since when one watches"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    op.add_column(
        "delivery_targets", sa.Column("doubts", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.add_column("subscriptions", sa.Column("from_seq", sa.Integer(), server_default="0", nullable=False))


def downgrade():
    op.drop_column("subscriptions", "from_seq")
    op.drop_column("delivery_targets", "doubts")
