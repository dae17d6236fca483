"""Rebuild of the inventory from its payloads: exact to the cent, compared before anything is replaced."""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from inventory.core.clock import utc_now
from inventory.core.database import Database
from inventory.core.errors import Conflict, MassDeleteStopped, QuarantineExceeded
from inventory.core.settings import Settings
from inventory.suppliers.nivoda.mapping import observe
from inventory.suppliers.ports import ObservedItem
from sync.operations.control import RunControl
from sync.operations.rebuild import Comparison, Rebuild
from sync.runs.statements import sql
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed, observed, stone_id

WHAT_IS_SERVED = """
    SELECT id, supplier_stone_id, status, retail_price_cents, markup_ratio, rating, supplier_price_cents, carat_milli,
           shape, color, clarity, certificate_number, measurements::text, attributes::text, source_hash
    FROM diamonds ORDER BY supplier_stone_id"""


@pytest.fixture
def rebuilding(settings: Settings, database: Database) -> Rebuild:
    return Rebuild(settings.sync, database, observe, utc_now)


async def prepare_inventory(driver: RunDriver, feed: FakeFeed) -> None:
    """Valid stones, an invalid one, one that became invalid, a removed one; prices by two rules."""
    await driver.value(
        "INSERT INTO pricing_rules (name, priority, carat_max_milli, markup_ratio, rating) "
        "VALUES ('small', 1, 900, 1.3333, 4) RETURNING id"
    )
    feed.put(*range(30), cents=123_457)
    feed.put(1, 2, 3, cents=99_999, diamond__certificate__carats=0.5)
    feed.put(30, diamond__certificate__carats=-1)
    await driver.sync()
    feed.put(5, diamond__certificate__carats=-1)
    feed.remove(7)
    await driver.sync()


async def test_consistent_inventory_equals_payloads(driver: RunDriver, feed: FakeFeed, rebuilding: Rebuild) -> None:
    await prepare_inventory(driver, feed)
    assert await rebuilding.compare() == Comparison(
        stones=31, equal=31, spoiled=0, outcomes={}, differences=[], without_payload=0, applied=False
    )


async def test_invariant_16_lost_inventory_is_rebuilt_to_cent(
    driver: RunDriver, feed: FakeFeed, rebuilding: Rebuild
) -> None:
    await prepare_inventory(driver, feed)
    before = await driver.rows(WHAT_IS_SERVED)
    await driver.value("DELETE FROM diamonds")
    found = await rebuilding.compare()
    assert found.outcomes == {"added": 28}
    assert await driver.value("SELECT count(*) FROM diamonds") == 0
    applied = await rebuilding.apply(await rebuilding.compare())
    assert applied.outcomes == {"added": 28}
    # Invalid and removed stones are not restored: their rows are history that payloads do not contain.
    assert await driver.rows(WHAT_IS_SERVED) == [row for row in before if row[2] == "active"]
    assert (await rebuilding.compare()).equal == 31


async def test_rebuild_waits_for_concurrent_batches_before_it_locks_rows(
    driver: RunDriver, feed: FakeFeed, rebuilding: Rebuild, settings: Settings
) -> None:
    await prepare_inventory(driver, feed)
    await driver.value("DELETE FROM diamonds")
    found = await rebuilding.compare()
    waiting = """SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory')"""
    async with driver.database.transaction() as connection:
        await connection.execute(sql.share_prices, settings.sync.feed)
        applying = asyncio.create_task(rebuilding.apply(found))
        async with asyncio.timeout(20):
            while not await driver.value(waiting):  # noqa: ASYNC110 - waits for a state of Postgres
                await asyncio.sleep(0.01)
        locked = await connection.fetch("SELECT FROM raw_diamonds FOR UPDATE NOWAIT")
        assert len(locked) == 31
    assert (await applying).outcomes == {"added": 28}


async def test_invariant_16_damaged_fields_are_reported_and_repaired(
    driver: RunDriver, feed: FakeFeed, rebuilding: Rebuild
) -> None:
    await prepare_inventory(driver, feed)
    before = await driver.rows(WHAT_IS_SERVED)
    await driver.value(
        "UPDATE diamonds SET retail_price_cents = 1, color = 'Q' WHERE supplier_stone_id = $1", stone_id(0)
    )
    await driver.value("UPDATE diamonds SET status = 'active' WHERE supplier_stone_id = $1", stone_id(5))
    await driver.value(
        "UPDATE diamonds SET status = 'active', deleted_at = NULL WHERE supplier_stone_id = $1", stone_id(7)
    )
    found = await rebuilding.compare()
    assert found.outcomes == {"changed": 1, "quarantined": 1, "deleted": 1}
    by_id = {difference.supplier_stone_id: difference for difference in found.differences}
    assert set(by_id[stone_id(0)].fields) == {"retail_price_cents", "color"}
    assert by_id[stone_id(0)].fields["retail_price_cents"] == (1, 141_976)  # 123,457 * 1.15 = 141,975.55
    assert by_id[stone_id(5)].fields == {"status": ("active", "quarantined")}
    await rebuilding.apply(await rebuilding.compare())
    assert await driver.rows(WHAT_IS_SERVED) == before


async def test_corrected_mapping_reaches_stones_that_are_not_sent_again(
    driver: RunDriver, feed: FakeFeed, settings: Settings, database: Database
) -> None:
    feed.put(1, 2)
    await driver.sync()

    def corrected_mapping(payload: bytes, *, lab_grown: bool | None) -> ObservedItem:
        observed = observe(payload, lab_grown=lab_grown)
        assert observed.stone is not None
        stone = msgspec.structs.replace(observed.stone, color="mended")
        return msgspec.structs.replace(
            observed, stone=stone, payload_hash=b"another version!", canonical_hash=b"a mended stone!!"
        )

    rebuilding = Rebuild(settings.sync, database, corrected_mapping, utc_now)
    assert (await rebuilding.apply(await rebuilding.compare())).outcomes == {"changed": 2}
    for table in ("diamonds", "raw_diamonds_nivoda"):
        assert await driver.rows(f"SELECT DISTINCT color, supplier_price_cents FROM {table}") == [("mended", 100_000)]  # noqa: S608 - two tables of ours
    assert (await rebuilding.compare()).equal == 2


async def test_rebuild_maps_each_payload_with_queried_origin(
    driver: RunDriver, feed: FakeFeed, rebuilding: Rebuild
) -> None:
    claimed = await driver.claimed_partition()
    silent: dict[str, Any] = {"diamond__certificate__labgrown": None}
    await driver.stage(claimed, [observed(number, queried=number == 1, **silent) for number in (1, 2)])
    await driver.value("UPDATE run_metadata SET status = 'completed', consolidated_at = now()")
    await driver.value("UPDATE raw_diamonds_nivoda SET lab_grown = NOT lab_grown")
    assert (await rebuilding.apply(await rebuilding.compare())).outcomes == {"added": 2}
    for table in ("diamonds", "raw_diamonds_nivoda"):
        query = f"SELECT supplier_stone_id, lab_grown FROM {table} ORDER BY 1"  # noqa: S608 - two tables of ours
        assert await driver.rows(query) == [(stone_id(1), True), (stone_id(2), False)]


async def test_rebuild_applies_new_rules(driver: RunDriver, feed: FakeFeed, rebuilding: Rebuild) -> None:
    feed.put(1, cents=100)
    await driver.sync()
    await driver.value("INSERT INTO pricing_rules (name, priority, markup_ratio) VALUES ('all', 1, 1.005) RETURNING id")
    await rebuilding.apply(await rebuilding.compare())
    assert await driver.rows("SELECT retail_price_cents, markup_ratio FROM diamonds") == [(101, Decimal("1.0050"))]


async def test_rebuild_is_rejected_while_run_is_open(driver: RunDriver, rebuilding: Rebuild) -> None:
    await driver.open()
    with pytest.raises(Conflict, match="is running; wait until it has ended"):
        await rebuilding.apply(await rebuilding.compare())


async def test_rows_without_payload_are_reported_and_kept(
    driver: RunDriver, feed: FakeFeed, rebuilding: Rebuild
) -> None:
    feed.put(1, 2)
    await driver.sync()
    await driver.value("DELETE FROM raw_diamonds_nivoda WHERE supplier_stone_id = $1", stone_id(1))
    assert (await rebuilding.apply(await rebuilding.compare())).without_payload == 1
    assert await driver.value("SELECT count(*) FROM diamonds") == 2


async def test_rebuild_does_not_apply_stones_of_stopped_run(
    driver: RunDriver, feed: FakeFeed, rebuilding: Rebuild
) -> None:
    feed.put(*range(100))
    await driver.sync()
    before = await driver.rows(WHAT_IS_SERVED)
    feed.remove(*range(30, 60))
    feed.put(*range(10), cents=7)
    feed.put(*range(100, 110))
    run = await driver.read()
    with pytest.raises(MassDeleteStopped):
        await driver.consolidator.consolidate(run.id)
    await driver.value("UPDATE diamonds SET color = 'Q' WHERE supplier_stone_id = $1", stone_id(99))
    assert (await rebuilding.apply(await rebuilding.compare())).outcomes == {"waiting": 20, "changed": 1}
    assert await driver.rows(WHAT_IS_SERVED) == before
    feed.put(*range(30, 60))
    await driver.sync()
    assert await rebuilding.compare() == Comparison(
        stones=110, equal=110, spoiled=0, outcomes={}, differences=[], without_payload=0, applied=False
    )


async def test_corrected_mapping_reaches_stones_that_wait_for_run(
    driver: RunDriver, feed: FakeFeed, rebuilding: Rebuild, control: RunControl
) -> None:
    feed.put(*range(100))
    await driver.sync()
    feed.put(*range(50), cents=7)
    run = await driver.read()
    await driver.value(
        "UPDATE raw_diamonds_nivoda SET problem = 'a mistake of the mapping', canonical_hash = NULL WHERE run_id = $1",
        run.id,
    )
    with pytest.raises(QuarantineExceeded):
        await driver.consolidator.consolidate(run.id)
    assert (await rebuilding.apply(await rebuilding.compare())).outcomes == {"waiting": 50}
    await control.consolidate(run.id, "someone")
    done = await driver.consolidator.consolidate(run.id)
    assert done is not None
    assert (done.upserted, done.quarantined) == (50, 0)


async def test_mapping_that_rejects_everything_does_not_empty_inventory(
    driver: RunDriver, feed: FakeFeed, settings: Settings, database: Database
) -> None:
    feed.put(*range(100))
    await driver.sync()

    def broken(payload: bytes, *, lab_grown: bool | None) -> ObservedItem:
        observed = observe(payload, lab_grown=lab_grown)
        return msgspec.structs.replace(observed, stone=None, canonical_hash=None, problem="a mistake of the mapping")

    rebuilding = Rebuild(settings.sync, database, broken, utc_now)
    found = await rebuilding.compare()
    assert (found.spoiled, found.outcomes) == (100, {"quarantined": 100})
    with pytest.raises(QuarantineExceeded, match="100 of 100 stones"):
        await rebuilding.apply(found)
    assert await driver.value("SELECT count(*) FROM diamonds WHERE status = 'active'") == 100
