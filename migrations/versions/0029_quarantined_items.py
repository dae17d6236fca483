"""Finding the supplier items in quarantine, which are few, without reading all items with their payloads."""

from inventory.core import indexes

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    # For the statement `quarantine_groups` of inventory/runs.
    indexes.create(
        "raw_diamonds_nivoda_problem",
        "ON raw_diamonds_nivoda (problem, supplier_stone_id) INCLUDE (feed) WHERE problem IS NOT NULL AND gone_at IS NULL",
    )


def downgrade() -> None:
    """Drop it."""
    indexes.drop("raw_diamonds_nivoda_problem")
