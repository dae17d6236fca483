"""Trading with changed schemas, with introspection and without: available operations are executed once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from inventory.core.errors import OutcomeUnknown, SupplierError, SupplierSchemaChanged
from inventory.suppliers.nivoda.trading import NivodaTrading, open_trading
from inventory.suppliers.ports import SupplierOrder
from sandbox.supplier.served_schema import SchemaOptions
from sandbox.supplier.server import DEFAULT_ACCOUNT, Options, Simulator
from tests.contract.nivoda import CountingLimiter, account


class TradingSite:
    """A simulator with a schema, an account, and the requests that it received."""

    def __init__(self, simulator: Simulator, trading: NivodaTrading, http: httpx.AsyncClient) -> None:
        self.trading = trading
        self._simulator = simulator
        self._http = http
        self.stones: list[dict[str, Any]] = []

    async def control(self, verb: str, path: str, body: Any = None) -> Any:
        response = await self._http.request(verb, f"{self._simulator.control}/control/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    def order(self, number: int, **others: Any) -> SupplierOrder:
        stone = self.stones[number]
        given = {"destination_id": "shop", "comments": "a gift", **others}
        return SupplierOrder(number="purchase-1", supplier_stone_id=stone["id"], offer_id=stone["offer_id"], **given)

    async def ordered(self) -> list[dict[str, Any]]:
        return [item["item"] for order in await self.control("GET", "orders") for item in order["items"]]


@asynccontextmanager
async def open_site(schema: SchemaOptions) -> AsyncIterator[TradingSite]:
    async with (
        Simulator(Options(stones=60, bad_data_share=0, schema=schema)) as simulator,
        httpx.AsyncClient(timeout=30) as http,
        open_trading(
            account(
                simulator.endpoint,
                nivoda_username=DEFAULT_ACCOUNT.username,
                nivoda_password=DEFAULT_ACCOUNT.password,
                nivoda_tries=2,
                trading_patience_seconds=5.0,
                trading_timeout_seconds=5.0,
            ),
            CountingLimiter(),
        ) as trading,
    ):
        shop = TradingSite(simulator, trading, http)
        found = await shop.control("GET", "stones?offset=0&limit=60")
        shop.stones = [one for one in found if one["usable"] and one["availability"] == "AVAILABLE"]
        yield shop


# Members that trading does not require.
OPTIONAL = [
    (), ("Diamond.HoldId",), ("Diamond.OrderItemId",), ("Diamond.id",), ("DiamondItem.price",), ("DiamondItem.id",),
    ("Hold.until",), ("Hold.denied",), ("Hold.diamond",), ("User.holds",), ("User.locations",),
    ("User.default_location", "User.company"), ("Location.address2", "Location.city"), ("Session.expires",),
    ("OrderItemInput.customer_order_number",), ("OrderItemInput.return_option",),
    ("Diamond.HoldId", "Diamond.OrderItemId", "Hold.until", "OrderItemInput.customer_order_number"),
]  # fmt: skip


@pytest.mark.parametrize("introspection", [True, False])
@pytest.mark.parametrize("without", OPTIONAL, ids=lambda members: ", ".join(members) or "nothing")
async def test_trading_works_without_optional_members(without: tuple[str, ...], introspection: bool) -> None:
    async with open_site(SchemaOptions(without=without, introspection=introspection)) as shop:
        trading, (first, second, *_) = shop.trading, shop.stones
        hold = await trading.create_hold(first["id"])
        assert hold.id
        status = await trading.item_status(first["id"])
        assert status
        assert status.availability == "on_hold"
        assert (status.hold_id, status.shows_holds) == (
            (None, False) if "Diamond.HoldId" in without else (hold.id, True)
        )
        assert await trading.cancel_hold(hold.id)
        order_id = await trading.create_order(shop.order(1, order_item_id=None))
        (item,) = await shop.ordered()
        bought = await trading.item_status(second["id"])
        assert bought
        assert (bought.price_cents, bought.offer_id) == (
            None if "DiamondItem.price" in without else second["price"],
            None if "DiamondItem.id" in without else second["offer_id"],
        )
        assert (bought.order_item_id is None) == (not bought.shows_orders) == ("Diamond.OrderItemId" in without)
        assert order_id
        if "OrderItemInput.customer_order_number" in without:
            assert item["customer_comment"] == "Order number: purchase-1\na gift"
        else:
            assert (item["customer_order_number"], item["customer_comment"]) == ("purchase-1", "a gift")
        report = await shop.control("GET", "calls")
        assert (len(report["holds"]), len(report["orders"])) == (2, 1), "a hold, its release and one order"


@pytest.mark.parametrize("introspection", [True, False])
@pytest.mark.parametrize("version", ["2024", "2026"])
async def test_both_versions_list_holds_and_locations(version: Any, introspection: bool) -> None:
    async with open_site(SchemaOptions(version=version, introspection=introspection)) as shop:
        hold = await shop.trading.create_hold(shop.stones[0]["id"])
        listed = await shop.trading.own_holds()
        assert listed is not None
        assert [(one.id, one.stone_id, one.until) for one in listed] == [(hold.id, shop.stones[0]["id"], hold.until)]
        found = await shop.trading.destinations()
        assert found is not None
        assert [(one.id, one.default) for one in found] == [("shop", True), ("workshop", False)]


@pytest.mark.parametrize("introspection", [True, False])
@pytest.mark.parametrize(
    ("without", "given"),
    [
        ("OrderItemInput.return_option", {"return_option": True}),
        ("OrderItemInput.customer_comment", {}),
        ("OrderItemInput.destinationId", {}),
    ],
)
async def test_order_with_unsupported_option_is_not_sent(
    without: str, given: dict[str, Any], introspection: bool
) -> None:
    async with open_site(SchemaOptions(without=(without,), introspection=introspection)) as shop:
        with pytest.raises(SupplierSchemaChanged) as caught:
            await shop.trading.create_order(shop.order(0, **given))
        assert without in caught.value.message
        assert await shop.ordered() == []


@pytest.mark.parametrize("introspection", [True, False])
@pytest.mark.parametrize(
    "rename", ["Hold.id=hold_id", "Mutation.create_hold=hold_create", "OrderItemInput.offerId=offer_id"]
)
async def test_missing_required_member_is_named_and_nothing_is_sent(rename: str, introspection: bool) -> None:
    async with open_site(SchemaOptions(rename=(rename,), introspection=introspection)) as shop:
        orders = rename.startswith("OrderItemInput")
        trading = shop.trading
        attempt = trading.create_order(shop.order(0)) if orders else trading.create_hold(shop.stones[0]["id"])
        with pytest.raises(SupplierError) as caught:
            await attempt
        assert not isinstance(caught.value, OutcomeUnknown)
        assert await shop.ordered() == []
        assert await shop.control("GET", "holds") == []


@pytest.mark.parametrize("introspection", [True, False])
async def test_input_type_may_have_any_name(introspection: bool) -> None:
    """The item of an order is inlined, so that no type name is needed."""
    async with open_site(SchemaOptions(introspection=introspection)) as shop:
        assert await shop.trading.create_order(shop.order(0, return_option=True))
        (item,) = await shop.ordered()
        assert item["return_option"] is True
