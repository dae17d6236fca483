import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from inventory.catalog.stone import Stone
from inventory.core.errors import LeaseLost
from sync.runs.statements import OBSERVED, sql
from tests.integration.pipeline.conftest import Bench
from tests.integration.pipeline.shelf import observed, stone_id

EARLY, LATE = 3600.0, 0.0  # seconds ago
PRICE = "SELECT supplier_price_cents FROM raw_diamonds_nivoda WHERE supplier_stone_id = $1"


async def test_a_page_is_staged_with_its_checkpoint(bench: Bench) -> None:
    hand = await bench.hand()
    assert await bench.stage(hand, [observed(1), observed(2)]) == 2
    (partition,) = await bench.partitions(hand.run)
    assert (partition.pages, partition.fetched) == (1, 2)
    assert partition.checkpoint["total"] == 47


async def test_an_unchanged_payload_is_not_written_again_but_counts_as_seen(bench: Bench) -> None:
    hand = await bench.hand()
    await bench.stage(hand, [observed(1)], EARLY)
    assert await bench.stage(hand, [observed(1)], LATE) == 0
    age = "SELECT round(extract(epoch FROM now() - observed_at) / 60)::int FROM "
    assert await bench.value(age + "raw_diamonds_nivoda") == 60
    assert await bench.value(age + "stones_seen") == 0


async def test_queried_origin_is_stored_and_a_changed_one_is_written(bench: Bench) -> None:
    hand = await bench.hand()
    silent: dict[str, Any] = {"diamond__certificate__labgrown": None}
    row = "SELECT queried_lab_grown, lab_grown, problem IS NULL FROM raw_diamonds_nivoda"
    for queried in (True, False):
        assert await bench.stage(hand, [observed(1, queried=queried, **silent)]) == 1
        assert await bench.rows(row) == [(queried, queried, True)]
    assert await bench.stage(hand, [observed(1, **silent)]) == 1
    assert await bench.rows(row) == [(None, None, False)]


async def test_a_stone_twice_on_one_page_is_staged_once_and_fetched_twice(bench: Bench) -> None:
    hand = await bench.hand()
    assert await bench.stage(hand, [observed(1, 100), observed(1, 200)]) == 1
    assert await bench.value(PRICE, stone_id(1)) == 200
    assert (await bench.partitions(hand.run))[0].fetched == 2


@pytest.mark.parametrize("apart", [False, True], ids=["on one page", "on two pages"])
@pytest.mark.parametrize(
    ("offers", "kept"),
    [
        ([("DIAMOND/b", 300), ("DIAMOND/a", 200)], ("DIAMOND/a", 200)),
        ([("DIAMOND/a", 200), ("DIAMOND/b", 300)], ("DIAMOND/a", 200)),
        ([("DIAMOND/b", 200), ("DIAMOND/a", 200)], ("DIAMOND/a", 200)),
        ([("DIAMOND/a", 200), ("DIAMOND/b", 200)], ("DIAMOND/a", 200)),
        ([("DIAMOND/a", 200), ("DIAMOND/b", 300), ("DIAMOND/c", 100)], ("DIAMOND/c", 100)),
    ],
)
async def test_the_cheapest_offer_of_a_stone_represents_it_then_the_lowest_id(
    bench: Bench, offers: Sequence[tuple[str, int]], kept: tuple[str, int], apart: bool
) -> None:
    hand = await bench.hand()
    items = [observed(1, cents, id=offer) for offer, cents in offers]
    for page in [[item] for item in items] if apart else [items]:
        await bench.stage(hand, page)
    assert await bench.rows("SELECT offer_id, supplier_price_cents FROM raw_diamonds_nivoda") == [kept]


async def test_invariant_09_an_older_observation_never_wins(bench: Bench) -> None:
    hand = await bench.hand()
    await bench.stage(hand, [observed(1, 200)], LATE)
    assert await bench.stage(hand, [observed(1, 100)], EARLY) == 0
    assert await bench.value(PRICE, stone_id(1)) == 200


async def test_invariant_09_holds_against_a_newer_look_that_found_nothing_changed(bench: Bench) -> None:
    """The newer look leaves no trace in the raw row, so comparing with that row would let the older one win."""
    hand = await bench.hand()
    await bench.stage(hand, [observed(1, 100)], EARLY)
    await bench.stage(hand, [observed(1, 100)], LATE)
    await bench.stage(hand, [observed(1, 999)], (EARLY + LATE) / 2)
    assert await bench.value(PRICE, stone_id(1)) == 100


async def test_invariant_09_holds_while_pages_are_staged_at_once(bench: Bench) -> None:
    hand = await bench.hand()
    looks = [(EARLY - 60.0 * number, observed(1, 1000 + number)) for number in range(20)]
    await asyncio.gather(*(bench.stage(hand, [look], at) for at, look in reversed(looks)))
    assert await bench.value(PRICE, stone_id(1)) == 1019


async def test_pages_that_share_stones_do_not_deadlock(bench: Bench) -> None:
    run = await bench.open(parts=2)
    first, second = await bench.partitions(run)
    # Larger than a real page, so that the two really overlap.
    items = [observed(number) for number in range(1, 1001)]
    hands = [await bench.take(run, part) for part in (first, second)]
    for _ in range(5):
        await asyncio.gather(bench.stage(hands[0], items), bench.stage(hands[1], items[::-1]))
    assert await bench.value("SELECT count(*) FROM stones_seen") == 1000


async def test_a_worker_that_was_taken_for_dead_writes_nothing(bench: Bench) -> None:
    hand = await bench.hand()
    (partition,) = await bench.partitions(hand.run)
    await bench.value("UPDATE worker_runs SET lease_until = now() - interval '1 second'")
    assert await bench.claim(partition) is not None
    with pytest.raises(LeaseLost):
        await bench.stage(hand, [observed(1)])
    assert await bench.value("SELECT count(*) FROM raw_diamonds_nivoda") == 0
    assert await bench.value("SELECT count(*) FROM stones_seen") == 0


async def test_nothing_is_staged_for_a_run_that_has_ended(bench: Bench) -> None:
    hand = await bench.hand()
    await bench.lifecycle.cancel(hand.run.id, "test")
    with pytest.raises(LeaseLost):
        await bench.stage(hand, [observed(1)])


async def test_invariant_11_a_bad_payload_is_kept_with_its_reason_and_its_neighbours_pass(bench: Bench) -> None:
    hand = await bench.hand()
    await bench.stage(hand, [observed(1), observed(2, diamond__certificate=None), observed(3)])
    assert await bench.rows("SELECT problem FROM raw_diamonds_nivoda ORDER BY supplier_stone_id") == [
        (None,),
        ("diamond.certificate: is missing",),
        (None,),
    ]


async def test_a_lease_that_runs_is_respected_and_one_that_ran_out_is_taken_over(bench: Bench) -> None:
    hand = await bench.hand()
    assert await bench.claim(hand.partition) is None
    await bench.value("UPDATE worker_runs SET lease_until = now() - interval '1 second'")
    assert await bench.claim(hand.partition) is not None


async def test_a_worker_that_was_taken_for_dead_does_not_renew_the_lease_of_another(bench: Bench) -> None:
    hand = await bench.hand()
    await bench.value("UPDATE worker_runs SET lease_until = now() - interval '1 second'")
    await bench.claim(hand.partition, lease_seconds=5)
    before = await bench.value("SELECT lease_until FROM worker_runs")
    assert await bench.value(sql.keep_partition, hand.partition.id, hand.token, 3600.0) is None
    assert await bench.value("SELECT lease_until FROM worker_runs") == before


async def test_every_column_of_a_stone_has_the_type_that_its_parameter_has(bench: Bench) -> None:
    for table, columns in (("raw_diamonds_nivoda", {*OBSERVED}), ("diamonds", {*Stone.__struct_fields__})):
        rows = await bench.rows(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = current_schema AND table_name = $1",
            table,
        )
        assert {name: kind for name, kind in rows if name in columns} == {name: OBSERVED[name] for name in columns}
