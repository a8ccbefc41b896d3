"""subscriptions.from_seq: since which event somebody watches"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade():
    op.add_column("subscriptions", sa.Column("from_seq", sa.Integer(), server_default="0", nullable=False))


def downgrade():
    op.drop_column("subscriptions", "from_seq")
