"""Finding the orders that wait for the supplier's answer, and the declined ones that wait for a sync."""

from inventory.core import indexes

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the indexes."""
    # Their own migration: an index is built outside of a transaction, which the columns of 0012 must not leave half done.
    # For the statement `claim_unanswered` of inventory/trading.
    indexes.create(
        "purchase_history_unanswered",
        "ON purchase_history (ended_at) WHERE state = 'confirmed' AND supplier_answer IS NULL AND reminded_at IS NULL",
    )
    # For the statement `declined_and_seen` of inventory/trading.
    indexes.create(
        "purchase_history_declined",
        "ON purchase_history (answered_at) WHERE state = 'confirmed' AND supplier_answer = 'declined'",
    )


def downgrade() -> None:
    """Drop them."""
    indexes.drop("purchase_history_declined")
    indexes.drop("purchase_history_unanswered")
