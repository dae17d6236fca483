"""A complete sync run over a feed in which own holds are visible."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from inventory.suppliers.limiter import LocalRateLimiter
from inventory.suppliers.nivoda.feed import NivodaFeed, open_feed
from inventory.suppliers.ports import ObservedItem, StoneQuery
from inventory.trading.states import HoldState, PurchaseState
from sync.watermark.file import FileWatermarkStore
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed
from tests.integration.trading.trading_site import PRICE, TradingSite


class FeedPipeline(RunDriver):
    """Runs over the simulated supplier's feed, page by page."""

    def __init__(self, site: TradingSite, feed: NivodaFeed, directory: Path) -> None:
        watermarks = FileWatermarkStore(directory, site.settings.sync.feed)
        super().__init__(site.settings, site.database, FakeFeed(), watermarks, feed)
        self._pages = feed

    async def _everything(self) -> AsyncIterator[ObservedItem]:
        offset = 0
        while items := (await self._pages.page(StoneQuery(), offset, self._pages.page_size)).items:
            for item in items:
                yield item
            offset += len(items)


@pytest_asyncio.fixture
async def pipeline(site: TradingSite, tmp_path: Path) -> AsyncIterator[FeedPipeline]:
    async with open_feed(site.settings.nivoda, LocalRateLimiter(1000, 1000)) as feed:
        yield FeedPipeline(site, feed, tmp_path)


async def supplier_state(site: TradingSite) -> tuple[object, ...]:
    (row,) = await site.rows("SELECT availability, hold_id FROM diamonds WHERE id = $1", site.ids[0])
    return tuple(row.values())


async def test_invariant_17_own_hold_in_feed_holds_nothing_and_keeps_price(
    site: TradingSite, pipeline: FeedPipeline
) -> None:
    hold = await site.hold()
    await pipeline.sync()
    assert await supplier_state(site) == ("on_hold", hold.supplier_hold_id)
    assert await site.availability() == "on_hold"
    listed = await site.run("SELECT retail_price_cents FROM diamonds WHERE id = $1", site.ids[0])
    assert listed != PRICE, "the run has brought another price"
    await site.break_supplier({"kind": "status", "status": 503, "operations": ["cancel_hold"]})
    assert (await site.trading.holds.release(hold.id, "acme")).state is HoldState.RELEASED
    await pipeline.sync()
    assert await supplier_state(site) == ("on_hold", hold.supplier_hold_id), "he has not heard of it"
    assert await site.availability() == "available"
    await site.restore_supplier()
    assert (await site.hold(client="globex")).price_cents == listed


async def test_invariant_17_holder_buys_repriced_stone_at_guaranteed_price(
    site: TradingSite, pipeline: FeedPipeline
) -> None:
    await site.hold()
    await pipeline.sync()
    bought = await site.buy(expected_price_cents=PRICE)
    assert (bought.state, bought.price_cents) == (PurchaseState.ORDERED, PRICE)
    await pipeline.sync()
    assert await supplier_state(site) == ("sold", None)
    assert await site.availability() == "sold"
    assert await site.events() == [
        "hold_requested", "hold_activated", "purchase_pending", "hold_purchased", "purchase_ordered", "diamonds_changed",
    ]  # fmt: skip


async def test_declined_stone_is_decided_by_next_complete_sync(site: TradingSite, pipeline: FeedPipeline) -> None:
    ordered = await site.buy()
    await pipeline.sync()
    assert await supplier_state(site) == ("sold", None)
    await site.trading.outcomes.decline(ordered.id, who="olga", reason="broken")
    assert await site.settlement.declined() == 0, "the run read it before the decline"
    assert await site.availability() == "unavailable"

    stone = site.stones[0]["id"]
    await site.control("POST", "update", {"id": stone, "set": {"availability": "AVAILABLE"}})
    await pipeline.sync()
    await site.run("UPDATE run_metadata SET status = 'partial' WHERE id = (SELECT run_id FROM stones_seen LIMIT 1)")
    assert await site.settlement.declined() == 0, "the run was not consolidated"
    await site.run("UPDATE run_metadata SET status = 'completed'")
    assert await site.availability() == "unavailable"
    assert [await site.settlement.declined() for _ in range(2)] == [1, 0]
    assert await site.availability() == "available"
    assert (await site.events())[-1] == "diamonds_changed"
    (first,) = (await site.trading.records.purchases([ordered.id])).values()
    assert first.state is PurchaseState.DECLINED
    again = await site.buy(key="2")
    assert again.state is PurchaseState.ORDERED
    assert await site.availability() == "sold"


async def test_declined_stone_stays_unavailable_when_not_offered_again(
    site: TradingSite, pipeline: FeedPipeline
) -> None:
    ordered = await site.buy()
    await site.trading.outcomes.decline(ordered.id, who="olga", reason="sold in the shop")
    await site.control("POST", "update", {"id": site.stones[0]["id"], "set": {"availability": "NOT_AVAILABLE"}})
    await pipeline.sync()
    assert await site.settlement.declined() == 1
    assert await site.availability() == "unavailable"
