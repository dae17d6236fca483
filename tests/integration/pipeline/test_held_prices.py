"""Prices of the inventory: the planner estimates the feed's distribution from them."""

from sync.runs.statements import sql
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed


async def test_held_prices_are_in_dimension_of_plan(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(1, 2, cents=100_000, diamond__certificate__carats=2.0)
    feed.put(3, cents=100_050, diamond__certificate__carats=1.0)
    feed.put(4, cents=77_700, diamond__certificate__carats=0.5)
    await driver.sync()
    by_price = [(777, 1, 1), (1000, 2, 2), (1001, 1, 0)]
    by_price_per_carat = [(500, 2, 2), (1001, 1, 0), (1554, 1, 1)]
    async with driver.database.connection() as connection:
        for per_carat, expected in ((False, by_price), (True, by_price_per_carat)):
            rows = await connection.fetch(sql.held_prices, "nivoda", per_carat)
            assert [tuple(row.values()) for row in rows] == expected
