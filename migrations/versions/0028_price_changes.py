"""Changes of retail prices, for the price history of a diamond."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and the trigger that fills it in the transaction of each change, by a sync or by new pricing rules."""
    op.execute("""
        CREATE TABLE price_changes (
            id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            diamond_id     uuid NOT NULL REFERENCES diamonds ON DELETE CASCADE,
            changed_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
            previous_cents bigint NOT NULL,
            price_cents    bigint NOT NULL
        )
    """)
    op.execute("CREATE INDEX price_changes_diamond ON price_changes (diamond_id, changed_at DESC)")
    op.execute("""
        CREATE FUNCTION record_price_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO price_changes (diamond_id, previous_cents, price_cents)
            VALUES (NEW.id, OLD.retail_price_cents, NEW.retail_price_cents);
            RETURN NULL;
        END
        $$
    """)
    # The condition is evaluated without a call, so an update of other columns costs nothing.
    op.execute("""
        CREATE TRIGGER diamonds_price_changed AFTER UPDATE OF retail_price_cents ON diamonds
        FOR EACH ROW WHEN (OLD.retail_price_cents IS DISTINCT FROM NEW.retail_price_cents)
        EXECUTE FUNCTION record_price_change()
    """)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TRIGGER diamonds_price_changed ON diamonds")
    op.execute("DROP FUNCTION record_price_change()")
    op.execute("DROP TABLE price_changes")
