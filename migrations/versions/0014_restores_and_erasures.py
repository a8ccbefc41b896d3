"""Restores from a backup; erasures that are under way"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade():
    op.create_table(
        "restores",
        sa.Column("id", BIG, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("last_event_id", BIG, nullable=False),
        sa.Column("epoch", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restores")),
    )
    op.create_table(
        "erasures",
        sa.Column("user_id", BIG, autoincrement=False, nullable=False),
        sa.Column("names", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("handles", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("place", BIG, nullable=False),
        sa.Column("begun_at", MOMENT, nullable=False),
        sa.Column("worked_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_erasures_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_erasures")),
    )


def downgrade():
    op.drop_table("erasures")
    op.drop_table("restores")
