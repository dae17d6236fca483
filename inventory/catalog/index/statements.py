"""Statements of the search index."""

from collections.abc import Collection
from functools import lru_cache

from inventory.catalog.index.criteria import ENCODED, INTEGERS
from inventory.catalog.search import RETAIL_PER_CARAT
from inventory.catalog.statements import AVAILABILITY_OF_MANY, columns_of_find
from inventory.core.sql import Statements
from inventory.events.log import sql as events

_sql = Statements("inventory.catalog.index")

# Maximum lists of columns, which clients determine by their selections.
_MAX_PAGES = 1000
_MICROSECONDS = "(extract(epoch FROM {name}) * 1000000)::bigint"
_EXPRESSIONS = {
    "availability": AVAILABILITY_OF_MANY,
    "retail_per_carat_cents": RETAIL_PER_CARAT.expression,
    "has_image": "image_url IS NOT NULL",
    "has_video": "video_url IS NOT NULL",
    "has_spin": "spin_url IS NOT NULL",
    "created_at": _MICROSECONDS.format(name="created_at"),
    "updated_at": _MICROSECONDS.format(name="updated_at"),
}
_COLUMNS = ", ".join(["id", *(_EXPRESSIONS.get(name, name) for name in (*ENCODED, *INTEGERS))])

VERSION = events.part("data_version")
STATE = _sql.state.format(version=VERSION)
ROWS = _sql.rows.format(columns=_COLUMNS)
ROWS_OF = _sql.rows_of.format(columns=_COLUMNS)
CHANGED = _sql.changed


def page(columns: Collection[str]) -> str:
    """Statement of diamonds by id with the data version. It is cached by its columns."""
    return _page(frozenset(columns))


@lru_cache(_MAX_PAGES)
def _page(columns: frozenset[str]) -> str:
    return _sql.page.format(version=VERSION, columns=columns_of_find(columns))
