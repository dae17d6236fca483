"""Diamonds from records: equal to a `Diamond` in every selected column, UNSET in the others."""

import random

import msgspec
import pytest

from inventory.catalog import statements
from inventory.catalog.diamond import COLUMNS, Diamond
from inventory.catalog.records import diamonds_of
from inventory.catalog.search import CREATED, DiamondCriteria, PageWindow, SortOrder
from inventory.core.database import Database
from tests.integration.catalog.random_diamonds import stock


@pytest.mark.parametrize(
    "columns", [COLUMNS, ("id",), ("shape", "carat_milli", "retail_price_cents"), ("open_hold", "attributes")]
)
async def test_diamonds_have_selected_columns(database: Database, columns: tuple[str, ...]) -> None:
    page = statements.page(DiamondCriteria(), SortOrder(CREATED), PageWindow(limit=50), columns)
    await stock(database, 30, random.Random(3))
    async with database.connection() as connection:
        records = await connection.fetch(page.text, *page.arguments)
    assert len(records) > 20  # some are not active
    for diamond, record in zip(diamonds_of(records, after=1), records, strict=True):
        expected = Diamond(**{name: value for name, value in record.items() if name != "sort_value"})
        for name in COLUMNS:
            assert getattr(diamond, name) == getattr(expected, name)
            assert (getattr(diamond, name) is msgspec.UNSET) == (name not in {*columns, "id"})
        if "carat_milli" in columns:
            assert diamond.retail_per_carat_cents == expected.retail_per_carat_cents
        with pytest.raises(AttributeError):
            diamond.shape = "OVAL"  # type: ignore[misc]


def test_no_records_are_no_diamonds() -> None:
    assert diamonds_of([], after=1) == []
