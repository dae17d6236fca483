"""Finding a diamond by its certificate without reading the whole inventory."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    # By number first: it alone tells nearly all reports apart.
    op.execute(
        "CREATE INDEX diamonds_certificate ON diamonds (certificate_number, certificate_lab) WHERE status = 'active'"
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP INDEX diamonds_certificate")
