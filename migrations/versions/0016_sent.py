"""What GitHub was asked to make of an issue or a comment, until the answer is there"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade():
    op.add_column("sync_links", sa.Column("sent", JSON, nullable=True))
    op.add_column("sync_comments", sa.Column("sent", sa.String(length=64), nullable=True))


def downgrade():
    op.drop_column("sync_comments", "sent")
    op.drop_column("sync_links", "sent")
