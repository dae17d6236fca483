"""Drop the indexes of sorts that the search index answers: seven of 17 indexes of `diamonds` served nothing else.

Every write of a diamond that cannot be a HOT update writes into each index. Postgres keeps the indexes of `SortKey.indexed`.

Contracts: the code before reads pages of all diamonds by these sorts with a sequential scan, which takes 0.2 to 0.6 s at
450,000 diamonds instead of milliseconds. It needs none of the indexes.
"""

from inventory.core import indexes

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

# As 0008 and 0023 created them.
_SORTS = {
    "diamonds_retail_per_carat": "(retail_price_cents / carat_milli * 1000"
    " + (retail_price_cents % carat_milli * 2000 + carat_milli) / (2 * carat_milli))",
    "diamonds_color": "color_rank",
    "diamonds_clarity": "clarity_rank",
    "diamonds_rating": "rating",
    "diamonds_cut": "cut_rank",
    "diamonds_ratio": "CASE WHEN NOT measurements_hidden THEN ratio_milli END",
    "diamonds_delivery": "delivery_max_days",
}


def upgrade() -> None:
    """Drop the indexes."""
    for name in _SORTS:
        indexes.drop(name)


def downgrade() -> None:
    """Create them."""
    for name, key in _SORTS.items():
        indexes.create(name, f"ON diamonds (({key}), id) WHERE status = 'active'")
