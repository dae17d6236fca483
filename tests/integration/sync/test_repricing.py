"""Repricing: every active stone gets its price by the current rules, and only prices change."""

from decimal import Decimal
from uuid import uuid4

import pytest

from inventory.core.clock import utc_now
from inventory.core.database import Database
from inventory.core.settings import Settings
from sync.operations.repricing import ConsolidationUnderWay, Repricing
from sync.runs.statements import sql
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed

ADD_RULE = (
    "INSERT INTO pricing_rules (name, priority, carat_max_milli, markup_ratio, rating) VALUES ('a', 1, $1, $2, 3) "
    "RETURNING id"
)


@pytest.fixture
def repricing(settings: Settings, database: Database) -> Repricing:
    return Repricing(settings.sync.model_copy(update={"consolidation_batch": 7}), database, utc_now)


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
