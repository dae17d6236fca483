import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from inventory.core.errors import MassDeleteStopped, WatermarkConflict
from inventory.suppliers.ports import StoneQuery
from sync.planning.window import Watermark
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.conftest import Bench
from tests.integration.pipeline.shelf import Shelf, stone_id

ACTIVE = "SELECT supplier_stone_id FROM diamonds WHERE status = 'active' ORDER BY 1"
RETAIL = "SELECT retail_price_cents FROM diamonds WHERE supplier_stone_id = $1"


def ids(*numbers: int) -> list[tuple[object, ...]]:
    return [(stone_id(number),) for number in numbers]


async def test_invariant_01_after_a_full_run_the_inventory_is_the_feed(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(*range(1, 251), cents=100_003)
    await bench.sync()
    assert await bench.rows(ACTIVE) == ids(*range(1, 251))
    assert await bench.rows("SELECT DISTINCT supplier_price_cents, retail_price_cents FROM diamonds") == [
        (100_003, 115_003)  # 115,003.45 cents, rounded half up
    ]


async def test_invariant_14_the_figures_add_up(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(*range(1, 121))
    await bench.sync()
    shelf.lay(5, 6, 7, cents=5)
    shelf.lay(8, diamond__certificate=None)
    shelf.lay(200)
    run = await bench.sync()
    assert (run.fetched, run.distinct_stones, run.repeated) == (121, 121, 0)
    assert (run.upserted, run.unchanged, run.quarantined) == (4, 116, 1)


async def test_an_unchanged_stone_is_not_touched(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(1, 2)
    await bench.sync()
    before = await bench.rows("SELECT xmin::text, updated_at FROM diamonds ORDER BY id")
    assert (await bench.sync()).unchanged == 2
    assert await bench.rows("SELECT xmin::text, updated_at FROM diamonds ORDER BY id") == before


async def test_the_first_rule_that_matches_prices_a_stone(bench: Bench, shelf: Shelf) -> None:
    await bench.value(
        """INSERT INTO pricing_rules (name, priority, carat_min_milli, markup_ratio, rating)
           VALUES ('later', 2, NULL, 3, 1), ('first', 1, 1000, 2, 9)"""
    )
    shelf.lay(1, diamond__certificate__carats=1.0)
    shelf.lay(2, diamond__certificate__carats=0.99)
    await bench.sync()
    assert await bench.rows("SELECT retail_price_cents, rating FROM diamonds ORDER BY supplier_stone_id") == [
        (200_000, 9),
        (300_000, 1),
    ]


async def test_a_changed_rule_reprices_what_the_next_run_sees(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(1)
    await bench.sync()
    await bench.value("INSERT INTO pricing_rules (name, priority, markup_ratio) VALUES ('all', 1, 1.5)")
    await bench.sync()
    assert await bench.value(RETAIL, stone_id(1)) == 150_000


async def test_invariant_11_a_good_stone_that_turns_bad_leaves_and_returns(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(1, 2)
    await bench.sync()
    diamond = await bench.value("SELECT id FROM diamonds WHERE supplier_stone_id = $1", stone_id(1))
    shelf.lay(1, diamond__certificate=None)
    await bench.sync()
    assert await bench.rows(ACTIVE) == ids(2)
    assert await bench.value("SELECT status FROM diamonds WHERE id = $1", diamond) == "quarantined"
    shelf.lay(1)
    await bench.sync()
    assert await bench.rows(ACTIVE) == ids(1, 2)
    assert await bench.value("SELECT id FROM diamonds WHERE supplier_stone_id = $1", stone_id(1)) == diamond


async def test_invariant_06_two_consolidators_on_one_run_do_the_work_once(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(*range(1, 301))
    run = await bench.read()
    outcomes = await asyncio.gather(*(bench.consolidator.consolidate(run.id) for _ in range(2)))
    assert sum(done is not None for done in outcomes) == 1
    assert (await bench.lifecycle.get(run.id)).upserted == 300


async def test_a_dead_consolidator_is_taken_over_where_it_stopped(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(*range(1, 301))
    run = await bench.read()
    await bench.value(
        """UPDATE run_metadata SET consolidated_through = $1, upserted = 100, lease_token = $2,
           lease_until = now() + interval '1 second'""",
        stone_id(100),
        uuid4(),
    )
    done = await bench.consolidator.consolidate(run.id)
    assert done is not None
    assert (done.upserted, done.unchanged) == (300, 0)
    assert len(await bench.rows(ACTIVE)) == 200


async def test_invariant_07_the_watermark_is_where_the_window_closed(
    bench: Bench, shelf: Shelf, watermarks: FileWatermarkStore
) -> None:
    shelf.lay(1)
    run = await bench.sync()
    stored = await watermarks.read()
    assert stored is not None
    assert stored[0].last_updated_at == run.window_to
    assert stored[0].last_run_id == str(run.id)
    assert run.watermark_moved_at is not None


async def test_invariant_07_the_watermark_never_moves_back(
    bench: Bench, shelf: Shelf, watermarks: FileWatermarkStore
) -> None:
    shelf.lay(1)
    run = await bench.read()
    ahead = Watermark(last_updated_at=run.window_to + timedelta(hours=1), last_run_id="another")
    await watermarks.write(ahead, None)
    done = await bench.consolidator.consolidate(run.id)
    assert done is not None
    assert done.watermark_moved_at is None
    stored = await watermarks.read()
    assert stored is not None
    assert stored[0] == ahead


async def test_invariant_07_the_loser_of_a_race_for_the_watermark_changes_nothing(
    watermarks: FileWatermarkStore, bench: Bench, shelf: Shelf
) -> None:
    shelf.lay(1)
    run = await bench.sync()
    with pytest.raises(WatermarkConflict):
        await watermarks.write(Watermark(last_updated_at=run.window_to, last_run_id="late"), "an older version")
    stored = await watermarks.read()
    assert stored is not None
    assert stored[0].last_run_id == str(run.id)


async def test_a_run_whose_watermark_was_not_written_yet_is_finished_by_the_next_consolidator(
    bench: Bench, shelf: Shelf, watermarks: FileWatermarkStore
) -> None:
    shelf.lay(1, 2)
    run = await bench.read()
    await bench.value("UPDATE run_metadata SET consolidated_at = now(), upserted = 2")
    done = await bench.consolidator.consolidate(run.id)
    assert done is not None
    assert done.status == "completed"
    assert (await watermarks.read()) is not None


async def test_a_consolidator_that_lost_its_lease_does_not_fail_the_run_of_another(
    bench: Bench, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.lay(*range(1, 11))
    await bench.sync()
    shelf.take(*range(1, 11))
    run = await bench.open(parts=0)
    honest = shelf.count

    async def slow(query: StoneQuery) -> int:
        await bench.value("UPDATE run_metadata SET lease_token = $1", uuid4())
        return await honest(query)

    monkeypatch.setattr(shelf, "count", slow)
    with pytest.raises(MassDeleteStopped):
        await bench.consolidator.consolidate(run.id)
    assert (await bench.lifecycle.get(run.id)).status == "consolidating"


async def test_invariant_08_a_watermark_that_was_set_back_while_a_run_was_open_stays(
    bench: Bench, shelf: Shelf, watermarks: FileWatermarkStore
) -> None:
    shelf.lay(1)
    run = await bench.read("incremental")
    assert run.window_from is not None
    back = Watermark(last_updated_at=run.window_from - timedelta(days=2), last_run_id="someone")
    await watermarks.write(back, None)
    done = await bench.consolidator.consolidate(run.id)
    assert done is not None
    assert done.status == "completed"
    assert done.watermark_moved_at is None
    stored = await watermarks.read()
    assert stored is not None
    assert stored[0] == back


async def test_a_forced_run_brings_in_what_was_read_and_leaves_the_watermark(
    bench: Bench, shelf: Shelf, watermarks: FileWatermarkStore
) -> None:
    shelf.lay(*range(1, 6))
    await bench.sync()
    before = await watermarks.read()
    shelf.take(5)
    shelf.lay(1, cents=200)
    run = await bench.read()
    await bench.value("UPDATE run_metadata SET forced_by = 'someone' WHERE id = $1", run.id)
    done = await bench.consolidator.consolidate(run.id)
    assert done is not None
    assert (done.status, done.upserted, done.deleted, done.watermark_moved_at) == ("completed", 1, 0, None)
    assert await watermarks.read() == before
