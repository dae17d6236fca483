"""End of an incident: when it ended, and who ended it."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. `resolved_by`: an operator, or null if the jobs role found that the cause is gone."""
    op.execute("ALTER TABLE alerts ADD COLUMN resolved_at timestamptz, ADD COLUMN resolved_by text")


def downgrade() -> None:
    """Drop them."""
    op.execute("ALTER TABLE alerts DROP COLUMN resolved_at, DROP COLUMN resolved_by")
