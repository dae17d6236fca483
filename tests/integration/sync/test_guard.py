"""Safety checks of a consolidation, and their confirmation by an operator."""

import pytest

from inventory.core.database import Database
from inventory.core.errors import MassDeleteStopped
from inventory.runs import repository
from sync.operations.control import RunControl
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed, stone_id

ACTIVE = "SELECT count(*) FROM diamonds WHERE status = 'active'"


async def alerts(database: Database) -> list[str]:
    async with database.connection() as connection:
        return [row["kind"] for row in await connection.fetch("SELECT kind FROM alerts ORDER BY created_at")]


async def test_mass_delete_stops_run_alerts_once_and_continues_after_confirmation(
    driver: RunDriver, feed: FakeFeed, control: RunControl, watermarks: FileWatermarkStore, database: Database
) -> None:
    feed.put(*range(10))
    await driver.sync()
    before = await watermarks.read()
    feed.remove(*range(5))
    run = await driver.read()
    with pytest.raises(MassDeleteStopped, match=rf"consolidate --allow-mass-delete {run.id}"):
        await driver.consolidator.consolidate(run.id)
    stopped = await driver.lifecycle.get(run.id)
    assert (stopped.status, stopped.error_code) == ("failed", "MASS_DELETE_STOPPED")
    assert await driver.value(ACTIVE) == 10
    assert await watermarks.read() == before
    assert await alerts(database) == ["mass_delete_stopped"]
    content = str(await driver.value("SELECT content::text FROM alerts"))
    assert "The 5 diamonds that would be deleted" in content
    assert all(stone_id(number) in content for number in range(5))
    assert f"runs show {run.id} --missing" in content

    await control.consolidate(run.id, "someone", allow_mass_delete=True)
    done = await driver.consolidator.consolidate(run.id)
    assert done is not None
    assert (done.status, done.deleted, done.mass_delete_allowed_by) == ("completed", 5, "someone")
    assert await driver.value(ACTIVE) == 5
    assert await alerts(database) == ["mass_delete_stopped"]
    after = await watermarks.read()
    assert after is not None
    assert after[0].last_updated_at == done.window_to


async def test_unconfirmed_run_is_stopped_again(driver: RunDriver, feed: FakeFeed, control: RunControl) -> None:
    feed.put(*range(10))
    await driver.sync()
    feed.remove(*range(5))
    run = await driver.read()
    for _ in range(2):
        with pytest.raises(MassDeleteStopped):
            await driver.consolidator.consolidate(run.id)
        assert await driver.value(ACTIVE) == 10
        if (await driver.lifecycle.get(run.id)).status == "failed":
            await control.consolidate(run.id, "someone")


async def test_forced_run_applies_read_stones_without_deletions_or_watermark(
    driver: RunDriver, feed: FakeFeed, control: RunControl, watermarks: FileWatermarkStore
) -> None:
    feed.put(*range(10))
    await driver.sync()
    before = await watermarks.read()
    feed.put(1, cents=777_700)
    feed.remove(9)
    run = await driver.open(parts=2)
    first, second = await driver.partitions(run)
    claimed = await driver.claim_in(run, first)
    items = [item async for item in driver._everything()]
    await driver.stage(claimed, items[:2] + [item for item in items if item.price_cents == 777_700])
    await driver.lifecycle.end_partition(claimed.partition, claimed.token)
    lost = await driver.claim_in(run, second)
    await driver.lifecycle.end_partition(lost.partition, lost.token, error="SUPPLIER_ERROR: no")

    await control.consolidate(run.id, "someone", force=True)
    done = await driver.consolidator.consolidate(run.id)
    assert done is not None
    assert (done.status, done.forced_by, done.deleted, done.watermark_moved_at) == ("completed", "someone", 0, None)
    assert await driver.value(ACTIVE) == 10
    assert await driver.value("SELECT count(*) FROM diamonds WHERE supplier_price_cents = 777700") == 1
    assert await watermarks.read() == before


async def test_forced_full_run_does_not_count_as_full(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(1)
    run = await driver.sync()
    async with driver.database.connection() as connection:
        assert await repository.last_full_completed(connection, run.feed) is not None
        await connection.execute("UPDATE run_metadata SET forced_by = 'someone'")
        assert await repository.last_full_completed(connection, run.feed) is None
