"""deliveries.queue: what is due is found by queue, however much waits on the others"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

OPEN = "next_attempt_at IS NOT NULL"
CLAIMED = "state = 'processing'"
QUEUES = {
    "mail": ("email_notifications",),
    "webhooks": ("slack_notifications", "webhook_delivery"),
    "sync": ("external_sync",),
}
"""As they were then; all other inboxes are on `events`."""


def upgrade():
    op.add_column("deliveries", sa.Column("queue", sa.String(length=12), server_default="events", nullable=False))
    table = sa.table("deliveries", sa.column("queue"), sa.column("inbox"))
    for queue, inboxes in QUEUES.items():
        op.execute(sa.update(table).where(table.c.inbox.in_(inboxes)).values(queue=queue))
    op.drop_index("ix_deliveries_due", "deliveries")
    _index("ix_deliveries_due", ["queue", "next_attempt_at", "id"], OPEN)
    _index("ix_deliveries_claimed", ["queue", "next_attempt_at"], CLAIMED)


def downgrade():
    op.drop_index("ix_deliveries_claimed", "deliveries")
    op.drop_index("ix_deliveries_due", "deliveries")
    _index("ix_deliveries_due", ["next_attempt_at", "id"], OPEN)
    with op.batch_alter_table("deliveries") as batch:
        batch.drop_column("queue")


def _index(name, columns, where):
    op.create_index(name, "deliveries", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
