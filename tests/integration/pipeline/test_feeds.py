"""Two feeds in one inventory: their stones never meet, even with equal ids."""

from pathlib import Path

import asyncpg
import pytest

from inventory.core.database import Database
from inventory.core.settings import Settings
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed, stone_id

ACTIVE = "SELECT supplier, supplier_stone_id, supplier_price_cents FROM diamonds WHERE status = 'active' ORDER BY 1, 2"


@pytest.fixture
def second_feed() -> FakeFeed:
    return FakeFeed()


@pytest.fixture
async def second(settings: Settings, database: Database, second_feed: FakeFeed, tmp_path: Path) -> RunDriver:
    async with database.connection() as connection:
        await connection.execute("SELECT create_raw_partition('acme')")
    return RunDriver(
        settings.with_values(sync_feed="acme"), database, second_feed, FileWatermarkStore(tmp_path, "acme")
    )


async def test_stones_of_two_feeds_with_equal_ids_are_separate(
    driver: RunDriver, feed: FakeFeed, second: RunDriver, second_feed: FakeFeed
) -> None:
    feed.put(1, 2, cents=100_000)
    second_feed.put(1, 3, cents=70_000)
    await driver.sync()
    await second.sync()
    assert await driver.rows(ACTIVE) == [
        ("acme", stone_id(1), 70_000),
        ("acme", stone_id(3), 70_000),
        ("nivoda", stone_id(1), 100_000),
        ("nivoda", stone_id(2), 100_000),
    ]
    raw = "SELECT tableoid::regclass::text, count(*) FROM raw_diamonds GROUP BY 1 ORDER BY 1"
    assert await driver.rows(raw) == [("raw_diamonds_acme", 2), ("raw_diamonds_nivoda", 2)]
    assert await driver.value("SELECT count(DISTINCT id) FROM diamonds") == 4


async def test_deletes_and_quarantine_of_one_feed_spare_the_other(
    driver: RunDriver, feed: FakeFeed, second: RunDriver, second_feed: FakeFeed
) -> None:
    feed.put(*range(1, 11))
    second_feed.put(*range(1, 11))
    await driver.sync()
    await second.sync()
    second_feed.remove(1)
    second_feed.put(2, diamond__certificate=None)
    run = await second.sync()
    assert (run.deleted, run.quarantined) == (1, 1)
    assert [row[:2] for row in await driver.rows(ACTIVE)] == [
        *(("acme", stone_id(number)) for number in range(3, 11)),
        *(("nivoda", stone_id(number)) for number in range(1, 11)),
    ]
    assert await driver.rows("SELECT feed FROM raw_diamonds WHERE gone_at IS NOT NULL") == [("acme",)]
    again = await driver.sync()
    assert (again.unchanged, again.upserted, again.deleted) == (10, 0, 0)


async def test_rules_of_one_supplier_do_not_price_the_other(
    driver: RunDriver, feed: FakeFeed, second: RunDriver, second_feed: FakeFeed
) -> None:
    await driver.value(
        "INSERT INTO pricing_rules (name, priority, supplier, markup_ratio) VALUES ('acme', 1, 'acme', 2)"
    )
    feed.put(1, cents=100_000)
    second_feed.put(1, cents=100_000)
    await driver.sync()
    await second.sync()
    prices = "SELECT supplier, retail_price_cents FROM diamonds ORDER BY 1"
    assert await driver.rows(prices) == [("acme", 200_000), ("nivoda", 115_000)]


async def test_runs_of_two_feeds_are_open_at_the_same_time(driver: RunDriver, second: RunDriver) -> None:
    runs = [await driver.open(), await second.open()]
    assert [run.feed for run in runs] == ["nivoda", "acme"]


@pytest.mark.parametrize("name", ["Acme", "a_b", "1a", "a'b", ""])
async def test_raw_table_of_invalid_name_is_not_created(driver: RunDriver, name: str) -> None:
    with pytest.raises(asyncpg.RaiseError):
        await driver.value("SELECT create_raw_partition($1)", name)
