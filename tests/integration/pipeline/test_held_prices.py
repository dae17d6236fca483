"""The prices of the inventory, by which a plan foretells where the feed's stones lie."""

from sync.runs.statements import sql
from sync.worker.staging import SUPPLIER
from tests.integration.pipeline.conftest import Bench
from tests.integration.pipeline.shelf import Shelf


async def test_held_prices_are_in_the_dimension_of_the_plan(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(1, 2, cents=100_000, diamond__certificate__carats=2.0)
    shelf.lay(3, cents=100_050, diamond__certificate__carats=1.0)
    shelf.lay(4, cents=77_700, diamond__certificate__carats=0.5)
    await bench.sync()
    by_price = [(777, 1, 1), (1000, 2, 2), (1001, 1, 0)]
    by_price_per_carat = [(500, 2, 2), (1001, 1, 0), (1554, 1, 1)]
    async with bench.database.connection() as connection:
        for per_carat, expected in ((False, by_price), (True, by_price_per_carat)):
            rows = await connection.fetch(sql.held_prices, SUPPLIER, per_carat)
            assert [tuple(row.values()) for row in rows] == expected
