"""Trading against the simulated supplier: whatever goes wrong, a hold and an order are made once, or nobody claims not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from graphql import build_schema, parse, print_schema, validate

from inventory.core.errors import (
    OutcomeUnknown,
    SupplierBusy,
    SupplierDeclined,
    SupplierError,
    SupplierItemUnavailable,
    SupplierTokenExpired,
    SupplierUnreached,
)
from inventory.suppliers.nivoda.trading import NivodaTrading, open_trading
from inventory.suppliers.nivoda.trading_documents import CREATE_ORDER
from inventory.suppliers.ports import SupplierHold, SupplierOrder
from sandbox.supplier.accounts import Account
from sandbox.supplier.served_schema import SchemaOptions, ServedSchema
from sandbox.supplier.server import DEFAULT_ACCOUNT, Options, Simulator
from tests.contract.nivoda import Act, CountingLimiter, account, answer, errors, reset, scripted_supplier, status

CUSTOMER = Account("customer@example.com", "secret")
READER = Account("reader@example.com", "secret", pro=False)


class Market:
    """The simulator, somebody who trades there, and what it was really asked."""

    def __init__(self, simulator: Simulator, trading: NivodaTrading, http: httpx.AsyncClient) -> None:
        self.simulator = simulator
        self.trading = trading
        self._http = http
        self.limiter = CountingLimiter()

    async def control(self, verb: str, path: str, body: Any = None) -> Any:
        response = await self._http.request(verb, f"{self.simulator.control}/control/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def stone(self) -> dict[str, Any]:
        """One that can be had."""
        stones = await self.control("GET", "stones?offset=0&limit=200")
        return next(one for one in stones if one["usable"] and one["availability"] == "AVAILABLE")

    async def done(self, operation: str) -> list[dict[str, Any]]:
        """The trades that really took place."""
        report = await self.control("GET", "calls")
        trades = [trade for trade in (*report["holds"], *report["orders"]) if trade["operation"] == operation]
        return [trade for trade in trades if "refused" not in trade["answer"] and not trade["answer"].get("denied")]


def order(stone: dict[str, Any], **others: Any) -> SupplierOrder:
    return SupplierOrder(number="purchase-1", supplier_stone_id=stone["id"], offer_id=stone["offer_id"], **others)


@pytest.fixture
async def market() -> AsyncIterator[Market]:
    options = Options(stones=200, accounts=(DEFAULT_ACCOUNT, CUSTOMER, READER), hold_seconds=3600)
    async with Simulator(options) as simulator, httpx.AsyncClient(timeout=30) as http:
        limiter = CountingLimiter()
        async with open_trading(_settings(simulator.endpoint), limiter) as trading:
            found = Market(simulator, trading, http)
            found.limiter = limiter
            yield found


def _settings(endpoint: str, who: Account = DEFAULT_ACCOUNT, **others: Any) -> Any:
    return account(
        endpoint,
        nivoda_username=who.username,
        nivoda_password=who.password,
        **{"trading_timeout_seconds": 20.0, "trading_patience_seconds": 20.0, **others},
    )


async def test_a_stone_is_held_looked_at_and_let_go(market: Market) -> None:
    stone = await market.stone()
    before = datetime.now(UTC)
    hold = await market.trading.create_hold(stone["id"])
    assert hold.id
    assert hold.until
    assert timedelta(minutes=59) < hold.until - before < timedelta(minutes=61)
    word = await market.trading.item_status(stone["id"])
    assert word
    assert (word.availability, word.hold_id) == ("on_hold", hold.id)
    assert await market.trading.cancel_hold(hold.id)
    assert not await market.trading.cancel_hold(hold.id)
    word = await market.trading.item_status(stone["id"])
    assert word
    assert (word.availability, word.hold_id) == ("available", None)
    assert await market.trading.item_status("00000000-0000-4000-8000-000000000000") is None


async def test_a_stone_that_another_customer_holds_is_denied_and_whose_hold_it_is_stays_his_secret(
    market: Market,
) -> None:
    stone = await market.stone()
    async with open_trading(_settings(market.simulator.endpoint, CUSTOMER), CountingLimiter()) as other:
        assert (await other.create_hold(stone["id"])).id
    assert await market.trading.create_hold(stone["id"]) == SupplierHold(None)
    word = await market.trading.item_status(stone["id"])
    assert word
    assert (word.availability, word.hold_id) == ("on_hold", None)
    with pytest.raises(SupplierDeclined, match="not available"):
        await market.trading.create_order(order(stone))


async def test_an_order_passes_on_what_it_was_given_and_nothing_else(market: Market) -> None:
    stone = await market.stone()
    order_id = await market.trading.create_order(
        order(stone, destination_id="shop", comments="gift", return_option=True)
    )
    (done,) = await market.done("create_order")
    assert done["answer"]["id"] == order_id
    assert done["arguments"]["items"] == [{
        "offerId": stone["offer_id"], "customer_order_number": "purchase-1", "customer_comment": "gift",
        "return_option": True, "destinationId": "shop",
    }]  # fmt: skip
    word = await market.trading.item_status(stone["id"])
    assert word
    assert word.availability == "sold"


async def test_an_order_does_not_speak_of_what_it_was_not_given(market: Market) -> None:
    stone = await market.stone()
    await market.trading.create_order(order(stone))
    (done,) = await market.done("create_order")
    assert done["arguments"]["items"] == [{"offerId": stone["offer_id"], "customer_order_number": "purchase-1"}]


def test_an_order_names_no_type_that_the_supplier_has_not_published() -> None:
    published = print_schema(ServedSchema(SchemaOptions()).graphql).replace("OrderItemInput", "SomeOtherName")
    assert validate(build_schema(published), parse(CREATE_ORDER.document)) == []


async def test_a_stone_that_a_look_finds_empty_is_one_that_is_not_there() -> None:
    async with scripted_supplier() as supplier:
        supplier.script.append(answer({"data": {"as": {"get_diamond_by_id": {"diamond": None}}}}))
        async with open_trading(account(supplier.endpoint), CountingLimiter()) as trading:
            assert await trading.item_status("1") is None


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("2026-11-25T10:00:00+05:30", datetime(2026, 11, 25, 4, 30, tzinfo=UTC)),
        (1_795_600_800_000, datetime(2026, 11, 25, 10, tzinfo=UTC)),
        (1_795_600_800.5, datetime(2026, 11, 25, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("soon", None),
        ({}, None),
        (None, None),
    ],
)
async def test_a_hold_that_was_granted_is_one_whatever_its_end_looks_like(
    until: object, expected: datetime | None
) -> None:
    async with scripted_supplier() as supplier:
        granted = {"id": "H-1", "denied": False, "until": until}
        supplier.script.append(answer({"data": {"as": {"create_hold": granted}}}))
        async with open_trading(account(supplier.endpoint), CountingLimiter()) as trading:
            assert await trading.create_hold("1") == SupplierHold("H-1", expected)


async def test_without_pro_access_nothing_is_traded_and_the_supplier_says_why(market: Market) -> None:
    stone = await market.stone()
    async with open_trading(_settings(market.simulator.endpoint, READER), CountingLimiter()) as reader:
        for call in (reader.create_hold(stone["id"]), reader.create_order(order(stone)), reader.cancel_hold("x")):
            with pytest.raises(SupplierDeclined, match="Pro access"):
                await call


Call = Callable[[Market, dict[str, Any]], Awaitable[object]]
CALLS: dict[str, Call] = {
    "create_hold": lambda market, stone: market.trading.create_hold(stone["id"]),
    "create_order": lambda market, stone: market.trading.create_order(order(stone)),
}
LOST: dict[str, dict[str, Any]] = {
    "500 afterwards": {"kind": "status", "status": 500, "executed": True},
    "503 before": {"kind": "status", "status": 503},
    "504 afterwards": {"kind": "status", "status": 504, "executed": True},
    "reset": {"kind": "reset"},
    "half an answer": {"kind": "truncate"},
    "429 afterwards": {"kind": "status", "status": 429, "executed": True},
}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("name", LOST)
async def test_a_lost_answer_is_an_unknown_outcome_and_nothing_is_sent_again(
    market: Market, name: str, operation: str
) -> None:
    stone = await market.stone()
    await market.control("POST", "faults", {"rules": [{**LOST[name], "operations": [operation]}]})
    with pytest.raises(OutcomeUnknown) as caught:
        await CALLS[operation](market, stone)
    assert caught.value.code == "SUPPLIER_TIMEOUT"
    outcomes = (await market.control("GET", "calls"))["operations"][operation]
    assert sum(outcomes.values()) == 1
    assert len(await market.done(operation)) == int(name != "503 before")


@pytest.mark.parametrize("operation", CALLS)
async def test_a_call_without_an_answer_is_an_unknown_outcome(market: Market, operation: str) -> None:
    stone = await market.stone()
    await market.control("POST", "faults", {"rules": [{"kind": "stall", "seconds": 60, "operations": [operation]}]})
    settings = _settings(market.simulator.endpoint, trading_timeout_seconds=0.5)
    async with open_trading(settings, CountingLimiter()) as hasty:
        assert await hasty.item_status(stone["id"]), "it is signed in"
        market.trading = hasty
        with pytest.raises(OutcomeUnknown) as caught:
            await CALLS[operation](market, stone)
    assert caught.value.code == "SUPPLIER_TIMEOUT"
    assert sum((await market.control("GET", "calls"))["operations"][operation].values()) == 1


ONCE_MORE: dict[str, dict[str, Any]] = {
    "429": {"kind": "status", "status": 429, "count": 2},
    "429 and when": {"kind": "status", "status": 429, "retry_after": 1, "count": 1},
    "a token that has ended": {"kind": "token", "count": 1},
    "errors beside what was done": {"kind": "errors"},
}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("name", ONCE_MORE)
async def test_what_was_not_taken_is_sent_again_and_done_once(market: Market, name: str, operation: str) -> None:
    stone = await market.stone()
    await market.control("POST", "faults", {"rules": [{**ONCE_MORE[name], "operations": [operation]}]})
    assert await CALLS[operation](market, stone)
    assert len(await market.done(operation)) == 1


async def test_a_supplier_that_is_only_busy_is_left_alone_when_patience_ends_and_nothing_was_done(
    market: Market,
) -> None:
    stone = await market.stone()
    await market.control(
        "POST", "faults", {"rules": [{"kind": "status", "status": 429, "operations": ["create_order"]}]}
    )
    limiter = CountingLimiter()
    settings = _settings(market.simulator.endpoint, trading_patience_seconds=1.0)
    async with open_trading(settings, limiter) as hasty:
        assert await hasty.item_status(stone["id"]), "it is signed in"
        with pytest.raises(SupplierBusy):
            await hasty.create_order(order(stone))
    assert await market.done("create_order") == []
    assert limiter.pauses, "everybody slows down"


async def test_tokens_that_are_never_accepted_are_not_tried_for_ever(market: Market) -> None:
    stone = await market.stone()
    await market.control("POST", "faults", {"rules": [{"kind": "token", "operations": ["create_hold"]}]})
    with pytest.raises(SupplierTokenExpired):
        await market.trading.create_hold(stone["id"])
    assert (await market.control("GET", "calls"))["operations"]["create_hold"] == {"token": 2}


async def test_a_supplier_that_is_not_there_was_asked_nothing() -> None:
    async with scripted_supplier() as supplier:
        endpoint = supplier.endpoint
    async with open_trading(account(endpoint, trading_patience_seconds=0.3), CountingLimiter()) as trading:
        with pytest.raises(SupplierUnreached):
            await trading.create_hold("stone")


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (errors("Internal server error", {"as": {"create_order": None}}), OutcomeUnknown),
        (errors("Request timed out", {"as": None}), OutcomeUnknown),
        (errors("Cannot return null for non-nullable field Mutation.create_order.", {"as": None}), OutcomeUnknown),
        (errors("Cannot read properties of undefined (reading 'id')"), OutcomeUnknown),
        (errors("socket hang up"), OutcomeUnknown),
        (errors("read ECONNRESET"), OutcomeUnknown),
        (errors("Request failed with status code 502"), OutcomeUnknown),
        (errors("An error occurred"), OutcomeUnknown),
        (errors("deadlock detected"), OutcomeUnknown),
        (
            answer({"errors": [{"message": "The offer is not available"}, {"message": "socket hang up"}]}),
            OutcomeUnknown,
        ),
        (status(202), OutcomeUnknown),
        (status(303), OutcomeUnknown),
        (errors("Order 4711 not found"), OutcomeUnknown),
        (errors("The order could not be found"), OutcomeUnknown),
        (errors("This order already exists"), OutcomeUnknown),
        (errors("This diamond has already been ordered, it is sold"), OutcomeUnknown),
        (errors("Cannot create order: the diamond is already sold"), SupplierDeclined),
        (errors("Can't order: the diamond is not available"), SupplierDeclined),
        (errors("Offer DIAMOND/1 is not available", {"as": {"create_order": None}}), SupplierDeclined),
        (errors("Destination is not yours", {"as": {"create_order": None}}), SupplierDeclined),
        (errors("Destination not found", {"as": {"create_order": None}}), SupplierDeclined),
        (errors('Variable "$items" got invalid value {}; Field "offerId" of required type "ID!"'), SupplierDeclined),
        (errors("This account has no Pro access: holds and orders are not enabled"), SupplierDeclined),
        (answer({"data": {"as": {"create_order": None}}}), OutcomeUnknown),
        (answer({"data": {"as": {"create_order": ""}}}), OutcomeUnknown),
        (answer(b"<html>"), OutcomeUnknown),
        (reset, OutcomeUnknown),
        (status(408), OutcomeUnknown),
        (status(403), SupplierError),
    ],
)
async def test_a_refusal_is_told_from_an_accident_inside(act: Act, expected: type[SupplierError]) -> None:
    async with scripted_supplier() as supplier:
        supplier.script.append(act)
        async with open_trading(account(supplier.endpoint), CountingLimiter()) as trading:
            with pytest.raises(SupplierError) as caught:
                await trading.create_order(SupplierOrder(number="1", supplier_stone_id="x", offer_id="DIAMOND/1"))
    assert isinstance(caught.value, expected)
    assert isinstance(caught.value, OutcomeUnknown) == (expected is OutcomeUnknown)
    assert len(supplier.asked) == 1


@pytest.mark.parametrize(
    ("message", "gone"),
    [("Offer DIAMOND/1 not found", True), ("The stone is on hold", True), ("Destination not found", False)],
)
async def test_only_a_stone_that_is_not_to_be_had_is_told_as_one(message: str, gone: bool) -> None:
    async with scripted_supplier() as supplier:
        supplier.script.append(errors(message, {"as": {"create_order": None}}))
        async with open_trading(account(supplier.endpoint), CountingLimiter()) as trading:
            with pytest.raises(SupplierDeclined) as caught:
                await trading.create_order(SupplierOrder(number="1", supplier_stone_id="x", offer_id="DIAMOND/1"))
    assert isinstance(caught.value, SupplierItemUnavailable) == gone


@pytest.mark.parametrize(
    "message", ["The diamond is not available", "Diamond 1 not found", "This stone is already on hold", "It was sold"]
)
async def test_a_hold_that_is_refused_in_words_is_denied_as_any_other(message: str) -> None:
    async with scripted_supplier() as supplier:
        supplier.script.append(errors(message, {"as": {"create_hold": None}}))
        async with open_trading(account(supplier.endpoint), CountingLimiter()) as trading:
            assert await trading.create_hold("1") == SupplierHold(None)
    assert len(supplier.asked) == 1


@pytest.mark.parametrize("word", ["HOLD", "UNAVAILABLE", "SOLD", "MEMO"])
async def test_an_order_is_not_sent_again_where_the_stone_looks_as_if_somebody_had_it(
    market: Market, word: str
) -> None:
    """A refusal says that nothing was done; it must also look like it, because we may be the one who has it."""
    stone = await market.stone()
    await market.control("POST", "update", {"id": stone["id"], "set": {"availability": word}})
    busy = {"kind": "status", "status": 429, "count": 1, "operations": ["create_order"]}
    await market.control("POST", "faults", {"rules": [busy]})
    with pytest.raises(OutcomeUnknown):
        await market.trading.create_order(order(stone))
    assert (await market.control("GET", "calls"))["operations"]["create_order"] == {"status_429": 1}


async def test_an_order_under_a_hold_of_ours_is_sent_again_after_a_refusal(market: Market) -> None:
    stone = await market.stone()
    assert (await market.trading.create_hold(stone["id"])).id
    busy = {"kind": "status", "status": 429, "count": 1, "operations": ["create_order"]}
    await market.control("POST", "faults", {"rules": [busy]})
    assert await market.trading.create_order(order(stone))
    assert len(await market.done("create_order")) == 1


async def test_every_call_has_a_connection_of_its_own(market: Market) -> None:
    async with scripted_supplier() as supplier:
        supplier.script.extend([answer({"data": {"as": {"cancel_hold": {"id": "1"}}}})] * 3)
        async with open_trading(account(supplier.endpoint), CountingLimiter()) as trading:
            await asyncio.gather(*(trading.cancel_hold("1") for _ in range(3)))
    assert len(supplier.connections) == 5, "and so have the login and the introspection"
