"""Purchases: once, at the shown price, always recorded."""

from typing import Any

import pytest

from inventory.core.errors import DatabaseUnavailable, InventoryError, NotFound, OutcomeUnknown, SupplierError
from inventory.trading import purchases
from inventory.trading.background_tasks import BackgroundTasks
from inventory.trading.destinations import Destinations
from inventory.trading.errors import (
    AlreadyHeld,
    IdempotencyMismatch,
    NotAvailable,
    PriceChanged,
    PurchaseFailed,
    PurchaseSettled,
)
from inventory.trading.holds import Holds
from inventory.trading.outcomes import Outcome
from inventory.trading.price_check import PriceAccepted
from inventory.trading.purchase_errors import purchase_error
from inventory.trading.purchase_request import PurchaseRequest
from inventory.trading.purchases import Purchases, RecordedPurchase
from inventory.trading.states import HoldState, PurchaseState
from tests.integration.trading.trading_site import PRICE, TradingSite

DAY = 24 * 3600


async def test_stone_is_bought_without_hold_and_marked_sold(site: TradingSite) -> None:
    purchase = await site.buy(reference="order 7", comments="a gift", return_option=True)
    assert (purchase.state, purchase.price_cents, purchase.hold_id) == (PurchaseState.ORDERED, PRICE, None)
    assert purchase_error(purchase) is None
    (order,) = await site.trades("create_order")
    assert order["arguments"]["items"] == [{
        "offerId": site.stones[0]["offer_id"], "customer_order_number": str(purchase.id), "destinationId": "shop",
        "customer_comment": "Reference: order 7\na gift", "return_option": True,
    }]  # fmt: skip
    assert purchase.supplier_order_id == order["answer"]["id"]
    assert await site.availability() == "sold"
    for attempt in (site.hold(client="globex"), site.buy(client="globex"), site.buy(key="2")):
        with pytest.raises(NotAvailable) as caught:
            await attempt
        assert caught.value.details["availability"] == "sold"
    assert await site.events() == ["purchase_pending", "purchase_ordered"]


async def test_only_holder_buys_held_stone(site: TradingSite) -> None:
    hold = await site.hold()
    with pytest.raises(AlreadyHeld):
        await site.buy(client="globex")
    purchase = await site.buy()
    assert (purchase.state, purchase.hold_id) == (PurchaseState.ORDERED, hold.id)
    ended = (await site.trading.records.holds([hold.id]))[hold.id]
    assert ended.state is HoldState.PURCHASED
    assert await site.availability() == "sold"
    assert (await site.events())[2:] == ["purchase_pending", "hold_purchased", "purchase_ordered"]
    await site.settlement.holds()
    assert await site.received("cancel_hold") == 0, "the order has used the supplier's hold up"


async def test_repeated_key_returns_purchase_and_rejects_other_request(site: TradingSite) -> None:
    first = await site.buy(reference="a")
    assert await site.buy(reference="a") == first
    for terms in ({"reference": "b"}, {"reference": "a", "expected_price_cents": PRICE}):
        with pytest.raises(IdempotencyMismatch):
            await site.buy(**terms)
    with pytest.raises(IdempotencyMismatch):
        await site.buy(1, reference="a")
    other = await site.buy(1, client="globex", reference="a")
    assert other.id != first.id, "keys of different clients do not meet"
    assert await site.received("create_order") == 2


async def test_price_other_than_expected_is_not_charged(site: TradingSite) -> None:
    await site.sync(retail_price_cents=PRICE + 100)
    with pytest.raises(PriceChanged) as caught:
        await site.buy(expected_price_cents=PRICE)
    assert caught.value.details == {"reason": "PRICE_CHANGED", "price_cents": PRICE + 100}
    assert await site.received("create_order") == 0
    bought = await site.buy(expected_price_cents=PRICE + 100)
    assert bought.price_cents == PRICE + 100


@pytest.mark.parametrize(
    ("expected", "charged"), [(PRICE, PRICE), (PRICE - 500, PRICE - 500), (None, PRICE), (PRICE - 499, None)]
)
async def test_invariant_17_hold_guarantees_price_or_lower_list_price(
    site: TradingSite, expected: int | None, charged: int | None
) -> None:
    await site.hold()
    await site.sync(retail_price_cents=PRICE - 500)
    if charged is None:
        with pytest.raises(PriceChanged):
            await site.buy(expected_price_cents=expected)
    else:
        assert (await site.buy(expected_price_cents=expected)).price_cents == charged


@pytest.mark.parametrize(
    "word",
    [
        {"availability": "sold"},
        {"availability": "unavailable", "hold_id": None},
        {"availability": "available"},
        {"retail_price_cents": PRICE * 2},
        {"status": "quarantined"},
    ],
)
async def test_invariant_17_sync_does_not_free_sell_or_reprice_held_stone(
    site: TradingSite, word: dict[str, Any]
) -> None:
    hold = await site.hold()
    await site.sync(**word)
    if "status" not in word:
        assert await site.availability() == "on_hold"
    with pytest.raises((AlreadyHeld, NotFound)):
        await site.hold(client="globex")
    assert await site.hold() == hold if "status" not in word else True
    purchase = await site.buy(expected_price_cents=PRICE)
    assert (purchase.state, purchase.price_cents) == (PurchaseState.ORDERED, PRICE)


async def test_stone_sold_elsewhere_fails_permanently_for_key(site: TradingSite) -> None:
    await site.control("POST", "update", {"id": site.stones[0]["id"], "set": {"availability": "SOLD"}})
    for _ in range(2):
        purchase = await site.buy()
        assert (purchase.state, purchase.failure_code) == (PurchaseState.FAILED, "NOT_AVAILABLE")
        assert isinstance(purchase_error(purchase), NotAvailable)
    assert await site.received("create_order") == 0, "the check of the price shows it"
    await site.control("POST", "update", {"id": site.stones[0]["id"], "set": {"availability": "AVAILABLE"}})
    assert (await site.buy(key="2")).state is PurchaseState.ORDERED


async def test_permanently_busy_supplier_receives_no_order(site: TradingSite) -> None:
    await site.break_supplier({"kind": "status", "status": 429, "operations": ["create_order"]})
    purchase = await site.buy()
    assert (purchase.state, purchase.failure_code) == (PurchaseState.FAILED, "SUPPLIER_ERROR")
    error = purchase_error(purchase)
    assert isinstance(error, SupplierError)
    assert not isinstance(error, OutcomeUnknown)
    assert await site.availability() == "available"


LOST: dict[str, dict[str, Any]] = {
    "executed": {"kind": "status", "status": 500, "executed": True},
    "not executed": {"kind": "status", "status": 503},
    "reset": {"kind": "reset"},
    "stall": {"kind": "stall", "seconds": 20},
}


@pytest.mark.parametrize("name", LOST)
async def test_unknown_outcome_alerts_operator_and_blocks_orders(site: TradingSite, name: str) -> None:
    await site.break_supplier({**LOST[name], "operations": ["create_order"]})
    purchase = await site.buy()
    assert purchase.state is PurchaseState.UNKNOWN
    error = purchase_error(purchase)
    assert isinstance(error, OutcomeUnknown)
    assert (error.code, error.details) == ("SUPPLIER_TIMEOUT", {"id": purchase.id, "status": "unknown"})
    await site.restore_supplier()
    assert await site.availability() == "on_hold"
    assert await site.buy() == purchase
    for attempt in (site.hold(), site.hold(client="globex"), site.buy(key="2"), site.buy(client="globex")):
        with pytest.raises(NotAvailable):
            await attempt
    await site.settlement.purchases()
    assert await site.received("create_order") == 1
    (alert,) = await site.rows("SELECT kind, content FROM alerts")
    assert alert["kind"] == "purchase_unknown"
    assert str(purchase.id) in str(alert["content"])

    bought = bool(await site.trades("create_order"))
    assert bought == (name != "not executed")
    resolved = await site.trading.outcomes.resolve(
        purchase.id,
        Outcome.ORDERED if bought else Outcome.FAILED,
        who="olga",
        reason="asked on the phone",
        order_id="17" if bought else None,
    )
    assert resolved.state is (PurchaseState.ORDERED if bought else PurchaseState.FAILED)
    assert (resolved.resolved_by, resolved.resolution) == ("olga", "asked on the phone")
    assert await site.buy() == resolved, "the same key answers how it ended"
    if not bought:
        assert isinstance(purchase_error(resolved), PurchaseFailed)
    assert await site.availability() == ("sold" if bought else "available")
    end = "purchase_ordered" if bought else "purchase_failed"
    assert await site.events() == ["purchase_pending", "purchase_unknown", end]


async def test_purchase_is_resolved_once_while_outcome_is_unknown(site: TradingSite) -> None:
    ordered = await site.buy()
    for bought in (True, False):
        with pytest.raises(PurchaseSettled):
            await site.trading.outcomes.resolve(
                ordered.id, Outcome.ORDERED if bought else Outcome.FAILED, who="olga", reason="?"
            )
    await site.break_supplier({"kind": "reset", "operations": ["create_order"]})
    unknown = await site.buy(1, key="2")
    first = await site.trading.outcomes.resolve(unknown.id, Outcome.ORDERED, who="olga", reason="seen", order_id="1")
    assert await site.trading.outcomes.resolve(unknown.id, Outcome.ORDERED, who="otto", reason="seen too") == first
    with pytest.raises(PurchaseSettled):
        await site.trading.outcomes.resolve(unknown.id, Outcome.FAILED, who="otto", reason="no")
    with pytest.raises(NotFound):
        await site.trading.outcomes.resolve(site.ids[0], Outcome.FAILED, who="otto", reason="no")


async def test_hold_that_expires_during_purchase_keeps_stone_for_buyer(site: TradingSite) -> None:
    hold = await site.hold()
    await site.break_supplier({"kind": "reset", "operations": ["create_order"]})
    purchase = await site.buy()
    await site.restore_supplier()
    with pytest.raises(NotAvailable):
        await site.trading.holds.release(hold.id, "acme")
    await site.advance_time(2 * DAY)
    await site.settlement.holds()
    assert await site.received("cancel_hold") == 0, "the order may rest on it"
    assert await site.availability() == "on_hold"
    await site.trading.outcomes.resolve(purchase.id, Outcome.FAILED, who="olga", reason="no order there")
    assert await site.availability() == "available"


@pytest.mark.parametrize("sent", [False, True])
async def test_purchase_of_dead_process_is_failed_if_unsent_else_unknown(site: TradingSite, sent: bool) -> None:
    await site.run(
        """INSERT INTO purchase_history (diamond_id, client_id, idempotency_key, request_hash, state, price_cents,
               offer_id, sent_at) VALUES ($1, 'acme', '1', '', 'pending', 5, 'x', CASE WHEN $2 THEN now() END)""",
        site.ids[0],
        sent,
    )
    assert await site.settlement.purchases() == 0, "it may still be under way"
    await site.advance_time(60)
    assert [await site.settlement.purchases() for _ in range(2)] == [1, 0]
    (row,) = await site.rows("SELECT state FROM purchase_history")
    assert row["state"] == ("unknown" if sent else "failed")
    assert await site.run("SELECT count(*) FROM alerts") == int(sent)
    assert await site.availability() == ("on_hold" if sent else "available")


async def test_late_response_settles_abandoned_purchase(site: TradingSite) -> None:
    await site.break_supplier({"kind": "reset", "operations": ["create_order"]})
    unknown = await site.buy()
    settled = await site.trading.purchases._settle(unknown, "late-1")
    assert (settled.state, settled.supplier_order_id) == (PurchaseState.ORDERED, "late-1")

    given_up = await site.buy(1, key="2")
    failed = await site.trading.outcomes.resolve(given_up.id, Outcome.FAILED, who="olga", reason="no order there")
    assert await site.trading.purchases._settle(given_up, "late-2") == failed
    kinds = {row["kind"] for row in await site.rows("SELECT kind FROM alerts")}
    assert kinds == {"purchase_unknown", "purchase_contradicted"}


async def test_abandoned_order_is_not_sent(site: TradingSite) -> None:
    """The process was suspended between the record and the order."""
    wanted = site.trading.purchases
    request = PurchaseRequest(diamond_id=site.ids[0], destination_id="shop")
    recorded = await wanted._record(request, "acme", "1")
    assert isinstance(recorded, RecordedPurchase)
    cleared = await wanted._check(site.supplier, recorded)
    assert isinstance(cleared, PriceAccepted)
    await site.advance_time(60)
    await site.settlement.purchases()
    ended = await wanted._order(site.supplier, recorded, cleared)
    assert ended.state is PurchaseState.FAILED
    assert await site.received("create_order") == 0


async def test_supplier_busy_beyond_patience_received_no_order(
    site: TradingSite,
) -> None:
    busy = {"kind": "status", "status": 429, "retry_after": 60, "operations": ["create_order"]}
    await site.break_supplier(busy)
    purchase = await site.buy()
    assert (purchase.state, purchase.failure_code) == (PurchaseState.FAILED, "SUPPLIER_ERROR")
    assert await site.received("create_order") == 1
    assert await site.availability() == "available"


async def test_supplier_response_is_recorded_when_database_returns(
    site: TradingSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, away = site.trading.purchases._settle, iter([True, True, False])

    async def settle_later(*given: Any) -> Any:
        if next(away):
            raise DatabaseUnavailable
        return await settle(*given)

    monkeypatch.setattr(site.trading.purchases, "_settle", settle_later)
    monkeypatch.setattr(purchases, "_WRITE_PAUSE_SECONDS", 0)
    assert (await site.buy()).state is PurchaseState.ORDERED
    assert await site.received("create_order") == 1


async def test_rejection_before_record_leaves_key_unused(site: TradingSite) -> None:
    hold = await site.hold(client="globex")
    with pytest.raises(AlreadyHeld):
        await site.buy()
    await site.trading.holds.release(hold.id, "globex")
    assert (await site.buy()).state is PurchaseState.ORDERED


async def test_trading_is_unavailable_without_supplier(site: TradingSite) -> None:
    nothing = (site.database, None, BackgroundTasks())
    for attempt in (
        Holds(site.settings.trading, *nothing, trading_feed="nivoda").create(site.ids[0], "acme"),
        Destinations(None).listed(),
        Purchases(site.settings, *nothing, Destinations(None), trading_feed="nivoda").buy(
            PurchaseRequest(diamond_id=site.ids[0], destination_id="x"), client_id="acme", key="1"
        ),
    ):
        with pytest.raises(InventoryError) as caught:
            await attempt
        assert caught.value.code == "SERVICE_UNAVAILABLE"
