"""What the supplier's schema lacked when a run was read."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. One sentence for each difference, sorted; empty where the schema offers everything."""
    op.execute("ALTER TABLE run_metadata ADD COLUMN schema_differences text[] NOT NULL DEFAULT '{}'")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE run_metadata DROP COLUMN schema_differences")
