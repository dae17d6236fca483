import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from inventory.catalog.stone import Stone
from inventory.core.errors import LeaseLost
from sync.runs.statements import OBSERVED, sql
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import observed, stone_id

EARLY, LATE = 3600.0, 0.0  # seconds ago
PRICE = "SELECT supplier_price_cents FROM raw_diamonds_nivoda WHERE supplier_stone_id = $1"


async def test_page_is_staged_with_checkpoint(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    assert await driver.stage(claimed, [observed(1), observed(2)]) == 2
    (partition,) = await driver.partitions(claimed.run)
    assert (partition.pages, partition.fetched) == (1, 2)
    assert partition.checkpoint["total"] == 47


async def test_unchanged_payload_is_not_rewritten_but_counts_as_seen(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    await driver.stage(claimed, [observed(1)], EARLY)
    assert await driver.stage(claimed, [observed(1)], LATE) == 0
    age = "SELECT round(extract(epoch FROM now() - observed_at) / 60)::int FROM "
    assert await driver.value(age + "raw_diamonds_nivoda") == 60
    assert await driver.value(age + "stones_seen") == 0


async def test_queried_origin_is_stored_and_rewritten_on_change(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    silent: dict[str, Any] = {"diamond__certificate__labgrown": None}
    row = "SELECT queried_lab_grown, lab_grown, problem IS NULL FROM raw_diamonds_nivoda"
    for queried in (True, False):
        assert await driver.stage(claimed, [observed(1, queried=queried, **silent)]) == 1
        assert await driver.rows(row) == [(queried, queried, True)]
    assert await driver.stage(claimed, [observed(1, **silent)]) == 1
    assert await driver.rows(row) == [(None, None, False)]


async def test_repeated_stone_on_page_is_staged_once_and_fetched_twice(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    assert await driver.stage(claimed, [observed(1, 100), observed(1, 200)]) == 1
    assert await driver.value(PRICE, stone_id(1)) == 200
    assert (await driver.partitions(claimed.run))[0].fetched == 2


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
async def test_cheapest_offer_then_lowest_id_represents_stone(
    driver: RunDriver, offers: Sequence[tuple[str, int]], kept: tuple[str, int], apart: bool
) -> None:
    claimed = await driver.claimed_partition()
    items = [observed(1, cents, id=offer) for offer, cents in offers]
    for page in [[item] for item in items] if apart else [items]:
        await driver.stage(claimed, page)
    assert await driver.rows("SELECT offer_id, supplier_price_cents FROM raw_diamonds_nivoda") == [kept]


async def test_invariant_09_older_observation_never_wins(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    await driver.stage(claimed, [observed(1, 200)], LATE)
    assert await driver.stage(claimed, [observed(1, 100)], EARLY) == 0
    assert await driver.value(PRICE, stone_id(1)) == 200


async def test_invariant_09_unchanged_newer_observation_wins(driver: RunDriver) -> None:
    """The newer observation changes nothing in the raw row, so a comparison with that row would accept the older one."""
    claimed = await driver.claimed_partition()
    await driver.stage(claimed, [observed(1, 100)], EARLY)
    await driver.stage(claimed, [observed(1, 100)], LATE)
    await driver.stage(claimed, [observed(1, 999)], (EARLY + LATE) / 2)
    assert await driver.value(PRICE, stone_id(1)) == 100


async def test_invariant_09_holds_for_concurrently_staged_pages(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    looks = [(EARLY - 60.0 * number, observed(1, 1000 + number)) for number in range(20)]
    await asyncio.gather(*(driver.stage(claimed, [look], at) for at, look in reversed(looks)))
    assert await driver.value(PRICE, stone_id(1)) == 1019


async def test_pages_that_share_stones_do_not_deadlock(driver: RunDriver) -> None:
    run = await driver.open(parts=2)
    first, second = await driver.partitions(run)
    # Larger than a real page, so that the two overlap.
    items = [observed(number) for number in range(1, 1001)]
    hands = [await driver.claim_in(run, part) for part in (first, second)]
    for _ in range(5):
        await asyncio.gather(driver.stage(hands[0], items), driver.stage(hands[1], items[::-1]))
    assert await driver.value("SELECT count(*) FROM stones_seen") == 1000


async def test_worker_with_lost_lease_writes_nothing(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    (partition,) = await driver.partitions(claimed.run)
    await driver.value("UPDATE worker_runs SET lease_until = now() - interval '1 second'")
    assert await driver.claim(partition) is not None
    with pytest.raises(LeaseLost):
        await driver.stage(claimed, [observed(1)])
    assert await driver.value("SELECT count(*) FROM raw_diamonds_nivoda") == 0
    assert await driver.value("SELECT count(*) FROM stones_seen") == 0


async def test_nothing_is_staged_for_ended_run(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    await driver.lifecycle.cancel(claimed.run.id, "test")
    with pytest.raises(LeaseLost):
        await driver.stage(claimed, [observed(1)])


async def test_invariant_11_invalid_payload_is_kept_with_reason(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    await driver.stage(claimed, [observed(1), observed(2, diamond__certificate=None), observed(3)])
    assert await driver.rows("SELECT problem FROM raw_diamonds_nivoda ORDER BY supplier_stone_id") == [
        (None,),
        ("diamond.certificate: is missing",),
        (None,),
    ]


async def test_active_lease_is_respected_and_expired_one_is_taken_over(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    assert await driver.claim(claimed.partition) is None
    await driver.value("UPDATE worker_runs SET lease_until = now() - interval '1 second'")
    assert await driver.claim(claimed.partition) is not None


async def test_worker_with_lost_lease_does_not_renew_new_lease(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    await driver.value("UPDATE worker_runs SET lease_until = now() - interval '1 second'")
    await driver.claim(claimed.partition, lease_seconds=5)
    before = await driver.value("SELECT lease_until FROM worker_runs")
    assert await driver.value(sql.keep_partition, claimed.partition.id, claimed.token, 3600.0) is None
    assert await driver.value("SELECT lease_until FROM worker_runs") == before


async def test_every_stone_column_has_type_of_its_parameter(driver: RunDriver) -> None:
    for table, columns in (("raw_diamonds_nivoda", {*OBSERVED}), ("diamonds", {*Stone.__struct_fields__})):
        rows = await driver.rows(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = current_schema AND table_name = $1",
            table,
        )
        assert {name: kind for name, kind in rows if name in columns} == {name: OBSERVED[name] for name in columns}
