"""Events of the pipeline: one for each changed stone with its change, none for a first load."""

from uuid import uuid4

import pytest

from inventory.core.clock import utc_now
from inventory.core.errors import LeaseLost
from inventory.core.settings import Settings
from inventory.events import log
from inventory.suppliers.nivoda.mapping import observe
from sync.operations.rebuild import Rebuild
from sync.operations.repricing import Repricing
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed, stone_id

STORED_EVENTS = """
    SELECT kind, array_agg(diamond.supplier_stone_id ORDER BY diamond.supplier_stone_id)
    FROM event_log CROSS JOIN unnest(diamond_ids) AS told (id) JOIN diamonds AS diamond ON diamond.id = told.id
    GROUP BY kind ORDER BY kind
"""


def stored_events(**kinds: tuple[int, ...]) -> list[tuple[object, ...]]:
    return [(kind, [stone_id(number) for number in numbers]) for kind, numbers in kinds.items()]


async def test_first_load_appends_no_event(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(1, 251))
    await driver.sync()
    assert await driver.value("SELECT count(*) FROM event_log") == 0


async def test_resumed_first_load_appends_no_event(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(1, 301))
    run = await driver.read()
    await driver.value(
        """UPDATE run_metadata SET consolidated_through = $1, upserted = 100, lease_token = $2,
           lease_until = now() - interval '1 second'""",
        stone_id(100),
        uuid4(),
    )
    assert await driver.consolidator.consolidate(run.id) is not None
    assert await driver.value("SELECT count(*) FROM event_log") == 0


async def test_first_load_after_failed_one_appends_no_event(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(1, 2)
    run = await driver.read()
    await driver.lifecycle.cancel(run.id, "a test")
    await driver.sync()
    assert await driver.value("SELECT count(*) FROM event_log") == 0


async def test_run_appends_events_of_its_changes_only(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(1, 41))
    await driver.sync()
    feed.put(5, 6, cents=777)
    feed.put(41)
    feed.put(8, diamond__certificate=None)
    feed.remove(20, 21)
    run = await driver.sync()
    assert await driver.rows(STORED_EVENTS) == stored_events(diamonds_changed=(5, 6, 41), diamonds_removed=(8, 20, 21))
    assert await driver.rows("SELECT DISTINCT run_id, client_id FROM event_log") == [(run.id, None)]
    feed.put(20)
    feed.remove(8)
    await driver.value("DELETE FROM event_log")
    await driver.sync()
    # The bad stone has left the inventory already, so its removal changes nothing for readers.
    assert await driver.rows(STORED_EVENTS) == stored_events(diamonds_changed=(20,))


async def test_changed_prices_are_recorded_once(driver: RunDriver, feed: FakeFeed) -> None:
    recorded = """SELECT diamond.supplier_stone_id, previous_cents, price_cents
        FROM price_changes JOIN diamonds AS diamond ON diamond.id = diamond_id ORDER BY price_changes.id"""
    feed.put(*range(1, 41), cents=1000)
    await driver.sync()
    assert await driver.rows(recorded) == []
    feed.put(5, 6, cents=2000)
    feed.put(7, diamond__certificate=None)
    feed.remove(20)
    await driver.sync()
    assert await driver.rows(recorded) == [(stone_id(number), 1150, 2300) for number in (5, 6)]
    await driver.value("DELETE FROM price_changes")
    await driver.value("UPDATE diamonds SET retail_price_cents = 1 WHERE supplier_stone_id = $1", stone_id(9))
    assert await driver.rows(recorded) == [(stone_id(9), 1150, 1)]


async def test_run_over_static_feed_appends_no_event(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(1, 2)
    for _ in range(2):
        await driver.sync()
    assert await driver.value("SELECT count(*) FROM event_log") == 0


async def test_event_is_committed_with_its_change(
    driver: RunDriver, feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.put(*range(1, 251))
    await driver.sync()
    feed.put(*range(1, 251), cents=500)
    run = await driver.read()
    # A consolidator that lost the run in the second batch writes neither its rows nor its events.
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
        await driver.consolidator.consolidate(run.id)
    assert await driver.value("SELECT count(*) FROM diamonds WHERE supplier_price_cents = 500") == 100
    assert await driver.value("SELECT sum(cardinality(diamond_ids)) FROM event_log") == 100


async def test_repricing_appends_event_per_changed_price(driver: RunDriver, feed: FakeFeed, settings: Settings) -> None:
    feed.put(*range(10))
    feed.put(3, 4, diamond__certificate__carats=0.5)
    await driver.sync()
    await driver.value(
        "INSERT INTO pricing_rules (name, priority, carat_max_milli, markup_ratio) VALUES ('a', 1, 600, 2)"
    )
    for _ in range(2):
        await Repricing(settings.sync, driver.database, utc_now).reprice()
    assert await driver.rows(STORED_EVENTS) == stored_events(diamonds_repriced=(3, 4))


async def test_rebuild_appends_events_of_visible_changes(driver: RunDriver, feed: FakeFeed, settings: Settings) -> None:
    feed.put(*range(10))
    await driver.sync()
    await driver.value("UPDATE diamonds SET color = 'X' WHERE supplier_stone_id = $1", stone_id(1))
    await driver.value(
        "UPDATE raw_diamonds_nivoda SET canonical_hash = '\\x00' WHERE supplier_stone_id = $1", stone_id(2)
    )
    await driver.value("DELETE FROM diamonds WHERE supplier_stone_id = $1", stone_id(3))
    rebuild = Rebuild(settings.sync, driver.database, observe, utc_now)
    await rebuild.compare()
    assert await driver.rows(STORED_EVENTS) == []
    assert sum((await rebuild.apply(await rebuild.compare())).outcomes.values()) == 3
    assert await driver.rows(STORED_EVENTS) == stored_events(diamonds_changed=(1, 3))


async def test_data_version_increases_with_every_batch_of_first_load(driver: RunDriver, feed: FakeFeed) -> None:
    async def version() -> str:
        async with driver.database.connection() as connection:
            return await log.data_version(connection)

    seen = [await version()]
    feed.put(*range(1, 251))
    run = await driver.read()
    seen.append(await version())
    await driver.value("UPDATE run_metadata SET consolidated_through = $2, upserted = 100 WHERE id = $1", run.id, "1")
    seen.append(await version())
    await driver.consolidator.consolidate(run.id)
    seen.append(await version())
    assert len(set(seen)) == 4
