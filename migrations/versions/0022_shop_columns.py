"""Columns of diamonds for shops: media, service and stock numbers, which were in the attributes only."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_COLUMNS = {
    "growth_method": "text",
    "spin_url": "text",
    "stock_number": "text",
    "supplier_stock_number": "text",
    "delivery_min_days": "integer",
    "delivery_max_days": "integer",
    "return_days": "integer",
}

_DAYS = """
CREATE FUNCTION pg_temp.days(text) RETURNS integer IMMUTABLE LANGUAGE sql AS $$
    SELECT CASE WHEN $1 ~ '^[0-9]{1,4}$' AND $1::integer <= 3650 THEN $1::integer END
$$
"""
_FILL = """
UPDATE diamonds SET
    growth_method = CASE
        WHEN lab_grown AND upper(attributes ->> 'labGrownType') IN ('CVD', 'HPHT')
        THEN upper(attributes ->> 'labGrownType')
    END,
    spin_url = attributes ->> 'spinUrl',
    stock_number = attributes ->> 'nivodaStockId',
    supplier_stock_number = attributes ->> 'supplierStockId',
    delivery_min_days = pg_temp.days(attributes #>> '{deliveryTime,minDays}'),
    delivery_max_days = pg_temp.days(attributes #>> '{deliveryTime,maxDays}'),
    return_days = pg_temp.days(attributes ->> 'returnDays')
"""


def upgrade() -> None:
    """Add the columns, and fill those of diamonds from their attributes. A sync fills the raw table: its mapping is newer."""
    added = ", ".join(f"ADD COLUMN {name} {kind}" for name, kind in _COLUMNS.items())
    for table in ("raw_diamonds_nivoda", "diamonds"):
        op.execute(f"ALTER TABLE {table} {added}")
    op.execute(_DAYS)
    op.execute(_FILL)
    op.execute("DROP FUNCTION pg_temp.days(text)")


def downgrade() -> None:
    """Drop the columns."""
    for table in ("raw_diamonds_nivoda", "diamonds"):
        op.execute(f"ALTER TABLE {table} " + ", ".join(f"DROP COLUMN {name}" for name in _COLUMNS))
