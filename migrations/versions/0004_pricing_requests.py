"""Which request made a pricing rule: the same one, sent again, finds it instead of making another."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    # SHA-256 of the request; NULL for a rule that did not come through the API.
    op.execute("ALTER TABLE pricing_rules ADD COLUMN request_hash bytea")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE pricing_rules DROP COLUMN request_hash")
