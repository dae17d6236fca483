"""Query plans: pages of indexed sorts are read from an index in sort order. The search index has the other sorts."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from inventory.catalog import statements
from inventory.catalog.search import (
    SORTS,
    DiamondCriteria,
    NumericRange,
    PageOffset,
    PageWindow,
    SortOrder,
)
from inventory.core.database import Connection
from tests.integration.api.diamonds import Insert
from tests.integration.api.test_graphql import mixed

STONES = 4000


@pytest_asyncio.fixture
async def connection(database_url: str, insert: Insert) -> AsyncIterator[Connection]:
    """A connection to an inventory that is large enough for index use."""
    await insert(mixed(STONES))
    connection = await asyncpg.connect(database_url, server_settings={"search_path": "inventory"})
    await connection.execute("ANALYZE diamonds")
    yield connection
    await connection.close()


async def plan(connection: Connection, statement: statements.Statement) -> str:
    rows = await connection.fetch(f"EXPLAIN {statement.text}", *statement.arguments)
    return "\n".join(row[0] for row in rows)


async def test_every_indexed_sort_uses_index_in_both_directions_at_any_depth(
    connection: Connection,
) -> None:
    wrong = []
    indexed = [sort for sort in SORTS if sort.indexed]
    assert len(indexed) == 4
    for order in (SortOrder(sort, descending=down) for sort in indexed for down in (False, True)):
        middle = statements.page(DiamondCriteria(), order, PageOffset(1, STONES // 2), [])
        (row, *_) = await connection.fetch(middle.text, *middle.arguments)
        position = statements.position(row["sort_value"], row["id"])
        for window in (
            PageWindow(limit=50),
            PageWindow(limit=50, backwards=True),
            PageWindow(limit=50, after=position),
            PageWindow(limit=50, before=position, backwards=True),
        ):
            found = await plan(connection, statements.page(DiamondCriteria(), order, window, ["shape", "image_url"]))
            if "Seq Scan on diamonds" in found or "Index Scan" not in found:
                wrong.append((order, window, found))
    assert wrong == []


async def test_supplier_price_range_is_counted_by_index(connection: Connection) -> None:
    found = await plan(connection, statements.count(DiamondCriteria(supplier_price_cents=NumericRange(1, 2))))
    assert "diamonds_supplier_price" in found


@pytest.mark.parametrize("backwards", [False, True])
async def test_null_values_are_not_read_for_page_without_them(connection: Connection, backwards: bool) -> None:
    order = SortOrder(next(sort for sort in SORTS if sort.nullable), descending=backwards)
    page = statements.page(DiamondCriteria(), order, PageWindow(limit=50, backwards=backwards), ["shape"])
    rows = await connection.fetch(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {page.text}", *page.arguments)
    assert any("never executed" in row[0] for row in rows)
