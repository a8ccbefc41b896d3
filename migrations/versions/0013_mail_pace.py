"""users: when somebody wants their mails; delivery_targets.carrier_id: with which delivery one goes"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CARRIED = "carrier_id IS NOT NULL"


def upgrade():
    op.add_column("users", sa.Column("mail_pace", sa.String(length=10), server_default="at_once", nullable=False))
    op.add_column("users", sa.Column("quiet_from", sa.SmallInteger(), nullable=True))
    op.add_column("users", sa.Column("quiet_to", sa.SmallInteger(), nullable=True))
    op.add_column("delivery_targets", sa.Column("carrier_id", BIG, nullable=True))
    op.create_index(
        "ix_delivery_targets_carrier",
        "delivery_targets",
        ["carrier_id"],
        sqlite_where=sa.text(CARRIED),
        postgresql_where=sa.text(CARRIED),
    )


def downgrade():
    op.drop_index("ix_delivery_targets_carrier", "delivery_targets")
    op.drop_column("delivery_targets", "carrier_id")
    op.drop_column("users", "quiet_to")
    op.drop_column("users", "quiet_from")
    op.drop_column("users", "mail_pace")
