"""The operator who allowed a run's share of quarantined items."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. NULL: the limit holds for the run."""
    op.execute("ALTER TABLE run_metadata ADD COLUMN quarantine_allowed_by text")


def downgrade() -> None:
    """Drop the column."""
    op.execute("ALTER TABLE run_metadata DROP COLUMN quarantine_allowed_by")
