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
_LONGEST_DAYS = 3650


def upgrade() -> None:
    """Add the columns, and fill those of diamonds from their attributes. A sync fills the raw table: its mapping is newer."""
    added = ", ".join(f"ADD COLUMN {name} {kind}" for name, kind in _COLUMNS.items())
    for table in ("raw_diamonds_nivoda", "diamonds"):
        op.execute(f"ALTER TABLE {table} {added}")
    days = f"CASE WHEN ({{text}}) ~ '^[0-9]{{{{1,4}}}}$' AND ({{text}})::integer <= {_LONGEST_DAYS} THEN ({{text}})::integer END"
    values = {
        "growth_method": "CASE WHEN lab_grown AND upper(attributes ->> 'labGrownType') IN ('CVD', 'HPHT') "
        "THEN upper(attributes ->> 'labGrownType') END",
        "spin_url": "attributes ->> 'spinUrl'",
        "stock_number": "attributes ->> 'nivodaStockId'",
        "supplier_stock_number": "attributes ->> 'supplierStockId'",
        "delivery_min_days": days.format(text="attributes #>> '{deliveryTime,minDays}'"),
        "delivery_max_days": days.format(text="attributes #>> '{deliveryTime,maxDays}'"),
        "return_days": days.format(text="attributes ->> 'returnDays'"),
    }
    op.execute("UPDATE diamonds SET " + ", ".join(f"{name} = {value}" for name, value in values.items()))  # noqa: S608


def downgrade() -> None:
    """Drop the columns."""
    for table in ("raw_diamonds_nivoda", "diamonds"):
        op.execute(f"ALTER TABLE {table} " + ", ".join(f"DROP COLUMN {name}" for name in _COLUMNS))
