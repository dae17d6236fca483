"""Search by the beginning of a certificate or stock number, and sorts by cut, ratio and delivery time."""

from inventory.core import indexes

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# The expressions of `inventory.catalog.statements` and `inventory.catalog.search`, to the letter.
_SORTS = {
    "diamonds_cut": "cut_rank",
    "diamonds_ratio": "CASE WHEN NOT measurements_hidden THEN ratio_milli END",
    "diamonds_delivery": "delivery_max_days",
}
_TEXTS = {
    "diamonds_certificate_prefix": "certificate_number",
    "diamonds_stock_number": "stock_number",
    "diamonds_supplier_stock_number": "supplier_stock_number",
}


def upgrade() -> None:
    """Create the indexes."""
    for name, key in _SORTS.items():
        indexes.create(name, f"ON diamonds (({key}), id) WHERE status = 'active'")
    for name, column in _TEXTS.items():
        indexes.create(name, f"ON diamonds (lower({column}) text_pattern_ops) WHERE {column} IS NOT NULL")


def downgrade() -> None:
    """Drop them."""
    for name in (*_SORTS, *_TEXTS):
        indexes.drop(name)
