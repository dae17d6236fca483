"""What the pipeline tells the event log: the stones that have changed, with the change itself, and no first load."""

from uuid import uuid4

import pytest

from inventory.core.clock import utc_now
from inventory.core.errors import LeaseLost
from inventory.core.settings import Settings
from inventory.events import log
from inventory.suppliers.nivoda.mapping import observe
from sync.operations.rebuild import Rebuild
from sync.operations.repricing import Repricing
from tests.integration.pipeline.conftest import Bench
from tests.integration.pipeline.shelf import Shelf, stone_id

TOLD = """
    SELECT kind, array_agg(diamond.supplier_stone_id ORDER BY diamond.supplier_stone_id)
    FROM event_log CROSS JOIN unnest(diamond_ids) AS told (id) JOIN diamonds AS diamond ON diamond.id = told.id
    GROUP BY kind ORDER BY kind
"""


def told(**kinds: tuple[int, ...]) -> list[tuple[object, ...]]:
    return [(kind, [stone_id(number) for number in numbers]) for kind, numbers in kinds.items()]


async def test_the_first_load_of_a_feed_tells_nothing(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(*range(1, 251))
    await bench.sync()
    assert await bench.value("SELECT count(*) FROM event_log") == 0


async def test_a_first_load_that_is_taken_up_after_a_death_tells_nothing(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(*range(1, 301))
    run = await bench.read()
    await bench.value(
        """UPDATE run_metadata SET consolidated_through = $1, upserted = 100, lease_token = $2,
           lease_until = now() - interval '1 second'""",
        stone_id(100),
        uuid4(),
    )
    assert await bench.consolidator.consolidate(run.id) is not None
    assert await bench.value("SELECT count(*) FROM event_log") == 0


async def test_a_first_load_after_one_that_failed_tells_nothing(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(1, 2)
    run = await bench.read()
    await bench.lifecycle.cancel(run.id, "a test")
    await bench.sync()
    assert await bench.value("SELECT count(*) FROM event_log") == 0


async def test_a_run_tells_what_it_changed_and_nothing_else(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(*range(1, 41))
    await bench.sync()
    shelf.lay(5, 6, cents=777)
    shelf.lay(41)
    shelf.lay(8, diamond__certificate=None)
    shelf.take(20, 21)
    run = await bench.sync()
    assert await bench.rows(TOLD) == told(diamonds_changed=(5, 6, 41), diamonds_removed=(8, 20, 21))
    assert await bench.rows("SELECT DISTINCT run_id, client_id FROM event_log") == [(run.id, None)]
    shelf.lay(20)
    shelf.take(8)
    await bench.value("DELETE FROM event_log")
    await bench.sync()
    # The bad one had left already; now it is gone, and nobody sees a difference.
    assert await bench.rows(TOLD) == told(diamonds_changed=(20,))


async def test_a_run_over_a_feed_at_rest_tells_nothing(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(1, 2)
    for _ in range(2):
        await bench.sync()
    assert await bench.value("SELECT count(*) FROM event_log") == 0


async def test_an_event_stands_or_falls_with_its_change(
    bench: Bench, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.lay(*range(1, 251))
    await bench.sync()
    shelf.lay(*range(1, 251), cents=500)
    run = await bench.read()
    # Whoever has lost the run in the second batch writes nothing of it, and tells nothing.
    appended = log.append
    batches = 0

    async def lost(*arguments: object) -> None:
        nonlocal batches
        batches += 1
        await appended(*arguments)  # type: ignore[arg-type]  # as they came
        if batches == 2:
            raise LeaseLost

    monkeypatch.setattr(log, "append", lost)
    with pytest.raises(LeaseLost):
        await bench.consolidator.consolidate(run.id)
    assert await bench.value("SELECT count(*) FROM diamonds WHERE supplier_price_cents = 500") == 100
    assert await bench.value("SELECT sum(cardinality(diamond_ids)) FROM event_log") == 100


async def test_repricing_tells_which_prices_have_changed(bench: Bench, shelf: Shelf, settings: Settings) -> None:
    shelf.lay(*range(10))
    shelf.lay(3, 4, diamond__certificate__carats=0.5)
    await bench.sync()
    await bench.value(
        "INSERT INTO pricing_rules (name, priority, carat_max_milli, markup_ratio) VALUES ('a', 1, 600, 2)"
    )
    for _ in range(2):
        await Repricing(settings.sync, bench.database, utc_now).reprice()
    assert await bench.rows(TOLD) == told(diamonds_repriced=(3, 4))


async def test_a_rebuild_tells_what_readers_see_of_it(bench: Bench, shelf: Shelf, settings: Settings) -> None:
    shelf.lay(*range(10))
    await bench.sync()
    await bench.value("UPDATE diamonds SET color = 'X' WHERE supplier_stone_id = $1", stone_id(1))
    await bench.value(
        "UPDATE raw_diamonds_nivoda SET canonical_hash = '\\x00' WHERE supplier_stone_id = $1", stone_id(2)
    )
    await bench.value("DELETE FROM diamonds WHERE supplier_stone_id = $1", stone_id(3))
    rebuild = Rebuild(settings.sync, bench.database, observe, utc_now)
    await rebuild.compare()
    assert await bench.rows(TOLD) == []
    assert sum((await rebuild.apply(await rebuild.compare())).outcomes.values()) == 3
    assert await bench.rows(TOLD) == told(diamonds_changed=(1, 3))


async def test_the_version_of_the_data_moves_with_every_batch_of_a_first_load(bench: Bench, shelf: Shelf) -> None:
    async def version() -> str:
        async with bench.database.connection() as connection:
            return await log.data_version(connection)

    seen = [await version()]
    shelf.lay(*range(1, 251))
    run = await bench.read()
    seen.append(await version())
    await bench.value("UPDATE run_metadata SET consolidated_through = $2, upserted = 100 WHERE id = $1", run.id, "1")
    seen.append(await version())
    await bench.consolidator.consolidate(run.id)
    seen.append(await version())
    assert len(set(seen)) == 4
