"""Price check immediately before an order: ordered price, and rejections."""

import asyncio

import msgspec
import pytest

from inventory.core.errors import SupplierError
from inventory.suppliers.ports import SupplierHold
from inventory.trading.background_tasks import BackgroundTasks
from inventory.trading.errors import NotAvailable, PriceChanged
from inventory.trading.models import Purchase
from inventory.trading.price_check import PriceAccepted
from inventory.trading.purchase_errors import purchase_error
from inventory.trading.purchase_request import PurchaseRequest
from inventory.trading.purchases import Purchases, RecordedPurchase
from inventory.trading.states import PurchaseState
from tests.integration.trading.trading_site import PRICE, TradingSite


async def raise_supplier_price(site: TradingSite, number: int = 0, cents: int = 10_000) -> int:
    """Raise the supplier's price of a stone. Returns the new price."""
    raised = site.stones[number]["price"] + cents
    await site.control("POST", "update", {"id": site.stones[number]["id"], "set": {"price": raised}})
    return int(raised)


def rounded(cents: int) -> int:
    """The client's price without a pricing rule."""
    return (cents * 115 + 50) // 100


async def test_higher_price_without_hold_is_rejected_and_named_price_is_accepted(site: TradingSite) -> None:
    raised = await raise_supplier_price(site)
    for _ in range(2):
        refused = await site.buy(expected_price_cents=PRICE)
        assert (refused.state, refused.failure_code) == (PurchaseState.FAILED, "PRICE_CHANGED")
        error = purchase_error(refused)
        assert isinstance(error, PriceChanged)
        assert "new idempotency key" in error.message
        assert error.details == {
            "reason": "PRICE_CHANGED", "id": refused.id, "status": "failed", "price_cents": rounded(raised),
        }  # fmt: skip
    assert (await site.buy(key="2")).failure_code == "PRICE_CHANGED", "nor is the list price charged unasked"
    assert await site.received("create_order") == 0
    assert await site.availability() == "available"
    with pytest.raises(PriceChanged) as caught:  # it was named to another client
        await site.buy(client="globex", expected_price_cents=rounded(raised))
    assert "unused" in caught.value.message

    bought = await site.buy(key="3", expected_price_cents=rounded(raised))
    assert (bought.state, bought.price_cents) == (PurchaseState.ORDERED, rounded(raised))
    assert bought.supplier_price_cents == raised
    assert await site.events() == [
        "purchase_pending", "purchase_failed", "purchase_pending", "purchase_failed", "purchase_pending", "purchase_ordered",
    ]  # fmt: skip


async def test_outdated_named_price_is_rejected_with_next_one(site: TradingSite) -> None:
    first = await raise_supplier_price(site)
    await site.buy(expected_price_cents=PRICE)
    second = await raise_supplier_price(site, cents=20_000)
    refused = await site.buy(key="2", expected_price_cents=rounded(first))
    assert (refused.failure_code, refused.current_price_cents) == ("PRICE_CHANGED", rounded(second))
    assert (await site.buy(key="3", expected_price_cents=rounded(second))).state is PurchaseState.ORDERED
    assert await site.received("create_order") == 1


async def test_named_price_follows_pricing_rules(site: TradingSite) -> None:
    await site.run("INSERT INTO pricing_rules (name, priority, markup_ratio) VALUES ('all', 1, 2)")
    raised = await raise_supplier_price(site)
    assert (await site.buy()).current_price_cents == 2 * raised


async def test_lower_supplier_price_changes_nothing_for_client(site: TradingSite) -> None:
    await raise_supplier_price(site, cents=-5000)
    bought = await site.buy(expected_price_cents=PRICE)
    assert (bought.state, bought.price_cents) == (PurchaseState.ORDERED, PRICE)


async def test_hold_guarantees_price_and_difference_is_recorded_and_alerted(site: TradingSite) -> None:
    await site.hold()
    raised = await raise_supplier_price(site)
    bought = await site.buy(expected_price_cents=PRICE)
    assert (bought.state, bought.price_cents) == (PurchaseState.ORDERED, PRICE)
    assert (bought.supplier_price_cents, bought.price_difference_cents) == (raised, 10_000)
    (alert,) = await site.rows("SELECT kind, content FROM alerts")
    assert alert["kind"] == "purchase_price_risen"
    assert "$100.00" in str(alert["content"])

    await site.hold(1)
    same = await site.buy(1, key="2")
    assert (same.state, same.price_difference_cents) == (PurchaseState.ORDERED, None)
    assert await site.run("SELECT count(*) FROM alerts") == 1


async def test_hold_is_compared_with_price_at_its_creation(site: TradingSite) -> None:
    await site.hold()
    raised = await raise_supplier_price(site)
    await site.sync(supplier_price_cents=raised, retail_price_cents=PRICE * 2)
    assert (await site.buy()).price_difference_cents == 10_000


@pytest.mark.parametrize(
    "rule",
    [{"kind": "status", "status": 503}, {"kind": "reset"}, {"kind": "stall", "seconds": 30}, {"kind": "truncate"}],
)
@pytest.mark.parametrize("held", [False, True])
async def test_unchecked_order_is_not_sent_and_may_be_repeated_later(
    site: TradingSite, rule: dict[str, object], held: bool
) -> None:
    if held:
        await site.hold()
    hasty = site.settings.with_values(trading_timeout_seconds=0.4, trading_patience_seconds=0.4)
    hurried = Purchases(hasty, site.database, site.supplier, BackgroundTasks(), site.trading.destinations)
    site.trading = msgspec.structs.replace(site.trading, purchases=hurried)
    await site.break_supplier({**rule, "operations": ["get_diamond_by_id"]})
    failed = await site.buy()
    assert (failed.state, failed.failure_code, failed.sent_at) == (PurchaseState.FAILED, "SUPPLIER_ERROR", None)
    error = purchase_error(failed)
    assert isinstance(error, SupplierError)
    assert error.retryable
    assert "new idempotency key" in error.message
    assert await site.received("create_order") == 0
    await site.restore_supplier()
    assert await site.availability() == ("on_hold" if held else "available")
    assert (await site.buy(key="2")).state is PurchaseState.ORDERED


async def test_price_check_can_be_disabled(site: TradingSite) -> None:
    unchecked = site.settings.with_values(trading_check_price=False)
    purchases = Purchases(unchecked, site.database, site.supplier, BackgroundTasks(), site.trading.destinations)
    site.trading = msgspec.structs.replace(site.trading, purchases=purchases)
    await raise_supplier_price(site)
    bought = await site.buy()
    assert (bought.state, bought.checked_at, bought.supplier_price_cents) == (PurchaseState.ORDERED, None, None)
    assert await site.received("get_diamond_by_id") == 0


async def test_order_names_current_supplier_offer(site: TradingSite) -> None:
    await site.sync(offer_id="DIAMOND/of-last-week")
    bought = await site.buy()
    (order,) = await site.trades("create_order")
    assert order["arguments"]["items"][0]["offerId"] == site.stones[0]["offer_id"] == bought.offer_id


async def test_concurrent_requests_with_one_key_are_checked_and_ordered_once(site: TradingSite) -> None:
    bought = await asyncio.gather(*(site.buy() for _ in range(10)))
    assert {one.id for one in bought} == {bought[0].id}
    assert (await site.received("get_diamond_by_id"), await site.received("create_order")) == (1, 1)


async def test_process_killed_between_check_and_order_has_ordered_nothing(site: TradingSite) -> None:
    purchases = site.trading.purchases
    request = PurchaseRequest(diamond_id=site.ids[0], destination_id="shop")
    recorded = await purchases._record(request, "acme", "1")
    assert isinstance(recorded, RecordedPurchase)
    assert isinstance(await purchases._check(site.supplier, recorded), PriceAccepted)
    with pytest.raises(NotAvailable):
        await site.buy(client="globex")
    await site.advance_time(60)
    assert await site.settlement.purchases() == 1
    failed = await site.buy()
    assert (failed.state, failed.failure_code) == (PurchaseState.FAILED, "SUPPLIER_ERROR")
    assert await site.received("create_order") == 0
    assert await site.run("SELECT count(*) FROM alerts") == 0
    assert (await site.buy(key="2")).state is PurchaseState.ORDERED


# Orders of unknown outcome


async def lose_an_order(site: TradingSite, *, executed: bool, number: int = 0, key: str = "1") -> Purchase:
    rule = {"kind": "status", "status": 500, "executed": True} if executed else {"kind": "status", "status": 503}
    await site.break_supplier({**rule, "operations": ["create_order"]})
    purchase = await site.buy(number, key=key)
    await site.restore_supplier()
    assert purchase.state is PurchaseState.UNKNOWN
    return purchase


async def read(site: TradingSite, purchase: Purchase) -> Purchase:
    return (await site.trading.records.purchases([purchase.id]))[purchase.id]


async def test_new_order_item_is_evidence_without_decision(site: TradingSite) -> None:
    lost = await lose_an_order(site, executed=True)
    assert [await site.settlement.evidence() for _ in range(2)] == [1, 0]
    found = await read(site, lost)
    (item,) = await site.control("GET", "orders")
    assert found.order_item_seen == item["items"][0]["id"]
    assert (found.state, found.order_item_before) == (PurchaseState.UNKNOWN, None)
    assert found.examined_at
    assert found.order_item_seen_at
    alerts = await site.rows("SELECT kind, content FROM alerts ORDER BY created_at")
    assert [alert["kind"] for alert in alerts] == ["purchase_unknown", "purchase_evidence"]
    assert "not there before" in str(alerts[1]["content"])
    await site.advance_time(3600)
    assert await site.settlement.evidence() == 0, "it is found"
    assert (await site.buy()).state is PurchaseState.UNKNOWN
    assert await site.received("create_order") == 1


async def test_missing_order_item_proves_nothing_and_is_polled_with_backoff(site: TradingSite) -> None:
    lost = await lose_an_order(site, executed=False)
    assert await site.settlement.evidence() == 1
    found = await read(site, lost)
    assert (found.state, found.order_item_seen) == (PurchaseState.UNKNOWN, None)
    assert found.examined_at
    assert await site.settlement.evidence() == 0
    looked = 1
    for _ in range(40):
        await site.advance_time(3600)
        looked += await site.settlement.evidence()
    assert 8 <= looked <= 15
    assert [row["kind"] for row in await site.rows("SELECT kind FROM alerts")] == ["purchase_unknown"]
    assert await site.availability() == "on_hold"


@pytest.mark.parametrize("executed", [True, False])
async def test_earlier_order_item_is_no_evidence(site: TradingSite, executed: bool) -> None:
    """The account has ordered the stone before, and the supplier took it back."""
    stone = site.stones[0]["id"]
    assert isinstance(await site.supplier.create_hold(stone), SupplierHold)
    earlier = await site.buy(client="globex", key="earlier")
    assert earlier.failure_code is None
    await site.run("DELETE FROM purchase_history")
    await site.control("POST", "update", {"id": stone, "set": {"availability": "AVAILABLE"}})
    status = await site.supplier.item_status(stone)
    assert status
    before = status.order_item_id
    assert before
    lost = await lose_an_order(site, executed=executed)
    await site.settlement.evidence()
    found = await read(site, lost)
    assert found.order_item_before == before
    assert (found.order_item_seen is not None) == executed
    assert found.order_item_seen != before


async def test_evidence_without_earlier_snapshot_is_marked_uncompared(site: TradingSite) -> None:
    unchecked = site.settings.with_values(trading_check_price=False)
    purchases = Purchases(unchecked, site.database, site.supplier, BackgroundTasks(), site.trading.destinations)
    site.trading = msgspec.structs.replace(site.trading, purchases=purchases)
    await lose_an_order(site, executed=True)
    await site.settlement.evidence()
    (alert,) = await site.rows("SELECT content FROM alerts WHERE kind = 'purchase_evidence'")
    assert "it was not read before the order" in str(alert["content"])
    assert "not there before" not in str(alert["content"])
