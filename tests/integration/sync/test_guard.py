"""The guards of a consolidation, and how a person gets past them after looking."""

import pytest

from inventory.core.database import Database
from inventory.core.errors import MassDeleteStopped
from inventory.runs import repository
from sync.operations.control import RunControl
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.conftest import Bench
from tests.integration.pipeline.shelf import Shelf, stone_id

ACTIVE = "SELECT count(*) FROM diamonds WHERE status = 'active'"


async def alerts(database: Database) -> list[str]:
    async with database.connection() as connection:
        return [row["kind"] for row in await connection.fetch("SELECT kind FROM alerts ORDER BY created_at")]


async def test_a_mass_delete_stops_tells_someone_once_and_goes_on_when_a_person_confirms_it(
    bench: Bench, shelf: Shelf, control: RunControl, watermarks: FileWatermarkStore, database: Database
) -> None:
    shelf.lay(*range(10))
    await bench.sync()
    before = await watermarks.read()
    shelf.take(*range(5))
    run = await bench.read()
    with pytest.raises(MassDeleteStopped, match=rf"consolidate --allow-mass-delete {run.id}"):
        await bench.consolidator.consolidate(run.id)
    stopped = await bench.lifecycle.get(run.id)
    assert (stopped.status, stopped.error_code) == ("failed", "MASS_DELETE_STOPPED")
    assert await bench.value(ACTIVE) == 10
    assert await watermarks.read() == before
    assert await alerts(database) == ["mass_delete_stopped"]
    content = str(await bench.value("SELECT content::text FROM alerts"))
    assert "The 5 diamonds that would be deleted" in content
    assert all(stone_id(number) in content for number in range(5))
    assert f"runs show {run.id} --missing" in content

    await control.consolidate(run.id, "someone", allow_mass_delete=True)
    done = await bench.consolidator.consolidate(run.id)
    assert done is not None
    assert (done.status, done.deleted, done.mass_delete_allowed_by) == ("completed", 5, "someone")
    assert await bench.value(ACTIVE) == 5
    assert await alerts(database) == ["mass_delete_stopped"]
    after = await watermarks.read()
    assert after is not None
    assert after[0].last_updated_at == done.window_to


async def test_without_the_confirmation_a_stopped_run_stops_again(
    bench: Bench, shelf: Shelf, control: RunControl
) -> None:
    shelf.lay(*range(10))
    await bench.sync()
    shelf.take(*range(5))
    run = await bench.read()
    for _ in range(2):
        with pytest.raises(MassDeleteStopped):
            await bench.consolidator.consolidate(run.id)
        assert await bench.value(ACTIVE) == 10
        if (await bench.lifecycle.get(run.id)).status == "failed":
            await control.consolidate(run.id, "someone")


async def test_a_forced_run_brings_in_what_was_read_deletes_nothing_and_leaves_the_watermark(
    bench: Bench, shelf: Shelf, control: RunControl, watermarks: FileWatermarkStore
) -> None:
    shelf.lay(*range(10))
    await bench.sync()
    before = await watermarks.read()
    shelf.lay(1, cents=777_700)
    shelf.take(9)
    run = await bench.open(parts=2)
    first, second = await bench.partitions(run)
    hand = await bench.take(run, first)
    items = [item async for item in bench._everything()]
    await bench.stage(hand, items[:2] + [item for item in items if item.price_cents == 777_700])
    await bench.lifecycle.end_partition(hand.partition, hand.token)
    lost = await bench.take(run, second)
    await bench.lifecycle.end_partition(lost.partition, lost.token, error="SUPPLIER_ERROR: no")

    await control.consolidate(run.id, "someone", force=True)
    done = await bench.consolidator.consolidate(run.id)
    assert done is not None
    assert (done.status, done.forced_by, done.deleted, done.watermark_moved_at) == ("completed", "someone", 0, None)
    assert await bench.value(ACTIVE) == 10
    assert await bench.value("SELECT count(*) FROM diamonds WHERE supplier_price_cents = 777700") == 1
    assert await watermarks.read() == before


async def test_a_forced_full_run_does_not_count_as_a_full_one(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(1)
    run = await bench.sync()
    async with bench.database.connection() as connection:
        assert await repository.last_full_completed(connection, run.feed) is not None
        await connection.execute("UPDATE run_metadata SET forced_by = 'someone'")
        assert await repository.last_full_completed(connection, run.feed) is None
