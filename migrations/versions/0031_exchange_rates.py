"""Exchange rates of display currencies, which operators define."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.execute("""
        CREATE TABLE exchange_rates (
            -- ISO 4217.
            currency text PRIMARY KEY CHECK (currency ~ '^[A-Z]{3}$' AND currency <> 'USD'),
            -- Units of the currency for one US dollar.
            rate     numeric(18, 9) NOT NULL CHECK (rate > 0),
            rate_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
            set_by   text NOT NULL
        )
    """)


def downgrade() -> None:
    """Drop the table."""
    op.execute("DROP TABLE exchange_rates")
