"""Origin (natural or lab-grown) that the query of a supplier item asked for."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. NULL: the query asked for both origins, as every query did before."""
    op.execute("ALTER TABLE raw_diamonds_nivoda ADD COLUMN queried_lab_grown boolean")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE raw_diamonds_nivoda DROP COLUMN queried_lab_grown")
