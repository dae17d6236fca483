"""The supplier's price, immediately before an order: what is ordered at which price, and what is not."""

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
from tests.integration.trading.market import PRICE, Market


async def ask_more(market: Market, number: int = 0, cents: int = 10_000) -> int:
    """The supplier raises a stone's price; its new one."""
    raised = market.stones[number]["price"] + cents
    await market.control("POST", "update", {"id": market.stones[number]["id"], "set": {"price": raised}})
    return int(raised)


def rounded(cents: int) -> int:
    """The client's price without any rule."""
    return (cents * 115 + 50) // 100


async def test_a_higher_price_without_a_hold_is_refused_and_the_named_price_can_be_bought_at(market: Market) -> None:
    raised = await ask_more(market)
    for _ in range(2):
        refused = await market.buy(expected_price_cents=PRICE)
        assert (refused.state, refused.failure_code) == (PurchaseState.FAILED, "PRICE_CHANGED")
        error = purchase_error(refused)
        assert isinstance(error, PriceChanged)
        assert "new idempotency key" in error.message
        assert error.details == {
            "reason": "PRICE_CHANGED", "id": refused.id, "status": "failed", "price_cents": rounded(raised),
        }  # fmt: skip
    assert (await market.buy(key="2")).failure_code == "PRICE_CHANGED", "nor is the list price charged unasked"
    assert await market.asked("create_order") == 0
    assert await market.availability() == "available"
    with pytest.raises(PriceChanged) as caught:  # it was named to another client
        await market.buy(client="globex", expected_price_cents=rounded(raised))
    assert "unused" in caught.value.message

    bought = await market.buy(key="3", expected_price_cents=rounded(raised))
    assert (bought.state, bought.price_cents) == (PurchaseState.ORDERED, rounded(raised))
    assert bought.supplier_price_cents == raised
    assert await market.events() == [
        "purchase_pending", "purchase_failed", "purchase_pending", "purchase_failed", "purchase_pending", "purchase_ordered",
    ]  # fmt: skip


async def test_a_named_price_that_is_no_longer_right_is_refused_with_the_next_one(market: Market) -> None:
    first = await ask_more(market)
    await market.buy(expected_price_cents=PRICE)
    second = await ask_more(market, cents=20_000)
    refused = await market.buy(key="2", expected_price_cents=rounded(first))
    assert (refused.failure_code, refused.current_price_cents) == ("PRICE_CHANGED", rounded(second))
    assert (await market.buy(key="3", expected_price_cents=rounded(second))).state is PurchaseState.ORDERED
    assert await market.asked("create_order") == 1


async def test_the_named_price_follows_the_pricing_rules(market: Market) -> None:
    await market.run("INSERT INTO pricing_rules (name, priority, markup_ratio) VALUES ('all', 1, 2)")
    raised = await ask_more(market)
    assert (await market.buy()).current_price_cents == 2 * raised


async def test_a_lower_price_of_the_supplier_changes_nothing_for_the_client(market: Market) -> None:
    await ask_more(market, cents=-5000)
    bought = await market.buy(expected_price_cents=PRICE)
    assert (bought.state, bought.price_cents) == (PurchaseState.ORDERED, PRICE)


async def test_a_hold_guarantees_its_price_and_the_difference_is_recorded_and_alerted(market: Market) -> None:
    await market.hold()
    raised = await ask_more(market)
    bought = await market.buy(expected_price_cents=PRICE)
    assert (bought.state, bought.price_cents) == (PurchaseState.ORDERED, PRICE)
    assert (bought.supplier_price_cents, bought.price_difference_cents) == (raised, 10_000)
    (alert,) = await market.rows("SELECT kind, content FROM alerts")
    assert alert["kind"] == "purchase_price_risen"
    assert "$100.00" in str(alert["content"])

    await market.hold(1)
    same = await market.buy(1, key="2")
    assert (same.state, same.price_difference_cents) == (PurchaseState.ORDERED, None)
    assert await market.run("SELECT count(*) FROM alerts") == 1


async def test_a_hold_is_compared_with_the_price_when_it_was_made_and_not_with_a_later_sync(market: Market) -> None:
    await market.hold()
    raised = await ask_more(market)
    await market.sync(supplier_price_cents=raised, retail_price_cents=PRICE * 2)
    assert (await market.buy()).price_difference_cents == 10_000


@pytest.mark.parametrize(
    "rule",
    [{"kind": "status", "status": 503}, {"kind": "reset"}, {"kind": "stall", "seconds": 30}, {"kind": "truncate"}],
)
@pytest.mark.parametrize("held", [False, True])
async def test_what_cannot_be_checked_is_not_ordered_and_can_be_bought_later(
    market: Market, rule: dict[str, object], held: bool
) -> None:
    if held:
        await market.hold()
    hasty = market.settings.with_values(trading_timeout_seconds=0.4, trading_patience_seconds=0.4)
    hurried = Purchases(hasty, market.database, market.supplier, BackgroundTasks(), market.trading.destinations)
    market.trading = msgspec.structs.replace(market.trading, purchases=hurried)
    await market.break_supplier({**rule, "operations": ["get_diamond_by_id"]})
    failed = await market.buy()
    assert (failed.state, failed.failure_code, failed.sent_at) == (PurchaseState.FAILED, "SUPPLIER_ERROR", None)
    error = purchase_error(failed)
    assert isinstance(error, SupplierError)
    assert error.retryable
    assert "new idempotency key" in error.message
    assert await market.asked("create_order") == 0
    await market.mend_supplier()
    assert await market.availability() == ("on_hold" if held else "available")
    assert (await market.buy(key="2")).state is PurchaseState.ORDERED


async def test_the_check_is_a_setting(market: Market) -> None:
    unchecked = market.settings.with_values(trading_check_price=False)
    purchases = Purchases(unchecked, market.database, market.supplier, BackgroundTasks(), market.trading.destinations)
    market.trading = msgspec.structs.replace(market.trading, purchases=purchases)
    await ask_more(market)
    bought = await market.buy()
    assert (bought.state, bought.checked_at, bought.supplier_price_cents) == (PurchaseState.ORDERED, None, None)
    assert await market.asked("get_diamond_by_id") == 0


async def test_the_order_names_the_offer_that_the_supplier_shows_now(market: Market) -> None:
    await market.sync(offer_id="DIAMOND/of-last-week")
    bought = await market.buy()
    (order,) = await market.trades("create_order")
    assert order["arguments"]["items"][0]["offerId"] == market.stones[0]["offer_id"] == bought.offer_id


async def test_of_many_requests_under_one_key_one_is_checked_and_ordered(market: Market) -> None:
    bought = await asyncio.gather(*(market.buy() for _ in range(10)))
    assert {one.id for one in bought} == {bought[0].id}
    assert (await market.asked("get_diamond_by_id"), await market.asked("create_order")) == (1, 1)


async def test_a_process_that_dies_between_check_and_order_has_ordered_nothing(market: Market) -> None:
    purchases = market.trading.purchases
    request = PurchaseRequest(diamond_id=market.ids[0], destination_id="shop")
    recorded = await purchases._record(request, "acme", "1")
    assert isinstance(recorded, RecordedPurchase)
    assert isinstance(await purchases._check(market.supplier, recorded), PriceAccepted)
    with pytest.raises(NotAvailable):
        await market.buy(client="globex")
    await market.pass_time(60)
    assert await market.settlement.purchases() == 1
    failed = await market.buy()
    assert (failed.state, failed.failure_code) == (PurchaseState.FAILED, "SUPPLIER_ERROR")
    assert await market.asked("create_order") == 0
    assert await market.run("SELECT count(*) FROM alerts") == 0
    assert (await market.buy(key="2")).state is PurchaseState.ORDERED


# An order of unknown outcome


async def lose_an_order(market: Market, *, executed: bool, number: int = 0, key: str = "1") -> Purchase:
    rule = {"kind": "status", "status": 500, "executed": True} if executed else {"kind": "status", "status": 503}
    await market.break_supplier({**rule, "operations": ["create_order"]})
    purchase = await market.buy(number, key=key)
    await market.mend_supplier()
    assert purchase.state is PurchaseState.UNKNOWN
    return purchase


async def read(market: Market, purchase: Purchase) -> Purchase:
    return (await market.trading.records.purchases([purchase.id]))[purchase.id]


async def test_an_order_item_that_was_not_there_before_is_evidence_and_decides_nothing(market: Market) -> None:
    lost = await lose_an_order(market, executed=True)
    assert [await market.settlement.evidence() for _ in range(2)] == [1, 0]
    found = await read(market, lost)
    (item,) = await market.control("GET", "orders")
    assert found.order_item_seen == item["items"][0]["id"]
    assert (found.state, found.order_item_before) == (PurchaseState.UNKNOWN, None)
    assert found.examined_at
    assert found.order_item_seen_at
    alerts = await market.rows("SELECT kind, content FROM alerts ORDER BY created_at")
    assert [alert["kind"] for alert in alerts] == ["purchase_unknown", "purchase_evidence"]
    assert "not there before" in str(alerts[1]["content"])
    await market.pass_time(3600)
    assert await market.settlement.evidence() == 0, "it is found"
    assert (await market.buy()).state is PurchaseState.UNKNOWN
    assert await market.asked("create_order") == 1


async def test_no_order_item_proves_nothing_and_is_looked_for_more_and_more_rarely(market: Market) -> None:
    lost = await lose_an_order(market, executed=False)
    assert await market.settlement.evidence() == 1
    found = await read(market, lost)
    assert (found.state, found.order_item_seen) == (PurchaseState.UNKNOWN, None)
    assert found.examined_at
    assert await market.settlement.evidence() == 0
    looked = 1
    for _ in range(40):
        await market.pass_time(3600)
        looked += await market.settlement.evidence()
    assert 8 <= looked <= 15
    assert [row["kind"] for row in await market.rows("SELECT kind FROM alerts")] == ["purchase_unknown"]
    assert await market.availability() == "on_hold"


@pytest.mark.parametrize("executed", [True, False])
async def test_an_order_item_from_before_is_no_evidence(market: Market, executed: bool) -> None:
    """This account has ordered the stone before, and the supplier took it back."""
    stone = market.stones[0]["id"]
    assert isinstance(await market.supplier.create_hold(stone), SupplierHold)
    earlier = await market.buy(client="globex", key="earlier")
    assert earlier.failure_code is None
    await market.run("DELETE FROM purchase_history")
    await market.control("POST", "update", {"id": stone, "set": {"availability": "AVAILABLE"}})
    status = await market.supplier.item_status(stone)
    assert status
    before = status.order_item_id
    assert before
    lost = await lose_an_order(market, executed=executed)
    await market.settlement.evidence()
    found = await read(market, lost)
    assert found.order_item_before == before
    assert (found.order_item_seen is not None) == executed
    assert found.order_item_seen != before


async def test_evidence_without_a_look_before_says_that_it_was_not_compared(market: Market) -> None:
    unchecked = market.settings.with_values(trading_check_price=False)
    purchases = Purchases(unchecked, market.database, market.supplier, BackgroundTasks(), market.trading.destinations)
    market.trading = msgspec.structs.replace(market.trading, purchases=purchases)
    await lose_an_order(market, executed=True)
    await market.settlement.evidence()
    (alert,) = await market.rows("SELECT content FROM alerts WHERE kind = 'purchase_evidence'")
    assert "it was not read before the order" in str(alert["content"])
    assert "not there before" not in str(alert["content"])
