"""Purchases, one at a time: once, at the price that was shown, and never without a record."""

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
from tests.integration.trading.market import PRICE, Market

DAY = 24 * 3600


async def test_a_stone_is_bought_without_a_hold_and_is_sold_from_then_on(market: Market) -> None:
    purchase = await market.buy(reference="order 7", comments="a gift", return_option=True)
    assert (purchase.state, purchase.price_cents, purchase.hold_id) == (PurchaseState.ORDERED, PRICE, None)
    assert purchase_error(purchase) is None
    (order,) = await market.trades("create_order")
    assert order["arguments"]["items"] == [{
        "offerId": market.stones[0]["offer_id"], "customer_order_number": str(purchase.id), "destinationId": "shop",
        "customer_comment": "Reference: order 7\na gift", "return_option": True,
    }]  # fmt: skip
    assert purchase.supplier_order_id == order["answer"]["id"]
    assert await market.availability() == "sold"
    for attempt in (market.hold(client="globex"), market.buy(client="globex"), market.buy(key="2")):
        with pytest.raises(NotAvailable) as caught:
            await attempt
        assert caught.value.details["availability"] == "sold"
    assert await market.events() == ["purchase_pending", "purchase_ordered"]


async def test_the_holder_buys_under_its_hold_and_nobody_else_does(market: Market) -> None:
    hold = await market.hold()
    with pytest.raises(AlreadyHeld):
        await market.buy(client="globex")
    purchase = await market.buy()
    assert (purchase.state, purchase.hold_id) == (PurchaseState.ORDERED, hold.id)
    ended = (await market.trading.records.holds([hold.id]))[hold.id]
    assert ended.state is HoldState.PURCHASED
    assert await market.availability() == "sold"
    assert (await market.events())[2:] == ["purchase_pending", "hold_purchased", "purchase_ordered"]
    await market.settlement.holds()
    assert await market.asked("cancel_hold") == 0, "the order has used the supplier's hold up"


async def test_the_same_key_answers_the_same_purchase_and_refuses_another_request(market: Market) -> None:
    first = await market.buy(reference="a")
    assert await market.buy(reference="a") == first
    for terms in ({"reference": "b"}, {"reference": "a", "expected_price_cents": PRICE}):
        with pytest.raises(IdempotencyMismatch):
            await market.buy(**terms)
    with pytest.raises(IdempotencyMismatch):
        await market.buy(1, reference="a")
    other = await market.buy(1, client="globex", reference="a")
    assert other.id != first.id, "keys of different clients do not meet"
    assert await market.asked("create_order") == 2


async def test_a_price_that_is_not_the_expected_one_is_not_charged(market: Market) -> None:
    await market.sync(retail_price_cents=PRICE + 100)
    with pytest.raises(PriceChanged) as caught:
        await market.buy(expected_price_cents=PRICE)
    assert caught.value.details == {"reason": "PRICE_CHANGED", "price_cents": PRICE + 100}
    assert await market.asked("create_order") == 0
    bought = await market.buy(expected_price_cents=PRICE + 100)
    assert bought.price_cents == PRICE + 100


@pytest.mark.parametrize(
    ("expected", "charged"), [(PRICE, PRICE), (PRICE - 500, PRICE - 500), (None, PRICE), (PRICE - 499, None)]
)
async def test_invariant_17_a_hold_guarantees_its_price_and_a_lower_list_price_may_be_named_too(
    market: Market, expected: int | None, charged: int | None
) -> None:
    await market.hold()
    await market.sync(retail_price_cents=PRICE - 500)
    if charged is None:
        with pytest.raises(PriceChanged):
            await market.buy(expected_price_cents=expected)
    else:
        assert (await market.buy(expected_price_cents=expected)).price_cents == charged


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
async def test_invariant_17_no_sync_frees_sells_or_reprices_a_stone_behind_its_holders_back(
    market: Market, word: dict[str, Any]
) -> None:
    hold = await market.hold()
    await market.sync(**word)
    if "status" not in word:
        assert await market.availability() == "on_hold"
    with pytest.raises((AlreadyHeld, NotFound)):
        await market.hold(client="globex")
    assert await market.hold() == hold if "status" not in word else True
    purchase = await market.buy(expected_price_cents=PRICE)
    assert (purchase.state, purchase.price_cents) == (PurchaseState.ORDERED, PRICE)


async def test_what_the_supplier_has_sold_to_somebody_else_fails_for_good_under_this_key(market: Market) -> None:
    await market.control("POST", "update", {"id": market.stones[0]["id"], "set": {"availability": "SOLD"}})
    for _ in range(2):
        purchase = await market.buy()
        assert (purchase.state, purchase.failure_code) == (PurchaseState.FAILED, "NOT_AVAILABLE")
        assert isinstance(purchase_error(purchase), NotAvailable)
    assert await market.asked("create_order") == 0, "the check of the price shows it"
    await market.control("POST", "update", {"id": market.stones[0]["id"], "set": {"availability": "AVAILABLE"}})
    assert (await market.buy(key="2")).state is PurchaseState.ORDERED


async def test_a_supplier_who_is_busy_all_along_was_not_asked_to_sell(market: Market) -> None:
    await market.break_supplier({"kind": "status", "status": 429, "operations": ["create_order"]})
    purchase = await market.buy()
    assert (purchase.state, purchase.failure_code) == (PurchaseState.FAILED, "SUPPLIER_ERROR")
    error = purchase_error(purchase)
    assert isinstance(error, SupplierError)
    assert not isinstance(error, OutcomeUnknown)
    assert await market.availability() == "available"


LOST: dict[str, dict[str, Any]] = {
    "executed": {"kind": "status", "status": 500, "executed": True},
    "not executed": {"kind": "status", "status": 503},
    "reset": {"kind": "reset"},
    "stall": {"kind": "stall", "seconds": 20},
}


@pytest.mark.parametrize("name", LOST)
async def test_an_unknown_outcome_is_told_to_a_person_and_nothing_is_sent_until_that_one_has_looked(
    market: Market, name: str
) -> None:
    await market.break_supplier({**LOST[name], "operations": ["create_order"]})
    purchase = await market.buy()
    assert purchase.state is PurchaseState.UNKNOWN
    error = purchase_error(purchase)
    assert isinstance(error, OutcomeUnknown)
    assert (error.code, error.details) == ("SUPPLIER_TIMEOUT", {"id": purchase.id, "status": "unknown"})
    await market.mend_supplier()
    assert await market.availability() == "on_hold"
    assert await market.buy() == purchase
    for attempt in (market.hold(), market.hold(client="globex"), market.buy(key="2"), market.buy(client="globex")):
        with pytest.raises(NotAvailable):
            await attempt
    await market.settlement.purchases()
    assert await market.asked("create_order") == 1
    (alert,) = await market.rows("SELECT kind, content FROM alerts")
    assert alert["kind"] == "purchase_unknown"
    assert str(purchase.id) in str(alert["content"])

    bought = bool(await market.trades("create_order"))
    assert bought == (name != "not executed")
    resolved = await market.trading.outcomes.resolve(
        purchase.id,
        Outcome.ORDERED if bought else Outcome.FAILED,
        who="olga",
        reason="asked on the phone",
        order_id="17" if bought else None,
    )
    assert resolved.state is (PurchaseState.ORDERED if bought else PurchaseState.FAILED)
    assert (resolved.resolved_by, resolved.resolution) == ("olga", "asked on the phone")
    assert await market.buy() == resolved, "the same key answers how it ended"
    if not bought:
        assert isinstance(purchase_error(resolved), PurchaseFailed)
    assert await market.availability() == ("sold" if bought else "available")
    end = "purchase_ordered" if bought else "purchase_failed"
    assert await market.events() == ["purchase_pending", "purchase_unknown", end]


async def test_a_purchase_is_resolved_once_and_only_while_its_outcome_is_unknown(market: Market) -> None:
    ordered = await market.buy()
    for bought in (True, False):
        with pytest.raises(PurchaseSettled):
            await market.trading.outcomes.resolve(
                ordered.id, Outcome.ORDERED if bought else Outcome.FAILED, who="olga", reason="?"
            )
    await market.break_supplier({"kind": "reset", "operations": ["create_order"]})
    unknown = await market.buy(1, key="2")
    first = await market.trading.outcomes.resolve(unknown.id, Outcome.ORDERED, who="olga", reason="seen", order_id="1")
    assert await market.trading.outcomes.resolve(unknown.id, Outcome.ORDERED, who="otto", reason="seen too") == first
    with pytest.raises(PurchaseSettled):
        await market.trading.outcomes.resolve(unknown.id, Outcome.FAILED, who="otto", reason="no")
    with pytest.raises(NotFound):
        await market.trading.outcomes.resolve(market.ids[0], Outcome.FAILED, who="otto", reason="no")


async def test_a_hold_ends_by_time_while_its_purchase_goes_on_and_the_stone_stays_the_buyers(market: Market) -> None:
    hold = await market.hold()
    await market.break_supplier({"kind": "reset", "operations": ["create_order"]})
    purchase = await market.buy()
    await market.mend_supplier()
    with pytest.raises(NotAvailable):
        await market.trading.holds.release(hold.id, "acme")
    await market.pass_time(2 * DAY)
    await market.settlement.holds()
    assert await market.asked("cancel_hold") == 0, "the order may rest on it"
    assert await market.availability() == "on_hold"
    await market.trading.outcomes.resolve(purchase.id, Outcome.FAILED, who="olga", reason="no order there")
    assert await market.availability() == "available"


@pytest.mark.parametrize("sent", [False, True])
async def test_a_purchase_whose_process_is_gone_has_failed_if_it_was_never_sent_and_is_unknown_if_it_was(
    market: Market, sent: bool
) -> None:
    await market.run(
        """INSERT INTO purchase_history (diamond_id, client_id, idempotency_key, request_hash, state, price_cents,
               offer_id, sent_at) VALUES ($1, 'acme', '1', '', 'pending', 5, 'x', CASE WHEN $2 THEN now() END)""",
        market.ids[0],
        sent,
    )
    assert await market.settlement.purchases() == 0, "it may still be under way"
    await market.pass_time(60)
    assert [await market.settlement.purchases() for _ in range(2)] == [1, 0]
    (row,) = await market.rows("SELECT state FROM purchase_history")
    assert row["state"] == ("unknown" if sent else "failed")
    assert await market.run("SELECT count(*) FROM alerts") == int(sent)
    assert await market.availability() == ("on_hold" if sent else "available")


async def test_an_answer_that_comes_after_all_settles_what_was_given_up(market: Market) -> None:
    await market.break_supplier({"kind": "reset", "operations": ["create_order"]})
    unknown = await market.buy()
    settled = await market.trading.purchases._settle(unknown, "late-1")
    assert (settled.state, settled.supplier_order_id) == (PurchaseState.ORDERED, "late-1")

    given_up = await market.buy(1, key="2")
    failed = await market.trading.outcomes.resolve(given_up.id, Outcome.FAILED, who="olga", reason="no order there")
    assert await market.trading.purchases._settle(given_up, "late-2") == failed
    kinds = {row["kind"] for row in await market.rows("SELECT kind FROM alerts")}
    assert kinds == {"purchase_unknown", "purchase_contradicted"}


async def test_what_was_given_up_in_the_meantime_does_not_go_out(market: Market) -> None:
    """A process that stood still between writing the record and sending the order."""
    wanted = market.trading.purchases
    request = PurchaseRequest(diamond_id=market.ids[0], destination_id="shop")
    recorded = await wanted._record(request, "acme", "1")
    assert isinstance(recorded, RecordedPurchase)
    cleared = await wanted._check(market.supplier, recorded)
    assert isinstance(cleared, PriceAccepted)
    await market.pass_time(60)
    await market.settlement.purchases()
    ended = await wanted._order(market.supplier, recorded, cleared)
    assert ended.state is PurchaseState.FAILED
    assert await market.asked("create_order") == 0


async def test_a_supplier_who_asks_for_more_patience_than_there_is_was_sent_nothing_that_a_person_must_look_for(
    market: Market,
) -> None:
    busy = {"kind": "status", "status": 429, "retry_after": 60, "operations": ["create_order"]}
    await market.break_supplier(busy)
    purchase = await market.buy()
    assert (purchase.state, purchase.failure_code) == (PurchaseState.FAILED, "SUPPLIER_ERROR")
    assert await market.asked("create_order") == 1
    assert await market.availability() == "available"


async def test_what_the_supplier_said_is_written_down_when_the_database_is_there_again(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, away = market.trading.purchases._settle, iter([True, True, False])

    async def settle_later(*given: Any) -> Any:
        if next(away):
            raise DatabaseUnavailable
        return await settle(*given)

    monkeypatch.setattr(market.trading.purchases, "_settle", settle_later)
    monkeypatch.setattr(purchases, "_WRITE_PAUSE_SECONDS", 0)
    assert (await market.buy()).state is PurchaseState.ORDERED
    assert await market.asked("create_order") == 1


async def test_refusals_before_the_record_leave_the_key_unused(market: Market) -> None:
    hold = await market.hold(client="globex")
    with pytest.raises(AlreadyHeld):
        await market.buy()
    await market.trading.holds.release(hold.id, "globex")
    assert (await market.buy()).state is PurchaseState.ORDERED


async def test_nothing_is_traded_where_no_supplier_is_set(market: Market) -> None:
    nothing = (market.database, None, BackgroundTasks())
    for attempt in (
        Holds(market.settings.trading, *nothing).create(market.ids[0], "acme"),
        Destinations(None).listed(),
        Purchases(market.settings, *nothing, Destinations(None)).buy(
            PurchaseRequest(diamond_id=market.ids[0], destination_id="x"), client_id="acme", key="1"
        ),
    ):
        with pytest.raises(InventoryError) as caught:
            await attempt
        assert caught.value.code == "SERVICE_UNAVAILABLE"
