import asyncio

import pytest

from inventory.core.errors import Conflict, LeaseLost, RunConflict, SupplierUnavailable
from inventory.runs import repository
from sync.runs.statements import sql
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import observed


async def test_invariant_15_second_run_of_feed_is_rejected(driver: RunDriver) -> None:
    await driver.open()
    with pytest.raises(RunConflict):
        await driver.open()


async def test_one_of_many_concurrent_schedulers_starts_run(driver: RunDriver) -> None:
    outcomes = await asyncio.gather(*(driver.open() for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, RunConflict) for outcome in outcomes) == 7


async def test_run_starts_after_previous_one_has_ended(driver: RunDriver) -> None:
    run = await driver.open()
    assert await driver.lifecycle.fail(run.id, SupplierUnavailable())
    assert (await driver.open()).id != run.id


async def test_invariant_06_last_partition_triggers_consolidation(driver: RunDriver) -> None:
    run = await driver.open(parts=12)
    hands = [await driver.claim_in(run, part) for part in await driver.partitions(run)]
    ended = await asyncio.gather(
        *(driver.lifecycle.end_partition(claimed.partition, claimed.token) for claimed in hands)
    )
    assert sum(trigger for _, trigger in ended) == 1
    now = await driver.lifecycle.get(run.id)
    assert now.status == "consolidating"
    assert now.consolidate_requested_at is not None
    assert now.consolidate_sent_at is None


async def test_invariant_06_later_of_two_concurrent_partitions_is_last(driver: RunDriver) -> None:
    run = await driver.open(parts=2)
    first, last = [await driver.claim_in(run, part) for part in await driver.partitions(run)]
    async with driver.database.transaction() as ending:
        await ending.execute(sql.lock_run, run.id)
        await ending.execute(sql.end_partition, first.partition.id, first.token, "succeeded", None, 0)
        later = asyncio.create_task(driver.lifecycle.end_partition(last.partition, last.token))
        await asyncio.wait(
            {later}, timeout=0.5
        )  # without the lock it would not see the first partition, which is not committed yet
    _, trigger = await later
    assert trigger


async def test_partition_ends_once(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    await driver.lifecycle.end_partition(claimed.partition, claimed.token)
    with pytest.raises(LeaseLost):
        await driver.lifecycle.end_partition(claimed.partition, claimed.token)


async def test_run_with_failed_partition_is_partial_and_not_consolidated(driver: RunDriver) -> None:
    run = await driver.open(parts=2)
    good, bad = [await driver.claim_in(run, part) for part in await driver.partitions(run)]
    assert await driver.lifecycle.end_partition(good.partition, good.token)
    _, trigger = await driver.lifecycle.end_partition(bad.partition, bad.token, error="SUPPLIER_ERROR: no")
    assert not trigger
    now = await driver.lifecycle.get(run.id)
    assert now.status == "partial"
    assert "SUPPLIER_ERROR: no" in (now.error_message or "")
    assert now.consolidate_requested_at is None


async def test_run_with_only_failed_partitions_has_failed(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    await driver.lifecycle.end_partition(claimed.partition, claimed.token, error="no")
    assert (await driver.lifecycle.get(claimed.run.id)).status == "failed"


async def test_run_without_partitions_is_consolidated_directly(driver: RunDriver) -> None:
    assert (await driver.open(parts=0)).status == "consolidating"


async def test_end_of_run_ends_open_partitions(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    await driver.lifecycle.cancel(claimed.run.id, "someone")
    with pytest.raises(Conflict, match="has ended already"):
        await driver.lifecycle.cancel(claimed.run.id, "someone")
    assert [part.status for part in await driver.partitions(claimed.run)] == ["cancelled"]
    with pytest.raises(LeaseLost):
        await driver.lifecycle.end_partition(claimed.partition, claimed.token)


async def test_run_past_deadline_offers_no_partition(driver: RunDriver) -> None:
    run = await driver.open(deadline_seconds=-1)
    (partition,) = await driver.partitions(run)
    assert await driver.claim(partition) is None


async def test_expired_run_names_last_error(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    await driver.value(
        "UPDATE worker_runs SET error_message = 'SUPPLIER_TIMEOUT: too slow', status = 'pending', lease_token = NULL"
    )
    await driver.value("UPDATE run_metadata SET deadline_at = now() - interval '1 second'")
    assert await driver.lifecycle.end_overdue(claimed.run.id)
    now = await driver.lifecycle.get(claimed.run.id)
    assert now.error_code == "DEADLINE_PASSED"
    assert "SUPPLIER_TIMEOUT: too slow" in (now.error_message or "")


async def test_run_with_extended_deadline_is_not_overdue(driver: RunDriver) -> None:
    run = await driver.open()
    assert not await driver.lifecycle.end_overdue(run.id)
    assert (await driver.lifecycle.get(run.id)).status == "running"


async def test_invariant_03_balance_counts_distinct_stones_of_bands(driver: RunDriver) -> None:
    run = await driver.open(parts=3)

    async def max_over_mean() -> float:
        async with driver.database.connection() as connection:
            return (await repository.outline(connection, run.id)).max_over_mean

    await driver.value(
        "UPDATE worker_runs SET planned_stones = (ARRAY[1600, 1400, 101])[ordinal + 1], fetched = 9000 * ordinal, "
        "kind = CASE WHEN ordinal = 2 THEN 'outside' ELSE 'band' END"
    )
    assert await max_over_mean() == pytest.approx(1600 / 1500)
    await driver.value("UPDATE worker_runs SET distinct_stones = 1300 WHERE ordinal = 0")
    assert await max_over_mean() == pytest.approx(1400 / 1350)
    await driver.value("UPDATE worker_runs SET distinct_stones = 0")
    assert await max_over_mean() == 1.0


async def test_distinct_stones_of_partition_are_counted_at_its_end(driver: RunDriver) -> None:
    claimed = await driver.claimed_partition()
    await driver.stage(claimed, [observed(1), observed(2)])
    await driver.stage(claimed, [observed(2), observed(3)])
    ended, _ = await driver.lifecycle.end_partition(claimed.partition, claimed.token)
    assert (ended.fetched, ended.distinct_stones) == (4, 3)
