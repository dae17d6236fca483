"""Trading with the simulated supplier: every hold and order is made once, and no unknown outcome is reported as
failure.
"""

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


class TradingSite:
    """The simulator, a trading client, and the requests that the supplier received."""

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
        """An available stone."""
        stones = await self.control("GET", "stones?offset=0&limit=200")
        return next(one for one in stones if one["usable"] and one["availability"] == "AVAILABLE")

    async def executed(self, operation: str) -> list[dict[str, Any]]:
        """The trades that the supplier executed."""
        report = await self.control("GET", "calls")
        trades = [trade for trade in (*report["holds"], *report["orders"]) if trade["operation"] == operation]
        return [trade for trade in trades if "refused" not in trade["answer"] and not trade["answer"].get("denied")]


def order(stone: dict[str, Any], **others: Any) -> SupplierOrder:
    return SupplierOrder(number="purchase-1", supplier_stone_id=stone["id"], offer_id=stone["offer_id"], **others)


@pytest.fixture
async def site() -> AsyncIterator[TradingSite]:
    options = Options(stones=200, accounts=(DEFAULT_ACCOUNT, CUSTOMER, READER), hold_seconds=3600)
    async with Simulator(options) as simulator, httpx.AsyncClient(timeout=30) as http:
        limiter = CountingLimiter()
        async with open_trading(_settings(simulator.endpoint), limiter) as trading:
            found = TradingSite(simulator, trading, http)
            found.limiter = limiter
            yield found


def _settings(endpoint: str, who: Account = DEFAULT_ACCOUNT, **others: Any) -> Any:
    return account(
        endpoint,
        nivoda_username=who.username,
        nivoda_password=who.password,
        **{"trading_timeout_seconds": 20.0, "trading_patience_seconds": 20.0, **others},
    )


async def test_stone_is_held_read_and_released(site: TradingSite) -> None:
    stone = await site.stone()
    before = datetime.now(UTC)
    hold = await site.trading.create_hold(stone["id"])
    assert hold.id
    assert hold.until
    assert timedelta(minutes=59) < hold.until - before < timedelta(minutes=61)
    word = await site.trading.item_status(stone["id"])
    assert word
    assert (word.availability, word.hold_id) == ("on_hold", hold.id)
    assert await site.trading.cancel_hold(hold.id)
    assert not await site.trading.cancel_hold(hold.id)
    word = await site.trading.item_status(stone["id"])
    assert word
    assert (word.availability, word.hold_id) == ("available", None)
    assert await site.trading.item_status("00000000-0000-4000-8000-000000000000") is None


async def test_hold_of_another_customer_is_denied_without_its_id(
    site: TradingSite,
) -> None:
    stone = await site.stone()
    async with open_trading(_settings(site.simulator.endpoint, CUSTOMER), CountingLimiter()) as other:
        assert (await other.create_hold(stone["id"])).id
    assert await site.trading.create_hold(stone["id"]) == SupplierHold(None)
    word = await site.trading.item_status(stone["id"])
    assert word
    assert (word.availability, word.hold_id) == ("on_hold", None)
    with pytest.raises(SupplierDeclined, match="not available"):
        await site.trading.create_order(order(stone))


async def test_order_contains_given_values_only(site: TradingSite) -> None:
    stone = await site.stone()
    order_id = await site.trading.create_order(order(stone, destination_id="shop", comments="gift", return_option=True))
    (executed,) = await site.executed("create_order")
    assert executed["answer"]["id"] == order_id
    assert executed["arguments"]["items"] == [{
        "offerId": stone["offer_id"], "customer_order_number": "purchase-1", "customer_comment": "gift",
        "return_option": True, "destinationId": "shop",
    }]  # fmt: skip
    word = await site.trading.item_status(stone["id"])
    assert word
    assert word.availability == "sold"


async def test_order_omits_missing_values(site: TradingSite) -> None:
    stone = await site.stone()
    await site.trading.create_order(order(stone))
    (executed,) = await site.executed("create_order")
    assert executed["arguments"]["items"] == [{"offerId": stone["offer_id"], "customer_order_number": "purchase-1"}]


def test_order_names_no_unpublished_type() -> None:
    published = print_schema(ServedSchema(SchemaOptions()).graphql).replace("OrderItemInput", "SomeOtherName")
    assert validate(build_schema(published), parse(CREATE_ORDER.document)) == []


async def test_empty_lookup_means_stone_is_missing() -> None:
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
async def test_granted_hold_is_hold_for_any_expiry_format(until: object, expected: datetime | None) -> None:
    async with scripted_supplier() as supplier:
        granted = {"id": "H-1", "denied": False, "until": until}
        supplier.script.append(answer({"data": {"as": {"create_hold": granted}}}))
        async with open_trading(account(supplier.endpoint), CountingLimiter()) as trading:
            assert await trading.create_hold("1") == SupplierHold("H-1", expected)


async def test_without_pro_access_trading_fails_with_suppliers_reason(site: TradingSite) -> None:
    stone = await site.stone()
    async with open_trading(_settings(site.simulator.endpoint, READER), CountingLimiter()) as reader:
        for call in (reader.create_hold(stone["id"]), reader.create_order(order(stone)), reader.cancel_hold("x")):
            with pytest.raises(SupplierDeclined, match="Pro access"):
                await call


Call = Callable[[TradingSite, dict[str, Any]], Awaitable[object]]
CALLS: dict[str, Call] = {
    "create_hold": lambda site, stone: site.trading.create_hold(stone["id"]),
    "create_order": lambda site, stone: site.trading.create_order(order(stone)),
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
async def test_lost_response_is_unknown_outcome_and_not_repeated(site: TradingSite, name: str, operation: str) -> None:
    stone = await site.stone()
    await site.control("POST", "faults", {"rules": [{**LOST[name], "operations": [operation]}]})
    with pytest.raises(OutcomeUnknown) as caught:
        await CALLS[operation](site, stone)
    assert caught.value.code == "SUPPLIER_TIMEOUT"
    outcomes = (await site.control("GET", "calls"))["operations"][operation]
    assert sum(outcomes.values()) == 1
    assert len(await site.executed(operation)) == int(name != "503 before")


@pytest.mark.parametrize("operation", CALLS)
async def test_missing_response_is_unknown_outcome(site: TradingSite, operation: str) -> None:
    stone = await site.stone()
    await site.control("POST", "faults", {"rules": [{"kind": "stall", "seconds": 60, "operations": [operation]}]})
    settings = _settings(site.simulator.endpoint, trading_timeout_seconds=0.5)
    async with open_trading(settings, CountingLimiter()) as hasty:
        assert await hasty.item_status(stone["id"]), "it is signed in"
        site.trading = hasty
        with pytest.raises(OutcomeUnknown) as caught:
            await CALLS[operation](site, stone)
    assert caught.value.code == "SUPPLIER_TIMEOUT"
    assert sum((await site.control("GET", "calls"))["operations"][operation].values()) == 1


ONCE_MORE: dict[str, dict[str, Any]] = {
    "429": {"kind": "status", "status": 429, "count": 2},
    "429 and when": {"kind": "status", "status": 429, "retry_after": 1, "count": 1},
    "a token that has ended": {"kind": "token", "count": 1},
    "errors beside what was done": {"kind": "errors"},
}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("name", ONCE_MORE)
async def test_rejected_call_is_repeated_and_executed_once(site: TradingSite, name: str, operation: str) -> None:
    stone = await site.stone()
    await site.control("POST", "faults", {"rules": [{**ONCE_MORE[name], "operations": [operation]}]})
    assert await CALLS[operation](site, stone)
    assert len(await site.executed(operation)) == 1


async def test_busy_supplier_fails_after_patience_without_effect(
    site: TradingSite,
) -> None:
    stone = await site.stone()
    await site.control("POST", "faults", {"rules": [{"kind": "status", "status": 429, "operations": ["create_order"]}]})
    limiter = CountingLimiter()
    settings = _settings(site.simulator.endpoint, trading_patience_seconds=1.0)
    async with open_trading(settings, limiter) as hasty:
        assert await hasty.item_status(stone["id"]), "it is signed in"
        with pytest.raises(SupplierBusy):
            await hasty.create_order(order(stone))
    assert await site.executed("create_order") == []
    assert limiter.pauses, "everybody slows down"


async def test_tokens_that_are_never_accepted_end_retries(site: TradingSite) -> None:
    stone = await site.stone()
    await site.control("POST", "faults", {"rules": [{"kind": "token", "operations": ["create_hold"]}]})
    with pytest.raises(SupplierTokenExpired):
        await site.trading.create_hold(stone["id"])
    assert (await site.control("GET", "calls"))["operations"]["create_hold"] == {"token": 2}


async def test_unreachable_supplier_is_failure_without_effect() -> None:
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
async def test_refusal_is_distinguished_from_internal_error(act: Act, expected: type[SupplierError]) -> None:
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
async def test_only_unavailable_stone_is_reported_as_such(message: str, gone: bool) -> None:
    async with scripted_supplier() as supplier:
        supplier.script.append(errors(message, {"as": {"create_order": None}}))
        async with open_trading(account(supplier.endpoint), CountingLimiter()) as trading:
            with pytest.raises(SupplierDeclined) as caught:
                await trading.create_order(SupplierOrder(number="1", supplier_stone_id="x", offer_id="DIAMOND/1"))
    assert isinstance(caught.value, SupplierItemUnavailable) == gone


@pytest.mark.parametrize(
    "message", ["The diamond is not available", "Diamond 1 not found", "This stone is already on hold", "It was sold"]
)
async def test_hold_refused_by_text_is_denied(message: str) -> None:
    async with scripted_supplier() as supplier:
        supplier.script.append(errors(message, {"as": {"create_hold": None}}))
        async with open_trading(account(supplier.endpoint), CountingLimiter()) as trading:
            assert await trading.create_hold("1") == SupplierHold(None)
    assert len(supplier.asked) == 1


@pytest.mark.parametrize("word", ["HOLD", "UNAVAILABLE", "SOLD", "MEMO"])
async def test_order_is_not_repeated_when_stone_looks_taken(site: TradingSite, word: str) -> None:
    """A refusal says that nothing was done. The stone must confirm it, because our order may have taken it."""
    stone = await site.stone()
    await site.control("POST", "update", {"id": stone["id"], "set": {"availability": word}})
    busy = {"kind": "status", "status": 429, "count": 1, "operations": ["create_order"]}
    await site.control("POST", "faults", {"rules": [busy]})
    with pytest.raises(OutcomeUnknown):
        await site.trading.create_order(order(stone))
    assert (await site.control("GET", "calls"))["operations"]["create_order"] == {"status_429": 1}


async def test_order_under_own_hold_is_repeated_after_refusal(site: TradingSite) -> None:
    stone = await site.stone()
    assert (await site.trading.create_hold(stone["id"])).id
    busy = {"kind": "status", "status": 429, "count": 1, "operations": ["create_order"]}
    await site.control("POST", "faults", {"rules": [busy]})
    assert await site.trading.create_order(order(stone))
    assert len(await site.executed("create_order")) == 1


async def test_every_call_has_its_own_connection(site: TradingSite) -> None:
    async with scripted_supplier() as supplier:
        supplier.script.extend([answer({"data": {"as": {"cancel_hold": {"id": "1"}}}})] * 3)
        async with open_trading(account(supplier.endpoint), CountingLimiter()) as trading:
            await asyncio.gather(*(trading.cancel_hold("1") for _ in range(3)))
    assert len(supplier.connections) == 5, "and so have the login and the introspection"
