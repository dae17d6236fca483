"""Finding the purchases of unknown outcome whose turn it is to be examined."""

from inventory.core import indexes

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    # For the statement `claim_unknown` of inventory/trading.
    indexes.create(
        "purchase_history_unknown",
        "ON purchase_history (examine_at NULLS FIRST) WHERE state = 'unknown' AND order_item_seen IS NULL",
    )


def downgrade() -> None:
    """Drop it."""
    indexes.drop("purchase_history_unknown")
