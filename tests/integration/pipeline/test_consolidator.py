import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from inventory.core.database import Database
from inventory.core.errors import LeaseLost, MassDeleteStopped, WatermarkConflict
from inventory.core.settings import Settings
from inventory.suppliers.ports import StoneQuery
from sync.planning.window import Watermark
from sync.runs.statements import sql
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed, stone_id

ACTIVE = "SELECT supplier_stone_id FROM diamonds WHERE status = 'active' ORDER BY 1"
RETAIL = "SELECT retail_price_cents FROM diamonds WHERE supplier_stone_id = $1"


def ids(*numbers: int) -> list[tuple[object, ...]]:
    return [(stone_id(number),) for number in numbers]


async def test_invariant_01_inventory_equals_feed_after_full_run(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(1, 251), cents=100_003)
    await driver.sync()
    assert await driver.rows(ACTIVE) == ids(*range(1, 251))
    assert await driver.rows("SELECT DISTINCT supplier_price_cents, retail_price_cents FROM diamonds") == [
        (100_003, 115_003)  # 115,003.45 cents, rounded half up
    ]


async def test_invariant_14_figures_add_up(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(1, 121))
    await driver.sync()
    feed.put(5, 6, 7, cents=5)
    feed.put(8, diamond__certificate=None)
    feed.put(200)
    run = await driver.sync()
    assert (run.fetched, run.distinct_stones, run.repeated) == (121, 121, 0)
    assert (run.upserted, run.unchanged, run.quarantined) == (4, 116, 1)


async def test_unchanged_stone_is_not_updated(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(1, 2)
    await driver.sync()
    before = await driver.rows("SELECT xmin::text, updated_at FROM diamonds ORDER BY id")
    assert (await driver.sync()).unchanged == 2
    assert await driver.rows("SELECT xmin::text, updated_at FROM diamonds ORDER BY id") == before


async def test_first_matching_rule_prices_stone(driver: RunDriver, feed: FakeFeed) -> None:
    await driver.value(
        """INSERT INTO pricing_rules (name, priority, carat_min_milli, markup_ratio, rating)
           VALUES ('later', 2, NULL, 3, 1), ('first', 1, 1000, 2, 9)"""
    )
    feed.put(1, diamond__certificate__carats=1.0)
    feed.put(2, diamond__certificate__carats=0.99)
    await driver.sync()
    assert await driver.rows("SELECT retail_price_cents, rating FROM diamonds ORDER BY supplier_stone_id") == [
        (200_000, 9),
        (300_000, 1),
    ]


async def test_changed_rule_reprices_stones_of_next_run(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(1)
    await driver.sync()
    await driver.value("INSERT INTO pricing_rules (name, priority, markup_ratio) VALUES ('all', 1, 1.5)")
    await driver.sync()
    assert await driver.value(RETAIL, stone_id(1)) == 150_000


async def test_invariant_11_stone_that_becomes_invalid_leaves_and_returns(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(1, 2)
    await driver.sync()
    diamond = await driver.value("SELECT id FROM diamonds WHERE supplier_stone_id = $1", stone_id(1))
    feed.put(1, diamond__certificate=None)
    await driver.sync()
    assert await driver.rows(ACTIVE) == ids(2)
    assert await driver.value("SELECT status FROM diamonds WHERE id = $1", diamond) == "quarantined"
    feed.put(1)
    await driver.sync()
    assert await driver.rows(ACTIVE) == ids(1, 2)
    assert await driver.value("SELECT id FROM diamonds WHERE supplier_stone_id = $1", stone_id(1)) == diamond


async def test_invariant_06_concurrent_consolidators_do_work_once(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(1, 301))
    run = await driver.read()
    outcomes = await asyncio.gather(*(driver.consolidator.consolidate(run.id) for _ in range(2)))
    assert sum(done is not None for done in outcomes) == 1
    assert (await driver.lifecycle.get(run.id)).upserted == 300


async def first_batch_waits(driver: RunDriver) -> None:
    """Wait until the first batch waits for a row lock and the second one has written its stones."""
    waiting = """SELECT count(*) FILTER (WHERE wait_event_type = 'Lock') = 1
            AND count(*) FILTER (WHERE state = 'idle in transaction') = 1
        FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%INSERT INTO diamonds AS diamond%'
            AND pid <> pg_backend_pid()"""
    async with asyncio.timeout(20):
        while not await driver.value(waiting):  # noqa: ASYNC110 - waits for a state of Postgres
            await asyncio.sleep(0.01)


async def test_later_batch_is_committed_after_earlier_one(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(1, 251))
    await driver.sync()
    feed.put(*range(1, 251), cents=500)
    run = await driver.read()
    async with driver.database.transaction() as connection:
        await connection.execute("SELECT FROM diamonds WHERE supplier_stone_id = $1 FOR UPDATE", stone_id(1))
        consolidating = asyncio.create_task(driver.consolidator.consolidate(run.id))
        await first_batch_waits(driver)
        assert await driver.value("SELECT count(*) FROM diamonds WHERE supplier_price_cents = 500") == 0
        assert (await driver.lifecycle.get(run.id)).consolidated_through is None
    done = await consolidating
    assert done is not None
    assert (done.upserted, done.consolidated_through) == (250, stone_id(250))
    assert await driver.value("SELECT count(*) FROM diamonds WHERE supplier_price_cents = 500") == 250
    events = """SELECT diamond.supplier_stone_id FROM event_log, unnest(diamond_ids) WITH ORDINALITY AS told (id, place)
        JOIN diamonds AS diamond ON diamond.id = told.id ORDER BY event_log.id, place"""
    assert await driver.rows(events) == ids(*range(1, 251))


async def test_no_batch_is_committed_after_lost_lease(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(1, 251))
    await driver.sync()
    feed.put(*range(1, 251), cents=500)
    run = await driver.read()
    async with driver.database.transaction() as connection:
        await connection.execute("SELECT FROM diamonds WHERE supplier_stone_id = $1 FOR UPDATE", stone_id(1))
        consolidating = asyncio.create_task(driver.consolidator.consolidate(run.id))
        await first_batch_waits(driver)
        await driver.value("UPDATE run_metadata SET lease_token = $2 WHERE id = $1", run.id, uuid4())
    with pytest.raises(LeaseLost):
        await consolidating
    assert await driver.value("SELECT count(*) FROM diamonds WHERE supplier_price_cents = 500") == 0
    assert await driver.value("SELECT count(*) FROM event_log") == 0


@pytest.mark.parametrize("pool_size", [1, 2, 3])
async def test_run_is_consolidated_with_few_connections(
    settings: Settings, feed: FakeFeed, watermarks: FileWatermarkStore, pool_size: int
) -> None:
    feed.put(*range(1, 451))
    async with Database.open(settings.database.replace(pool_size=pool_size)) as database:
        driver = RunDriver(settings, database, feed, watermarks)
        assert (await driver.sync()).upserted == 450
        assert await driver.rows(ACTIVE) == ids(*range(1, 451))


async def test_run_of_dead_consolidator_is_resumed(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(1, 301))
    run = await driver.read()
    await driver.value(
        """UPDATE run_metadata SET consolidated_through = $1, upserted = 100, lease_token = $2,
           lease_until = now() + interval '1 second'""",
        stone_id(100),
        uuid4(),
    )
    done = await driver.consolidator.consolidate(run.id)
    assert done is not None
    assert (done.upserted, done.unchanged) == (300, 0)
    assert len(await driver.rows(ACTIVE)) == 200


async def test_invariant_07_watermark_is_end_of_window(
    driver: RunDriver, feed: FakeFeed, watermarks: FileWatermarkStore
) -> None:
    feed.put(1)
    run = await driver.sync()
    stored = await watermarks.read()
    assert stored is not None
    assert stored[0].last_updated_at == run.window_to
    assert stored[0].last_run_id == str(run.id)
    assert run.watermark_moved_at is not None


async def test_invariant_07_watermark_never_decreases(
    driver: RunDriver, feed: FakeFeed, watermarks: FileWatermarkStore
) -> None:
    feed.put(1)
    run = await driver.read()
    ahead = Watermark(last_updated_at=run.window_to + timedelta(hours=1), last_run_id="another")
    await watermarks.write(ahead, None)
    done = await driver.consolidator.consolidate(run.id)
    assert done is not None
    assert done.watermark_moved_at is None
    stored = await watermarks.read()
    assert stored is not None
    assert stored[0] == ahead


async def test_invariant_07_losing_writer_of_watermark_changes_nothing(
    watermarks: FileWatermarkStore, driver: RunDriver, feed: FakeFeed
) -> None:
    feed.put(1)
    run = await driver.sync()
    with pytest.raises(WatermarkConflict):
        await watermarks.write(Watermark(last_updated_at=run.window_to, last_run_id="late"), "an older version")
    stored = await watermarks.read()
    assert stored is not None
    assert stored[0].last_run_id == str(run.id)


async def test_next_consolidator_writes_missing_watermark(
    driver: RunDriver, feed: FakeFeed, watermarks: FileWatermarkStore
) -> None:
    feed.put(1, 2)
    run = await driver.read()
    await driver.value("UPDATE run_metadata SET consolidated_at = now(), upserted = 2")
    done = await driver.consolidator.consolidate(run.id)
    assert done is not None
    assert done.status == "completed"
    assert (await watermarks.read()) is not None


async def test_consolidator_without_lease_does_not_fail_run(
    driver: RunDriver, feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.put(*range(1, 11))
    await driver.sync()
    feed.remove(*range(1, 11))
    run = await driver.open(parts=0)
    honest = feed.count

    async def slow(query: StoneQuery) -> int:
        await driver.value("UPDATE run_metadata SET lease_token = $1", uuid4())
        return await honest(query)

    monkeypatch.setattr(feed, "count", slow)
    with pytest.raises(MassDeleteStopped):
        await driver.consolidator.consolidate(run.id)
    assert (await driver.lifecycle.get(run.id)).status == "consolidating"


async def test_invariant_08_watermark_set_back_during_run_is_kept(
    driver: RunDriver, feed: FakeFeed, watermarks: FileWatermarkStore
) -> None:
    feed.put(1)
    run = await driver.read("incremental")
    assert run.window_from is not None
    back = Watermark(last_updated_at=run.window_from - timedelta(days=2), last_run_id="someone")
    await watermarks.write(back, None)
    done = await driver.consolidator.consolidate(run.id)
    assert done is not None
    assert done.status == "completed"
    assert done.watermark_moved_at is None
    stored = await watermarks.read()
    assert stored is not None
    assert stored[0] == back


async def test_forced_run_applies_read_stones_and_keeps_watermark(
    driver: RunDriver, feed: FakeFeed, watermarks: FileWatermarkStore
) -> None:
    feed.put(*range(1, 6))
    await driver.sync()
    before = await watermarks.read()
    feed.remove(5)
    feed.put(1, cents=200)
    run = await driver.read()
    await driver.value("UPDATE run_metadata SET forced_by = 'someone' WHERE id = $1", run.id)
    done = await driver.consolidator.consolidate(run.id)
    assert done is not None
    assert (done.status, done.upserted, done.deleted, done.watermark_moved_at) == ("completed", 1, 0, None)
    assert await watermarks.read() == before


async def test_batch_finds_stones_by_key_when_planned_for_empty_inventory(driver: RunDriver) -> None:
    async with driver.database.transaction() as connection:
        await connection.execute("ANALYZE raw_diamonds, stones_seen, diamonds")
        await connection.execute(sql.use_indexes)
        rows = await connection.fetch(f"EXPLAIN {sql.batch}", "nivoda", uuid4(), "", 100)
    plan = "\n".join(row[0] for row in rows)
    assert "Seq Scan" not in plan
    assert "diamonds_supplier_supplier_stone_id_key" in plan


async def test_unchanged_batch_is_not_booked_after_lost_lease(
    driver: RunDriver, feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.put(*range(1, 121))
    await driver.sync()
    run = await driver.read()
    count = feed.count

    async def count_without_lease(query: StoneQuery) -> int:
        await driver.value("UPDATE run_metadata SET lease_token = $2 WHERE id = $1", run.id, uuid4())
        return await count(query)

    monkeypatch.setattr(feed, "count", count_without_lease)
    with pytest.raises(LeaseLost):
        await driver.consolidator.consolidate(run.id)
    assert (await driver.lifecycle.get(run.id)).consolidated_through is None
