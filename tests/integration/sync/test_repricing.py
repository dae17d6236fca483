"""Repricing: every active stone gets its price by the current rules, and only prices change."""

import asyncio
from decimal import Decimal
from uuid import uuid4

import pytest

from inventory.core.clock import utc_now
from inventory.core.database import Database
from inventory.core.settings import Settings
from sync.operations.repricing import ConsolidationUnderWay, Repricing
from sync.runs.statements import sql
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed, stone_id

ADD_RULE = (
    "INSERT INTO pricing_rules (name, priority, carat_max_milli, markup_ratio, rating) VALUES ('a', 1, $1, $2, 3) "
    "RETURNING id"
)


@pytest.fixture
def repricing(settings: Settings, database: Database) -> Repricing:
    return Repricing(settings.sync.replace(consolidation_batch=7), database, utc_now)


async def test_changed_rule_reprices_exactly_its_stones(
    driver: RunDriver, feed: FakeFeed, repricing: Repricing
) -> None:
    feed.put(*range(20), cents=1_000_01)
    feed.put(*range(5), cents=1_000_01, diamond__certificate__carats=0.5)
    await driver.sync()
    assert await repricing.reprice() == 0
    await driver.value(ADD_RULE, 600, Decimal("1.5"))
    assert await repricing.reprice() == 5
    assert await driver.rows(
        "SELECT carat_milli = 500, retail_price_cents, markup_ratio, rating, count(*) FROM diamonds "
        "GROUP BY 1, 2, 3, 4 ORDER BY 1"
    ) == [
        (False, 115_001, Decimal("1.1500"), None, 15),
        (True, 150_002, Decimal("1.5000"), 3, 5),
    ]
    assert await repricing.reprice() == 0


async def test_next_run_leaves_repriced_stones_unchanged(
    driver: RunDriver, feed: FakeFeed, repricing: Repricing
) -> None:
    feed.put(*range(10))
    await driver.sync()
    await driver.value(ADD_RULE, None, Decimal("1.5"))
    await repricing.reprice()
    run = await driver.sync()
    assert (run.upserted, run.unchanged) == (0, 10)


async def test_inactive_stones_keep_prices(driver: RunDriver, feed: FakeFeed, repricing: Repricing) -> None:
    feed.put(1, 2)
    await driver.sync()
    await driver.value("UPDATE diamonds SET status = 'quarantined'")
    await driver.value(ADD_RULE, None, Decimal("1.5"))
    assert await repricing.reprice() == 0


async def test_repricing_waits_for_consolidation_with_old_rules(
    driver: RunDriver, feed: FakeFeed, repricing: Repricing
) -> None:
    feed.put(1)
    run = await driver.read()
    async with driver.database.connection() as connection:
        await connection.fetchrow(sql.claim_consolidation, run.id, uuid4(), 0.0)
    with pytest.raises(ConsolidationUnderWay) as raised:
        await repricing.reprice()
    assert raised.value.retryable
    await driver.consolidator.consolidate(run.id)
    await repricing.reprice()


async def test_repricing_and_concurrent_batches_do_not_wait_for_each_other(
    settings: Settings, database: Database, feed: FakeFeed, watermarks: FileWatermarkStore
) -> None:
    driver = RunDriver(settings.with_values(sync_consolidation_batch=100), database, feed, watermarks)
    feed.put(*range(1, 251))
    await driver.sync()
    feed.put(*range(1, 251), cents=500)
    paused = """SELECT count(*) >= $1 FROM pg_stat_activity WHERE datname = current_database()
        AND (wait_event_type = 'Lock' OR state = 'idle in transaction')"""

    async def until_paused(transactions: int) -> None:
        async with asyncio.timeout(20):
            while not await driver.value(paused, transactions):  # noqa: ASYNC110 - waits for a state of Postgres
                await asyncio.sleep(0.01)

    # A batch of the repricing covers the batches of the consolidation. It waits for the first stone, the consolidation for it.
    async with database.transaction() as connection:
        await connection.execute("SELECT FROM diamonds WHERE supplier_stone_id = $1 FOR UPDATE", stone_id(1))
        repricing = asyncio.create_task(Repricing(settings.sync, database, utc_now).reprice())
        await until_paused(2)
        run = await driver.read()
        consolidating = asyncio.create_task(driver.consolidator.consolidate(run.id))
        await until_paused(4)
    async with asyncio.timeout(20):
        await repricing
        done = await consolidating
    assert done is not None
    assert done.upserted == 250
