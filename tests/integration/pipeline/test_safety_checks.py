"""Safety checks before consolidation, and the lookup before a deletion."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from inventory.core.errors import LeaseLost, MassDeleteStopped, QuarantineExceeded, SupplierUnavailable
from inventory.runs.models import Run
from inventory.suppliers.ports import FeedPage
from sync.consolidator import safety_checks
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed, stone_id

ACTIVE = "SELECT supplier_stone_id FROM diamonds WHERE status = 'active' ORDER BY 1"
RETAIL = "SELECT retail_price_cents FROM diamonds WHERE supplier_stone_id = $1"


def ids(*numbers: int) -> list[tuple[object, ...]]:
    return [(stone_id(number),) for number in numbers]


async def test_invariant_10_only_full_run_deletes_and_returning_stone_is_restored(
    driver: RunDriver, feed: FakeFeed
) -> None:
    feed.put(*range(1, 11))
    await driver.sync()
    feed.remove(3)
    await driver.sync("incremental")
    assert await driver.rows(ACTIVE) == ids(*range(1, 11))
    run = await driver.sync()
    assert run.deleted == 1
    assert await driver.value("SELECT deleted_at IS NOT NULL FROM diamonds WHERE status = 'deleted'") is True
    assert await driver.value(
        "SELECT gone_at IS NOT NULL FROM raw_diamonds_nivoda WHERE supplier_stone_id = $1", stone_id(3)
    )
    feed.put(3)
    run = await driver.sync("incremental")
    assert run.revived == 1
    assert await driver.rows(ACTIVE) == ids(*range(1, 11))
    assert await driver.value("SELECT count(*) FROM diamonds WHERE deleted_at IS NOT NULL") == 0
    assert await driver.value("SELECT count(*) FROM raw_diamonds_nivoda WHERE gone_at IS NOT NULL") == 0


async def test_invariant_10_missing_stone_is_looked_up_before_deletion(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(1, 11))
    await driver.sync()
    feed.unlisted = {stone_id(4)}
    feed.remove(5)
    run = await driver.read()
    done = await driver.consolidator.consolidate(run.id)
    assert done is not None
    assert done.deleted == 1
    assert await driver.rows(ACTIVE) == ids(1, 2, 3, 4, 6, 7, 8, 9, 10)
    assert (done.fetched, done.distinct_stones, done.repeated) == (9, 9, 0)


async def test_invariant_10_too_many_deletions_stop_run_without_changes(
    driver: RunDriver, feed: FakeFeed, watermarks: FileWatermarkStore
) -> None:
    feed.put(*range(1, 11))
    await driver.sync()
    before = await watermarks.read()
    feed.remove(1, 2, 3)
    feed.put(4, cents=77)
    run = await driver.read()
    with pytest.raises(MassDeleteStopped):
        await driver.consolidator.consolidate(run.id)
    assert (await driver.lifecycle.get(run.id)).status == "failed"
    assert await driver.rows(ACTIVE) == ids(*range(1, 11))
    assert await driver.value(RETAIL, stone_id(4)) == 115_000
    assert await watermarks.read() == before


@pytest.mark.parametrize(
    ("most", "said"),
    [
        (10_000, "150 of 200 active stones are gone from the feed, more than the allowed 40"),
        (50, r"At least \d+ of 200 active stones are gone from the feed \(\d+ more that the run did not see"),
    ],
)
async def test_invariant_10_stopped_run_reports_number_of_missing_stones(
    driver: RunDriver, feed: FakeFeed, monkeypatch: pytest.MonkeyPatch, most: int, said: str
) -> None:
    monkeypatch.setattr(safety_checks, "_MAX_COUNTED", most)
    feed.put(*range(1, 201))
    await driver.sync()
    feed.remove(*range(1, 151))
    run = await driver.read()
    with pytest.raises(MassDeleteStopped, match=f"^{said}") as stopped:
        await driver.consolidator.consolidate(run.id)
    figures = stopped.value.details
    assert (figures["active"], figures["allowed"]) == (200, 40)
    if most == 50:
        assert 40 < int(str(figures["gone"])) < 150
        assert int(str(figures["gone"])) + int(str(figures["not_looked_up"])) == 150


async def test_deletions_up_to_limit_are_allowed(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(1, 11))
    await driver.sync()
    feed.remove(1, 2)
    assert (await driver.sync()).deleted == 2


async def test_empty_feed_does_not_empty_inventory(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(1, 2, 3)
    await driver.sync()
    feed.remove(1, 2, 3)
    run = await driver.open(parts=0)
    with pytest.raises(MassDeleteStopped):
        await driver.consolidator.consolidate(run.id)
    assert await driver.rows(ACTIVE) == ids(1, 2, 3)


async def test_invariant_11_too_many_invalid_stones_stop_run(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(1, 101))
    await driver.sync()
    feed.put(*range(1, 22), diamond__certificate=None)
    run = await driver.read()
    with pytest.raises(QuarantineExceeded):
        await driver.consolidator.consolidate(run.id)
    assert len(await driver.rows(ACTIVE)) == 100


async def increment(driver: RunDriver, feed: FakeFeed, *numbers: int) -> Run:
    """An incremental run over these stones, which are now invalid. It waits for consolidation."""
    everything = feed.items
    feed.items = {}
    feed.put(*numbers, diamond__certificate=None)
    run = await driver.read("incremental")
    feed.items = everything | feed.items
    feed.changed = {stone_id(number) for number in numbers}
    return run


async def test_invariant_11_incremental_quarantine_is_limited_by_inventory(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(1, 601))
    await driver.sync()
    run = await increment(driver, feed, *range(1, 31))
    done = await driver.consolidator.consolidate(run.id)
    assert done is not None
    assert (done.status, done.quarantined) == ("completed", 30)
    assert await driver.rows(ACTIVE) == ids(*range(31, 601))


async def test_invariant_11_quarantine_limit_holds_across_incremental_runs(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(1, 401))
    await driver.sync()
    await driver.consolidator.consolidate((await increment(driver, feed, *range(1, 21))).id)
    with pytest.raises(QuarantineExceeded, match="21 of 400 stones"):
        await driver.consolidator.consolidate((await increment(driver, feed, 21)).id)
    again = await increment(driver, feed, 1, 2)  # in quarantine already
    assert await driver.consolidator.consolidate(again.id) is not None
    assert await driver.rows(ACTIVE) == ids(*range(21, 401))


async def test_invariant_11_stones_of_stopped_run_are_not_quarantined(driver: RunDriver, feed: FakeFeed) -> None:
    feed.put(*range(1, 201))
    await driver.sync()
    with pytest.raises(QuarantineExceeded):
        await driver.consolidator.consolidate((await increment(driver, feed, *range(1, 101))).id)
    run = await increment(driver, feed, 150)
    assert await driver.consolidator.consolidate(run.id) is not None
    assert len(await driver.rows(ACTIVE)) == 199


async def test_invariant_10_page_with_repeated_stone_deletes_no_other(
    driver: RunDriver, feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.put(*range(1, 201))
    await driver.sync()
    feed.unlisted = {stone_id(number) for number in range(1, 31)}
    run = await driver.read()
    honest = feed.page_of

    async def repeating(stone_ids: Sequence[str]) -> FeedPage:
        page = await honest(stone_ids)
        return FeedPage(received=page.received, items=[*[page.items[0]] * 30, *page.items][: feed.page_size])

    monkeypatch.setattr(feed, "page_of", repeating)
    done = await driver.consolidator.consolidate(run.id)
    assert done is not None
    assert done.deleted == 0
    assert len(await driver.rows(ACTIVE)) == 200


async def test_invariant_10_supplier_that_ignores_ids_deletes_nothing(
    driver: RunDriver, feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.put(*range(1, 101))
    await driver.sync()
    feed.remove(7)
    run = await driver.read()

    async def no_stones(stone_ids: Sequence[str]) -> FeedPage:
        return FeedPage(received=time.monotonic(), items=[])

    async def none(stone_ids: Sequence[str]) -> int:
        return 0

    monkeypatch.setattr(feed, "page_of", no_stones)
    monkeypatch.setattr(feed, "count_of", none)
    with pytest.raises(SupplierUnavailable):
        await driver.consolidator.consolidate(run.id)
    assert len(await driver.rows(ACTIVE)) == 100


@pytest.mark.parametrize("changes", [{"diamond": None}, {"diamond__id": None}, {"diamond__id": ""}])
async def test_invariant_11_stone_without_id_is_deactivated_and_returns(
    driver: RunDriver, feed: FakeFeed, changes: dict[str, Any]
) -> None:
    feed.put(*range(1, 11))
    await driver.sync()
    feed.put(4, id=f"DIAMOND/{stone_id(4)}", **changes)
    run = await driver.sync()
    assert (run.quarantined, run.deleted) == (1, 0)
    assert await driver.rows(ACTIVE) == ids(1, 2, 3, 5, 6, 7, 8, 9, 10)
    assert await driver.value("SELECT status FROM diamonds WHERE supplier_stone_id = $1", stone_id(4)) == "quarantined"
    feed.put(4)
    await driver.sync()
    assert await driver.rows(ACTIVE) == ids(*range(1, 11))


async def test_counted_stone_without_id_stays_and_does_not_block_run(
    driver: RunDriver, feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.put(*range(1, 11))
    await driver.sync()
    feed.remove(7)
    feed.put(4, id=None, diamond=None)
    honest = feed.count_of

    async def count(stone_ids: Sequence[str]) -> int:
        return await honest(stone_ids) + (stone_id(4) in stone_ids)

    monkeypatch.setattr(feed, "count_of", count)
    run = await driver.sync()
    assert (run.status, run.quarantined, run.deleted) == ("completed", 1, 1)
    assert await driver.rows(ACTIVE) == ids(1, 2, 3, 4, 5, 6, 8, 9, 10)


async def test_unanswered_lookups_end_at_run_deadline(
    driver: RunDriver, feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.put(*range(1, 11))
    await driver.sync()
    feed.remove(7)
    run = await driver.read()
    await driver.value(
        "UPDATE run_metadata SET deadline_at = clock_timestamp() + interval '0.5 s' WHERE id = $1", run.id
    )

    async def patience(stone_ids: Sequence[str]) -> FeedPage:
        await asyncio.sleep(900)
        raise AssertionError

    monkeypatch.setattr(feed, "page_of", patience)
    async with asyncio.timeout(60):
        with pytest.raises(LeaseLost):
            await driver.consolidator.consolidate(run.id)
    ended = await driver.lifecycle.get(run.id)
    assert (ended.status, ended.error_code) == ("failed", "DEADLINE_PASSED")
    assert len(await driver.rows(ACTIVE)) == 10
