"""References of holds: the shopper of a client, such as a session or a cart."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. NULL: the hold belongs to the client as a whole, as every hold before this revision."""
    op.execute("ALTER TABLE hold_history ADD COLUMN reference text")


def downgrade() -> None:
    """Drop the column."""
    op.execute("ALTER TABLE hold_history DROP COLUMN reference")
