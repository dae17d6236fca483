"""What the supplier showed just before an order and after it: the checked price, and evidence of orders of unknown outcome."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    # The supplier's price when the hold was made: what its later price is compared with.
    op.execute("ALTER TABLE hold_history ADD COLUMN supplier_price_cents bigint")
    op.execute("""
        ALTER TABLE purchase_history
            -- When the supplier's item was read just before the order; NULL if it was not. Then its price, how much more that
            -- is than under the hold, and the id of an order item of this account that it showed already.
            ADD COLUMN checked_at             timestamptz,
            ADD COLUMN supplier_price_cents   bigint,
            ADD COLUMN price_difference_cents bigint,
            ADD COLUMN order_item_before      text,
            -- The price for the client by that item, where the purchase was refused because it had changed.
            ADD COLUMN current_price_cents    bigint,
            -- An order item that was not there before, found while the outcome was unknown, and when it was looked for.
            ADD COLUMN order_item_seen        text,
            ADD COLUMN order_item_seen_at     timestamptz,
            ADD COLUMN examined_at            timestamptz,
            -- When the job looks next. Each time puts it off.
            ADD COLUMN examine_at             timestamptz,
            ADD COLUMN examinations           integer NOT NULL DEFAULT 0
    """)


def downgrade() -> None:
    """Drop them."""
    op.execute("""
        ALTER TABLE purchase_history
            DROP COLUMN checked_at, DROP COLUMN supplier_price_cents, DROP COLUMN price_difference_cents,
            DROP COLUMN order_item_before, DROP COLUMN current_price_cents, DROP COLUMN order_item_seen,
            DROP COLUMN order_item_seen_at, DROP COLUMN examined_at, DROP COLUMN examine_at, DROP COLUMN examinations
    """)
    op.execute("ALTER TABLE hold_history DROP COLUMN supplier_price_cents")
