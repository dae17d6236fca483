"""Finding a diamond by its certificate without reading the whole inventory."""

from inventory.core import indexes

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    # By number first: it alone tells nearly all reports apart.
    indexes.create("diamonds_certificate", "ON diamonds (certificate_number, certificate_lab) WHERE status = 'active'")


def downgrade() -> None:
    """Drop it."""
    indexes.drop("diamonds_certificate")
