import asyncio

import pytest

from inventory.core.errors import Conflict, LeaseLost, RunConflict, SupplierUnavailable
from inventory.runs import repository
from sync.runs.statements import sql
from tests.integration.pipeline.conftest import Bench
from tests.integration.pipeline.shelf import observed


async def test_invariant_15_a_second_run_of_a_feed_is_refused(bench: Bench) -> None:
    await bench.open()
    with pytest.raises(RunConflict):
        await bench.open()


async def test_of_many_schedulers_at_once_one_starts_a_run(bench: Bench) -> None:
    outcomes = await asyncio.gather(*(bench.open() for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, RunConflict) for outcome in outcomes) == 7


async def test_a_run_may_start_when_the_one_before_has_ended(bench: Bench) -> None:
    run = await bench.open()
    assert await bench.lifecycle.fail(run.id, SupplierUnavailable())
    assert (await bench.open()).id != run.id


async def test_invariant_06_only_the_last_partition_triggers_consolidation(bench: Bench) -> None:
    run = await bench.open(parts=12)
    hands = [await bench.take(run, part) for part in await bench.partitions(run)]
    ended = await asyncio.gather(*(bench.lifecycle.end_partition(hand.partition, hand.token) for hand in hands))
    assert sum(trigger for _, trigger in ended) == 1
    now = await bench.lifecycle.get(run.id)
    assert now.status == "consolidating"
    assert now.consolidate_requested_at is not None
    assert now.consolidate_sent_at is None


async def test_invariant_06_of_two_partitions_that_end_at_once_the_later_one_sees_the_earlier(bench: Bench) -> None:
    run = await bench.open(parts=2)
    first, last = [await bench.take(run, part) for part in await bench.partitions(run)]
    async with bench.database.transaction() as ending:
        await ending.execute(sql.lock_run, run.id)
        await ending.execute(sql.end_partition, first.partition.id, first.token, "succeeded", None, 0)
        later = asyncio.create_task(bench.lifecycle.end_partition(last.partition, last.token))
        await asyncio.wait({later}, timeout=0.5)  # it would not see the first one, which is not committed yet
    _, trigger = await later
    assert trigger


async def test_a_partition_ends_once(bench: Bench) -> None:
    hand = await bench.hand()
    await bench.lifecycle.end_partition(hand.partition, hand.token)
    with pytest.raises(LeaseLost):
        await bench.lifecycle.end_partition(hand.partition, hand.token)


async def test_a_run_with_a_failed_partition_is_partial_and_is_not_consolidated(bench: Bench) -> None:
    run = await bench.open(parts=2)
    good, bad = [await bench.take(run, part) for part in await bench.partitions(run)]
    assert await bench.lifecycle.end_partition(good.partition, good.token)
    _, trigger = await bench.lifecycle.end_partition(bad.partition, bad.token, error="SUPPLIER_ERROR: no")
    assert not trigger
    now = await bench.lifecycle.get(run.id)
    assert now.status == "partial"
    assert "SUPPLIER_ERROR: no" in (now.error_message or "")
    assert now.consolidate_requested_at is None


async def test_a_run_of_failed_partitions_has_failed(bench: Bench) -> None:
    hand = await bench.hand()
    await bench.lifecycle.end_partition(hand.partition, hand.token, error="no")
    assert (await bench.lifecycle.get(hand.run.id)).status == "failed"


async def test_a_run_without_partitions_goes_straight_to_consolidation(bench: Bench) -> None:
    assert (await bench.open(parts=0)).status == "consolidating"


async def test_what_is_open_of_a_run_ends_with_it(bench: Bench) -> None:
    hand = await bench.hand()
    await bench.lifecycle.cancel(hand.run.id, "someone")
    with pytest.raises(Conflict, match="has ended already"):
        await bench.lifecycle.cancel(hand.run.id, "someone")
    assert [part.status for part in await bench.partitions(hand.run)] == ["cancelled"]
    with pytest.raises(LeaseLost):
        await bench.lifecycle.end_partition(hand.partition, hand.token)


async def test_a_run_past_its_deadline_gives_no_partition_out(bench: Bench) -> None:
    run = await bench.open(deadline_seconds=-1)
    (partition,) = await bench.partitions(run)
    assert await bench.claim(partition) is None


async def test_an_expired_run_names_what_it_complained_about_last(bench: Bench) -> None:
    hand = await bench.hand()
    await bench.value(
        "UPDATE worker_runs SET error_message = 'SUPPLIER_TIMEOUT: too slow', status = 'pending', lease_token = NULL"
    )
    await bench.value("UPDATE run_metadata SET deadline_at = now() - interval '1 second'")
    assert await bench.lifecycle.end_overdue(hand.run.id)
    now = await bench.lifecycle.get(hand.run.id)
    assert now.error_code == "DEADLINE_PASSED"
    assert "SUPPLIER_TIMEOUT: too slow" in (now.error_message or "")


async def test_a_run_that_was_given_more_time_is_not_overdue(bench: Bench) -> None:
    run = await bench.open()
    assert not await bench.lifecycle.end_overdue(run.id)
    assert (await bench.lifecycle.get(run.id)).status == "running"


async def test_invariant_03_balance_compares_the_different_stones_of_the_bands(bench: Bench) -> None:
    run = await bench.open(parts=3)

    async def max_over_mean() -> float:
        async with bench.database.connection() as connection:
            return (await repository.outline(connection, run.id)).max_over_mean

    await bench.value(
        "UPDATE worker_runs SET planned_stones = (ARRAY[1600, 1400, 101])[ordinal + 1], fetched = 9000 * ordinal, "
        "kind = CASE WHEN ordinal = 2 THEN 'outside' ELSE 'band' END"
    )
    assert await max_over_mean() == pytest.approx(1600 / 1500)
    await bench.value("UPDATE worker_runs SET distinct_stones = 1300 WHERE ordinal = 0")
    assert await max_over_mean() == pytest.approx(1400 / 1350)
    await bench.value("UPDATE worker_runs SET distinct_stones = 0")
    assert await max_over_mean() == 1.0


async def test_the_different_stones_of_a_partition_are_counted_when_it_ends(bench: Bench) -> None:
    hand = await bench.hand()
    await bench.stage(hand, [observed(1), observed(2)])
    await bench.stage(hand, [observed(2), observed(3)])
    ended, _ = await bench.lifecycle.end_partition(hand.partition, hand.token)
    assert (ended.fetched, ended.distinct_stones) == (4, 3)
