"""What stops a run before it does harm, and what is asked before a stone counts as gone."""

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
from tests.integration.pipeline.conftest import Bench
from tests.integration.pipeline.shelf import Shelf, stone_id

ACTIVE = "SELECT supplier_stone_id FROM diamonds WHERE status = 'active' ORDER BY 1"
RETAIL = "SELECT retail_price_cents FROM diamonds WHERE supplier_stone_id = $1"


def ids(*numbers: int) -> list[tuple[object, ...]]:
    return [(stone_id(number),) for number in numbers]


async def test_invariant_10_only_a_full_run_deletes_and_a_stone_that_returns_lives_again(
    bench: Bench, shelf: Shelf
) -> None:
    shelf.lay(*range(1, 11))
    await bench.sync()
    shelf.take(3)
    await bench.sync("incremental")
    assert await bench.rows(ACTIVE) == ids(*range(1, 11))
    run = await bench.sync()
    assert run.deleted == 1
    assert await bench.value("SELECT deleted_at IS NOT NULL FROM diamonds WHERE status = 'deleted'") is True
    assert await bench.value(
        "SELECT gone_at IS NOT NULL FROM raw_diamonds_nivoda WHERE supplier_stone_id = $1", stone_id(3)
    )
    shelf.lay(3)
    run = await bench.sync("incremental")
    assert run.revived == 1
    assert await bench.rows(ACTIVE) == ids(*range(1, 11))
    assert await bench.value("SELECT count(*) FROM diamonds WHERE deleted_at IS NOT NULL") == 0
    assert await bench.value("SELECT count(*) FROM raw_diamonds_nivoda WHERE gone_at IS NOT NULL") == 0


async def test_invariant_10_a_stone_that_a_run_missed_is_asked_for_before_it_is_deleted(
    bench: Bench, shelf: Shelf
) -> None:
    shelf.lay(*range(1, 11))
    await bench.sync()
    shelf.unlisted = {stone_id(4)}
    shelf.take(5)
    run = await bench.read()
    done = await bench.consolidator.consolidate(run.id)
    assert done is not None
    assert done.deleted == 1
    assert await bench.rows(ACTIVE) == ids(1, 2, 3, 4, 6, 7, 8, 9, 10)
    assert (done.fetched, done.distinct_stones, done.repeated) == (9, 9, 0)


async def test_invariant_10_too_many_deletes_stop_the_run_and_change_nothing(
    bench: Bench, shelf: Shelf, watermarks: FileWatermarkStore
) -> None:
    shelf.lay(*range(1, 11))
    await bench.sync()
    before = await watermarks.read()
    shelf.take(1, 2, 3)
    shelf.lay(4, cents=77)
    run = await bench.read()
    with pytest.raises(MassDeleteStopped):
        await bench.consolidator.consolidate(run.id)
    assert (await bench.lifecycle.get(run.id)).status == "failed"
    assert await bench.rows(ACTIVE) == ids(*range(1, 11))
    assert await bench.value(RETAIL, stone_id(4)) == 115_000
    assert await watermarks.read() == before


@pytest.mark.parametrize(
    ("most", "said"),
    [
        (10_000, "150 of 200 active stones are gone from the feed, more than the allowed 40"),
        (50, r"At least \d+ of 200 active stones are gone from the feed \(\d+ more that the run did not see"),
    ],
)
async def test_invariant_10_a_stopped_run_names_how_many_stones_are_gone(
    bench: Bench, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, most: int, said: str
) -> None:
    monkeypatch.setattr(safety_checks, "_MAX_COUNTED", most)
    shelf.lay(*range(1, 201))
    await bench.sync()
    shelf.take(*range(1, 151))
    run = await bench.read()
    with pytest.raises(MassDeleteStopped, match=f"^{said}") as stopped:
        await bench.consolidator.consolidate(run.id)
    figures = stopped.value.details
    assert (figures["active"], figures["allowed"]) == (200, 40)
    if most == 50:
        assert 40 < int(str(figures["gone"])) < 150
        assert int(str(figures["gone"])) + int(str(figures["not_looked_up"])) == 150


async def test_a_share_of_deletes_that_is_allowed_passes(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(*range(1, 11))
    await bench.sync()
    shelf.take(1, 2)
    assert (await bench.sync()).deleted == 2


async def test_an_empty_feed_does_not_empty_the_inventory(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(1, 2, 3)
    await bench.sync()
    shelf.take(1, 2, 3)
    run = await bench.open(parts=0)
    with pytest.raises(MassDeleteStopped):
        await bench.consolidator.consolidate(run.id)
    assert await bench.rows(ACTIVE) == ids(1, 2, 3)


async def test_invariant_11_too_many_bad_stones_stop_the_run(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(*range(1, 101))
    await bench.sync()
    shelf.lay(*range(1, 22), diamond__certificate=None)
    run = await bench.read()
    with pytest.raises(QuarantineExceeded):
        await bench.consolidator.consolidate(run.id)
    assert len(await bench.rows(ACTIVE)) == 100


async def increment(bench: Bench, shelf: Shelf, *numbers: int) -> Run:
    """An incremental run over these stones, which have become invalid; it waits for consolidation."""
    everything = shelf.items
    shelf.items = {}
    shelf.lay(*numbers, diamond__certificate=None)
    run = await bench.read("incremental")
    shelf.items = everything | shelf.items
    shelf.changed = {stone_id(number) for number in numbers}
    return run


async def test_invariant_11_incremental_run_measures_quarantine_against_the_inventory(
    bench: Bench, shelf: Shelf
) -> None:
    shelf.lay(*range(1, 601))
    await bench.sync()
    run = await increment(bench, shelf, *range(1, 31))
    done = await bench.consolidator.consolidate(run.id)
    assert done is not None
    assert (done.status, done.quarantined) == ("completed", 30)
    assert await bench.rows(ACTIVE) == ids(*range(31, 601))


async def test_invariant_11_incremental_runs_do_not_add_up_to_more_quarantine_than_allowed(
    bench: Bench, shelf: Shelf
) -> None:
    shelf.lay(*range(1, 401))
    await bench.sync()
    await bench.consolidator.consolidate((await increment(bench, shelf, *range(1, 21))).id)
    with pytest.raises(QuarantineExceeded, match="21 of 400 stones"):
        await bench.consolidator.consolidate((await increment(bench, shelf, 21)).id)
    again = await increment(bench, shelf, 1, 2)  # in quarantine already
    assert await bench.consolidator.consolidate(again.id) is not None
    assert await bench.rows(ACTIVE) == ids(*range(21, 401))


async def test_invariant_11_stones_of_a_stopped_run_do_not_count_as_quarantined(bench: Bench, shelf: Shelf) -> None:
    shelf.lay(*range(1, 201))
    await bench.sync()
    with pytest.raises(QuarantineExceeded):
        await bench.consolidator.consolidate((await increment(bench, shelf, *range(1, 101))).id)
    run = await increment(bench, shelf, 150)
    assert await bench.consolidator.consolidate(run.id) is not None
    assert len(await bench.rows(ACTIVE)) == 199


async def test_invariant_10_a_page_that_repeats_a_stone_makes_no_other_one_seem_gone(
    bench: Bench, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.lay(*range(1, 201))
    await bench.sync()
    shelf.unlisted = {stone_id(number) for number in range(1, 31)}
    run = await bench.read()
    honest = shelf.page_of

    async def repeating(stone_ids: Sequence[str]) -> FeedPage:
        page = await honest(stone_ids)
        return FeedPage(received=page.received, items=[*[page.items[0]] * 30, *page.items][: shelf.page_size])

    monkeypatch.setattr(shelf, "page_of", repeating)
    done = await bench.consolidator.consolidate(run.id)
    assert done is not None
    assert done.deleted == 0
    assert len(await bench.rows(ACTIVE)) == 200


async def test_invariant_10_a_supplier_that_does_not_understand_the_question_deletes_nothing(
    bench: Bench, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.lay(*range(1, 101))
    await bench.sync()
    shelf.take(7)
    run = await bench.read()

    async def nobody(stone_ids: Sequence[str]) -> FeedPage:
        return FeedPage(received=time.monotonic(), items=[])

    async def none(stone_ids: Sequence[str]) -> int:
        return 0

    monkeypatch.setattr(shelf, "page_of", nobody)
    monkeypatch.setattr(shelf, "count_of", none)
    with pytest.raises(SupplierUnavailable):
        await bench.consolidator.consolidate(run.id)
    assert len(await bench.rows(ACTIVE)) == 100


@pytest.mark.parametrize("changes", [{"diamond": None}, {"diamond__id": None}, {"diamond__id": ""}])
async def test_invariant_11_a_good_stone_that_is_known_by_its_offer_alone_leaves_the_active_rows_and_returns(
    bench: Bench, shelf: Shelf, changes: dict[str, Any]
) -> None:
    shelf.lay(*range(1, 11))
    await bench.sync()
    shelf.lay(4, id=f"DIAMOND/{stone_id(4)}", **changes)
    run = await bench.sync()
    assert (run.quarantined, run.deleted) == (1, 0)
    assert await bench.rows(ACTIVE) == ids(1, 2, 3, 5, 6, 7, 8, 9, 10)
    assert await bench.value("SELECT status FROM diamonds WHERE supplier_stone_id = $1", stone_id(4)) == "quarantined"
    shelf.lay(4)
    await bench.sync()
    assert await bench.rows(ACTIVE) == ids(*range(1, 11))


async def test_a_stone_that_the_supplier_counts_but_shows_without_any_id_stays_and_holds_up_no_run(
    bench: Bench, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.lay(*range(1, 11))
    await bench.sync()
    shelf.take(7)
    shelf.lay(4, id=None, diamond=None)
    honest = shelf.count_of

    async def count(stone_ids: Sequence[str]) -> int:
        return await honest(stone_ids) + (stone_id(4) in stone_ids)

    monkeypatch.setattr(shelf, "count_of", count)
    run = await bench.sync()
    assert (run.status, run.quarantined, run.deleted) == ("completed", 1, 1)
    assert await bench.rows(ACTIVE) == ids(1, 2, 3, 4, 5, 6, 8, 9, 10)


async def test_a_supplier_that_never_answers_about_missing_stones_holds_a_consolidator_no_longer_than_the_run_may_last(
    bench: Bench, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.lay(*range(1, 11))
    await bench.sync()
    shelf.take(7)
    run = await bench.read()
    await bench.value(
        "UPDATE run_metadata SET deadline_at = clock_timestamp() + interval '0.5 s' WHERE id = $1", run.id
    )

    async def patience(stone_ids: Sequence[str]) -> FeedPage:
        await asyncio.sleep(900)
        raise AssertionError

    monkeypatch.setattr(shelf, "page_of", patience)
    async with asyncio.timeout(60):
        with pytest.raises(LeaseLost):
            await bench.consolidator.consolidate(run.id)
    ended = await bench.lifecycle.get(run.id)
    assert (ended.status, ended.error_code) == ("failed", "DEADLINE_PASSED")
    assert len(await bench.rows(ACTIVE)) == 10
