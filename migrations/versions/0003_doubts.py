"""delivery_targets.doubts: attempts of which nobody knows whether they arrived"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    op.add_column(
        "delivery_targets", sa.Column("doubts", sa.SmallInteger(), server_default="0", nullable=False)
    )


def downgrade():
    op.drop_column("delivery_targets", "doubts")
