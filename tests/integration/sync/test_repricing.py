"""Repricing: every active stone gets the price of the present rules, and only prices change."""

from decimal import Decimal
from uuid import uuid4

import pytest

from inventory.core.clock import utc_now
from inventory.core.database import Database
from inventory.core.settings import Settings
from sync.operations.repricing import ConsolidationUnderWay, Repricing
from sync.runs.statements import sql
from tests.integration.pipeline.conftest import Bench
from tests.integration.pipeline.shelf import Shelf

ADD_RULE = (
    "INSERT INTO pricing_rules (name, priority, carat_max_milli, markup_ratio, rating) VALUES ('a', 1, $1, $2, 3) "
    "RETURNING id"
)


@pytest.fixture
def repricing(settings: Settings, database: Database) -> Repricing:
    return Repricing(settings.sync.model_copy(update={"consolidation_batch": 7}), database, utc_now)


async def test_a_changed_rule_reaches_exactly_the_stones_that_it_is_for(
    bench: Bench, shelf: Shelf, repricing: Repricing
) -> None:
    shelf.lay(*range(20), cents=1_000_01)
    shelf.lay(*range(5), cents=1_000_01, diamond__certificate__carats=0.5)
    await bench.sync()
    assert await repricing.reprice() == 0
    await bench.value(ADD_RULE, 600, Decimal("1.5"))
    assert await repricing.reprice() == 5
    assert await bench.rows(
        "SELECT carat_milli = 500, retail_price_cents, markup_ratio, rating, count(*) FROM diamonds "
        "GROUP BY 1, 2, 3, 4 ORDER BY 1"
    ) == [
        (False, 115_001, Decimal("1.1500"), None, 15),
        (True, 150_002, Decimal("1.5000"), 3, 5),
    ]
    assert await repricing.reprice() == 0


async def test_the_next_run_finds_repriced_stones_unchanged(bench: Bench, shelf: Shelf, repricing: Repricing) -> None:
    shelf.lay(*range(10))
    await bench.sync()
    await bench.value(ADD_RULE, None, Decimal("1.5"))
    await repricing.reprice()
    run = await bench.sync()
    assert (run.upserted, run.unchanged) == (0, 10)


async def test_stones_that_are_not_for_sale_keep_their_prices(bench: Bench, shelf: Shelf, repricing: Repricing) -> None:
    shelf.lay(1, 2)
    await bench.sync()
    await bench.value("UPDATE diamonds SET status = 'quarantined'")
    await bench.value(ADD_RULE, None, Decimal("1.5"))
    assert await repricing.reprice() == 0


async def test_repricing_waits_for_a_consolidation_which_still_prices_by_the_old_rules(
    bench: Bench, shelf: Shelf, repricing: Repricing
) -> None:
    shelf.lay(1)
    run = await bench.read()
    async with bench.database.connection() as connection:
        await connection.fetchrow(sql.claim_consolidation, run.id, uuid4(), 0.0)
    with pytest.raises(ConsolidationUnderWay) as raised:
        await repricing.reprice()
    assert raised.value.retryable
    await bench.consolidator.consolidate(run.id)
    await repricing.reprice()
