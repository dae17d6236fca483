"""Drop the unique index on the stone's id alone, which only workers before 0034 need.

It costs a write for each staged row, and it forbids the same stone id in two feeds whose rows `raw_diamonds_nivoda` holds.

Contracts: workers of code before 0034 cannot stage. Stop them before this migration.
"""

from inventory.core import indexes

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the index."""
    indexes.drop("raw_diamonds_nivoda_stone")


def downgrade() -> None:
    """Create it."""
    indexes.create("raw_diamonds_nivoda_stone", "ON raw_diamonds_nivoda (supplier_stone_id)", unique=True)
