"""Distinct stones of a partition, by which the balance of a run is measured."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. NULL: the partition has not ended, or ended before the column was there."""
    op.execute("ALTER TABLE worker_runs ADD COLUMN distinct_stones integer")


def downgrade() -> None:
    """Drop the column."""
    op.execute("ALTER TABLE worker_runs DROP COLUMN distinct_stones")
