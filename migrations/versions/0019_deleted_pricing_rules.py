"""Ids of deleted pricing rules: a request that made one, sent again, does not make it again."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table. An id is the hash of the client and its idempotency key."""
    op.execute("CREATE TABLE deleted_pricing_rules (id uuid PRIMARY KEY, deleted_at timestamptz NOT NULL)")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE deleted_pricing_rules")
