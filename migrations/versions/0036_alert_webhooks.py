"""Delivery of alerts to a webhook, beside that of mails: each channel has its own attempts."""

from alembic import op

from inventory.core import indexes

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the index of waiting posts."""
    op.execute("""
        ALTER TABLE alerts
            ADD COLUMN posted_at timestamptz,
            ADD COLUMN post_attempts integer NOT NULL DEFAULT 0,
            ADD COLUMN next_post_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            ADD COLUMN post_error text
    """)
    indexes.create("alerts_to_post", "ON alerts (next_post_at) WHERE posted_at IS NULL")


def downgrade() -> None:
    """Drop them."""
    indexes.drop("alerts_to_post")
    op.execute("""
        ALTER TABLE alerts DROP COLUMN posted_at, DROP COLUMN post_attempts, DROP COLUMN next_post_at, DROP COLUMN post_error
    """)
