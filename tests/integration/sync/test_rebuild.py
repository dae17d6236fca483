"""The inventory can be built again from its payloads alone, to the cent, and nothing is replaced before it is compared."""

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
from tests.integration.pipeline.conftest import Bench
from tests.integration.pipeline.shelf import Shelf, observed, stone_id

WHAT_IS_SERVED = """
    SELECT id, supplier_stone_id, status, retail_price_cents, markup_ratio, rating, supplier_price_cents, carat_milli,
           shape, color, clarity, certificate_number, measurements::text, attributes::text, source_hash
    FROM diamonds ORDER BY supplier_stone_id"""


@pytest.fixture
def rebuilding(settings: Settings, database: Database) -> Rebuild:
    return Rebuild(settings.sync, database, observe, utc_now)


async def an_inventory(bench: Bench, shelf: Shelf) -> None:
    """Good stones, a bad one, one that turned bad, one that is gone; prices by two rules."""
    await bench.value(
        "INSERT INTO pricing_rules (name, priority, carat_max_milli, markup_ratio, rating) "
        "VALUES ('small', 1, 900, 1.3333, 4) RETURNING id"
    )
    shelf.lay(*range(30), cents=123_457)
    shelf.lay(1, 2, 3, cents=99_999, diamond__certificate__carats=0.5)
    shelf.lay(30, diamond__certificate__carats=-1)
    await bench.sync()
    shelf.lay(5, diamond__certificate__carats=-1)
    shelf.take(7)
    await bench.sync()


async def test_a_sound_inventory_equals_its_payloads(bench: Bench, shelf: Shelf, rebuilding: Rebuild) -> None:
    await an_inventory(bench, shelf)
    assert await rebuilding.compare() == Comparison(
        stones=31, equal=31, spoiled=0, outcomes={}, differences=[], without_payload=0, applied=False
    )


async def test_invariant_16_an_inventory_that_was_lost_is_rebuilt_to_the_cent(
    bench: Bench, shelf: Shelf, rebuilding: Rebuild
) -> None:
    await an_inventory(bench, shelf)
    before = await bench.rows(WHAT_IS_SERVED)
    await bench.value("DELETE FROM diamonds")
    found = await rebuilding.compare()
    assert found.outcomes == {"added": 28}
    assert await bench.value("SELECT count(*) FROM diamonds") == 0
    applied = await rebuilding.apply(await rebuilding.compare())
    assert applied.outcomes == {"added": 28}
    # Those that turned bad or are gone were never for sale again; their rows are history, which payloads do not tell.
    assert await bench.rows(WHAT_IS_SERVED) == [row for row in before if row[2] == "active"]
    assert (await rebuilding.compare()).equal == 31


async def test_invariant_16_a_damaged_inventory_is_told_field_by_field_and_made_good(
    bench: Bench, shelf: Shelf, rebuilding: Rebuild
) -> None:
    await an_inventory(bench, shelf)
    before = await bench.rows(WHAT_IS_SERVED)
    await bench.value(
        "UPDATE diamonds SET retail_price_cents = 1, color = 'Q' WHERE supplier_stone_id = $1", stone_id(0)
    )
    await bench.value("UPDATE diamonds SET status = 'active' WHERE supplier_stone_id = $1", stone_id(5))
    await bench.value(
        "UPDATE diamonds SET status = 'active', deleted_at = NULL WHERE supplier_stone_id = $1", stone_id(7)
    )
    found = await rebuilding.compare()
    assert found.outcomes == {"changed": 1, "quarantined": 1, "deleted": 1}
    by_id = {difference.supplier_stone_id: difference for difference in found.differences}
    assert set(by_id[stone_id(0)].fields) == {"retail_price_cents", "color"}
    assert by_id[stone_id(0)].fields["retail_price_cents"] == (1, 141_976)  # 123,457 * 1.15 = 141,975.55
    assert by_id[stone_id(5)].fields == {"status": ("active", "quarantined")}
    await rebuilding.apply(await rebuilding.compare())
    assert await bench.rows(WHAT_IS_SERVED) == before


async def test_a_mended_mapping_reaches_stones_that_are_not_sent_again(
    bench: Bench, shelf: Shelf, settings: Settings, database: Database
) -> None:
    shelf.lay(1, 2)
    await bench.sync()

    def mended(payload: bytes, *, lab_grown: bool | None) -> ObservedItem:
        observed = observe(payload, lab_grown=lab_grown)
        assert observed.stone is not None
        stone = msgspec.structs.replace(observed.stone, color="mended")
        return msgspec.structs.replace(
            observed, stone=stone, payload_hash=b"another version!", canonical_hash=b"a mended stone!!"
        )

    rebuilding = Rebuild(settings.sync, database, mended, utc_now)
    assert (await rebuilding.apply(await rebuilding.compare())).outcomes == {"changed": 2}
    for table in ("diamonds", "raw_diamonds_nivoda"):
        assert await bench.rows(f"SELECT DISTINCT color, supplier_price_cents FROM {table}") == [("mended", 100_000)]  # noqa: S608 - two tables of ours
    assert (await rebuilding.compare()).equal == 2


async def test_rebuild_maps_each_payload_with_its_queried_origin(
    bench: Bench, shelf: Shelf, rebuilding: Rebuild
) -> None:
    hand = await bench.hand()
    silent: dict[str, Any] = {"diamond__certificate__labgrown": None}
    await bench.stage(hand, [observed(number, queried=number == 1, **silent) for number in (1, 2)])
    await bench.value("UPDATE run_metadata SET status = 'completed', consolidated_at = now()")
    await bench.value("UPDATE raw_diamonds_nivoda SET lab_grown = NOT lab_grown")
    assert (await rebuilding.apply(await rebuilding.compare())).outcomes == {"added": 2}
    for table in ("diamonds", "raw_diamonds_nivoda"):
        query = f"SELECT supplier_stone_id, lab_grown FROM {table} ORDER BY 1"  # noqa: S608 - two tables of ours
        assert await bench.rows(query) == [(stone_id(1), True), (stone_id(2), False)]


async def test_new_rules_are_applied_by_a_rebuild_too(bench: Bench, shelf: Shelf, rebuilding: Rebuild) -> None:
    shelf.lay(1, cents=100)
    await bench.sync()
    await bench.value("INSERT INTO pricing_rules (name, priority, markup_ratio) VALUES ('all', 1, 1.005) RETURNING id")
    await rebuilding.apply(await rebuilding.compare())
    assert await bench.rows("SELECT retail_price_cents, markup_ratio FROM diamonds") == [(101, Decimal("1.0050"))]


async def test_nothing_is_replaced_while_a_run_is_open(bench: Bench, rebuilding: Rebuild) -> None:
    await bench.open()
    with pytest.raises(Conflict, match="is running; wait until it has ended"):
        await rebuilding.apply(await rebuilding.compare())


async def test_what_no_payload_stands_behind_is_told_and_left_alone(
    bench: Bench, shelf: Shelf, rebuilding: Rebuild
) -> None:
    shelf.lay(1, 2)
    await bench.sync()
    await bench.value("DELETE FROM raw_diamonds_nivoda WHERE supplier_stone_id = $1", stone_id(1))
    assert (await rebuilding.apply(await rebuilding.compare())).without_payload == 1
    assert await bench.value("SELECT count(*) FROM diamonds") == 2


async def test_stones_that_a_gate_has_stopped_are_not_brought_in_by_a_rebuild(
    bench: Bench, shelf: Shelf, rebuilding: Rebuild
) -> None:
    shelf.lay(*range(100))
    await bench.sync()
    before = await bench.rows(WHAT_IS_SERVED)
    shelf.take(*range(30, 60))
    shelf.lay(*range(10), cents=7)
    shelf.lay(*range(100, 110))
    run = await bench.read()
    with pytest.raises(MassDeleteStopped):
        await bench.consolidator.consolidate(run.id)
    await bench.value("UPDATE diamonds SET color = 'Q' WHERE supplier_stone_id = $1", stone_id(99))
    assert (await rebuilding.apply(await rebuilding.compare())).outcomes == {"waiting": 20, "changed": 1}
    assert await bench.rows(WHAT_IS_SERVED) == before
    shelf.lay(*range(30, 60))
    await bench.sync()
    assert await rebuilding.compare() == Comparison(
        stones=110, equal=110, spoiled=0, outcomes={}, differences=[], without_payload=0, applied=False
    )


async def test_a_mended_mapping_reaches_stones_that_wait_for_their_run(
    bench: Bench, shelf: Shelf, rebuilding: Rebuild, control: RunControl
) -> None:
    shelf.lay(*range(100))
    await bench.sync()
    shelf.lay(*range(50), cents=7)
    run = await bench.read()
    await bench.value(
        "UPDATE raw_diamonds_nivoda SET problem = 'a mistake of the mapping', canonical_hash = NULL WHERE run_id = $1",
        run.id,
    )
    with pytest.raises(QuarantineExceeded):
        await bench.consolidator.consolidate(run.id)
    assert (await rebuilding.apply(await rebuilding.compare())).outcomes == {"waiting": 50}
    await control.consolidate(run.id, "someone")
    done = await bench.consolidator.consolidate(run.id)
    assert done is not None
    assert (done.upserted, done.quarantined) == (50, 0)


async def test_a_mapping_that_understands_nothing_does_not_empty_the_inventory(
    bench: Bench, shelf: Shelf, settings: Settings, database: Database
) -> None:
    shelf.lay(*range(100))
    await bench.sync()

    def broken(payload: bytes, *, lab_grown: bool | None) -> ObservedItem:
        observed = observe(payload, lab_grown=lab_grown)
        return msgspec.structs.replace(observed, stone=None, canonical_hash=None, problem="a mistake of the mapping")

    rebuilding = Rebuild(settings.sync, database, broken, utc_now)
    found = await rebuilding.compare()
    assert (found.spoiled, found.outcomes) == (100, {"quarantined": 100})
    with pytest.raises(QuarantineExceeded, match="100 of 100 stones"):
        await rebuilding.apply(found)
    assert await bench.value("SELECT count(*) FROM diamonds WHERE status = 'active'") == 100
