"""A whole run of the sync over a feed in which our own holds show."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from inventory.suppliers.limiter import LocalRateLimiter
from inventory.suppliers.nivoda.feed import NivodaFeed, open_feed
from inventory.suppliers.ports import ObservedItem, StoneQuery
from inventory.trading.states import HoldState, PurchaseState
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.conftest import Bench
from tests.integration.pipeline.shelf import Shelf
from tests.integration.trading.market import PRICE, Market


class Pipeline(Bench):
    """Runs over the supplier's own feed, page by page."""

    def __init__(self, market: Market, feed: NivodaFeed, directory: Path) -> None:
        watermarks = FileWatermarkStore(directory, market.settings.sync.feed)
        super().__init__(market.settings, market.database, Shelf(), watermarks, feed)
        self._pages = feed

    async def _everything(self) -> AsyncIterator[ObservedItem]:
        offset = 0
        while items := (await self._pages.page(StoneQuery(), offset, self._pages.page_size)).items:
            for item in items:
                yield item
            offset += len(items)


@pytest_asyncio.fixture
async def pipeline(market: Market, tmp_path: Path) -> AsyncIterator[Pipeline]:
    async with open_feed(market.settings.nivoda, LocalRateLimiter(1000, 1000)) as feed:
        yield Pipeline(market, feed, tmp_path)


async def suppliers_word(market: Market) -> tuple[object, ...]:
    (row,) = await market.rows("SELECT availability, hold_id FROM diamonds WHERE id = $1", market.ids[0])
    return tuple(row.values())


async def test_invariant_17_the_mirror_of_our_own_hold_holds_nothing_and_its_price_stays(
    market: Market, pipeline: Pipeline
) -> None:
    hold = await market.hold()
    await pipeline.sync()
    assert await suppliers_word(market) == ("on_hold", hold.supplier_hold_id)
    assert await market.availability() == "on_hold"
    listed = await market.run("SELECT retail_price_cents FROM diamonds WHERE id = $1", market.ids[0])
    assert listed != PRICE, "the run has brought another price"
    await market.break_supplier({"kind": "status", "status": 503, "operations": ["cancel_hold"]})
    assert (await market.trading.holds.release(hold.id, "acme")).state is HoldState.RELEASED
    await pipeline.sync()
    assert await suppliers_word(market) == ("on_hold", hold.supplier_hold_id), "he has not heard of it"
    assert await market.availability() == "available"
    await market.mend_supplier()
    assert (await market.hold(client="globex")).price_cents == listed


async def test_invariant_17_the_holder_buys_at_the_guaranteed_price_what_a_run_has_repriced(
    market: Market, pipeline: Pipeline
) -> None:
    await market.hold()
    await pipeline.sync()
    bought = await market.buy(expected_price_cents=PRICE)
    assert (bought.state, bought.price_cents) == (PurchaseState.ORDERED, PRICE)
    await pipeline.sync()
    assert await suppliers_word(market) == ("sold", None)
    assert await market.availability() == "sold"
    assert await market.events() == [
        "hold_requested", "hold_activated", "purchase_pending", "hold_purchased", "purchase_ordered", "diamonds_changed",
    ]  # fmt: skip


async def test_a_declined_stone_is_for_the_sync_to_decide_about_once_it_was_read_again(
    market: Market, pipeline: Pipeline
) -> None:
    ordered = await market.buy()
    await pipeline.sync()
    assert await suppliers_word(market) == ("sold", None)
    await market.trading.outcomes.decline(ordered.id, who="olga", reason="broken")
    assert await market.settlement.declined() == 0, "the run read it before the decline"
    assert await market.availability() == "unavailable"

    stone = market.stones[0]["id"]
    await market.control("POST", "update", {"id": stone, "set": {"availability": "AVAILABLE"}})
    await pipeline.sync()
    await market.run("UPDATE run_metadata SET status = 'partial' WHERE id = (SELECT run_id FROM stones_seen LIMIT 1)")
    assert await market.settlement.declined() == 0, "the run was not consolidated"
    await market.run("UPDATE run_metadata SET status = 'completed'")
    assert await market.availability() == "unavailable"
    assert [await market.settlement.declined() for _ in range(2)] == [1, 0]
    assert await market.availability() == "available"
    assert (await market.events())[-1] == "diamonds_changed"
    (first,) = (await market.trading.records.purchases([ordered.id])).values()
    assert first.state is PurchaseState.DECLINED
    again = await market.buy(key="2")
    assert again.state is PurchaseState.ORDERED
    assert await market.availability() == "sold"


async def test_a_declined_stone_that_the_supplier_does_not_offer_again_stays_unavailable(
    market: Market, pipeline: Pipeline
) -> None:
    ordered = await market.buy()
    await market.trading.outcomes.decline(ordered.id, who="olga", reason="sold in the shop")
    await market.control("POST", "update", {"id": market.stones[0]["id"], "set": {"availability": "NOT_AVAILABLE"}})
    await pipeline.sync()
    assert await market.settlement.declined() == 1
    assert await market.availability() == "unavailable"
