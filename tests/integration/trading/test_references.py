"""References: shoppers of one client with separate holds and purchases."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx
import pytest

from inventory.core.errors import NotFound, ValidationFailed
from inventory.trading.errors import AlreadyHeld, HoldLimitReached
from inventory.trading.states import HoldState, PurchaseState
from tests.integration.api.websocket import BEGINNING, open_socket
from tests.integration.trading.test_graphql import ask, codes, order, problems
from tests.integration.trading.trading_site import PRICE, TradingSite

TradingClients = Mapping[str, httpx.AsyncClient]

HOLD = "hold { id databaseId reference state } userErrors { field code message }"
CREATE = f"mutation ($input: HoldCreateInput!) {{ holdCreate(input: $input) {{ {HOLD} }} }}"
EXTEND = f"mutation ($input: HoldExtendInput!) {{ holdExtend(input: $input) {{ {HOLD} }} }}"
RELEASE = f"mutation ($input: HoldReleaseInput!) {{ holdRelease(input: $input) {{ {HOLD} }} }}"
BUY = """mutation ($input: DiamondPurchaseInput!) { diamondPurchase(input: $input) {
  purchase { id reference holdId } userErrors { field code message } } }"""


async def test_create_hold_returns_already_held_to_another_reference(site: TradingSite) -> None:
    hold = await site.hold(reference="ann")
    assert hold.reference == "ann"
    assert await site.hold(reference="ann") == hold
    for reference in ("bob", None):
        with pytest.raises(AlreadyHeld) as caught:
            await site.hold(reference=reference)
        assert caught.value.message.startswith("Another reference")
    await site.hold(1)
    with pytest.raises(AlreadyHeld):
        await site.hold(1, reference="ann")
    with pytest.raises(AlreadyHeld) as caught:
        await site.hold(client="globex", reference="ann")
    assert caught.value.message.startswith("Another client"), "equal references of two clients are different"


async def test_reference_neither_extends_nor_releases_hold_of_another(site: TradingSite) -> None:
    hold = await site.hold(minutes=5, reference="ann")
    holds = site.trading.holds
    for change in (holds.extend, holds.release):
        with pytest.raises(NotFound):
            await change(hold.id, "acme", reference="bob")
        with pytest.raises(NotFound):
            await change(hold.id, "globex", reference="ann")
    assert (await holds.extend(hold.id, "acme", 10, reference="ann")).reference == "ann"
    assert (await holds.release(hold.id, "acme")).state is HoldState.RELEASED, "the client as a whole may"


async def test_purchase_uses_only_hold_of_reference(site: TradingSite) -> None:
    hold = await site.hold(reference="ann")
    for number, reference in enumerate(("bob", None)):
        with pytest.raises(AlreadyHeld):
            await site.buy(key=f"other {number}", reference=reference)
    bought = await site.buy(key="ann", reference="ann")
    assert (bought.state, bought.hold_id) == (PurchaseState.ORDERED, hold.id)
    shared = await site.hold(1)
    assert (await site.buy(1, key="2", reference="order 7")).hold_id == shared.id, "a hold of the client as a whole"


async def test_open_holds_are_limited_per_reference_and_per_client(site: TradingSite) -> None:
    limit = site.settings.trading.holds_per_reference
    for number in range(limit):
        await site.hold(number, reference="ann")
    with pytest.raises(HoldLimitReached) as caught:
        await site.hold(limit, reference="ann")
    assert (caught.value.details["limit"], caught.value.message[:13]) == (limit, "The reference")
    for number in range(limit, site.settings.trading.holds_per_client):
        await site.hold(number, reference=f"shopper {number}")
    with pytest.raises(HoldLimitReached) as caught:
        await site.hold(site.settings.trading.holds_per_client, reference="zoe")
    assert caught.value.details["limit"] == site.settings.trading.holds_per_client
    assert (await site.hold(0, reference="ann")).state is HoldState.ACTIVE, "an open hold is returned at the limit"


@pytest.mark.parametrize("reference", ["", " ", "\u200b", "x" * 201, "a\x00b"])
async def test_blank_reference_is_error_and_not_client_as_whole(site: TradingSite, reference: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        await site.hold(reference=reference)
    assert list(caught.value.details) == ["reference"]
    with pytest.raises(ValidationFailed) as caught:
        await site.buy(reference=reference)
    assert list(caught.value.details) == ["reference"]


async def test_two_shoppers_under_one_key_are_separate_over_graphql(site: TradingSite, clients: TradingClients) -> None:
    acme = clients["acme"]
    given = {"diamondId": str(site.ids[0]), "reference": "ann"}
    hold = (await ask(acme, CREATE, input=given))["hold"]
    assert hold["reference"] == "ann"
    taken = await ask(acme, CREATE, input={**given, "reference": "bob"})
    assert (taken["hold"], problems(taken)) == (None, [(None, "ALREADY_HELD")])
    for document in (EXTEND, RELEASE):
        refused = await ask(acme, document, input={"holdId": hold["id"], "reference": "bob"})
        assert problems(refused) == [(["input", "holdId"], "NOT_FOUND")]
    refused = await ask(acme, BUY, input=order(site, reference="bob"))
    assert problems(refused) == [(None, "ALREADY_HELD")]

    one = "query ($id: ID!, $reference: String) { hold(id: $id, reference: $reference) { id } }"
    several = "query ($reference: String) { holds(reference: $reference) { totalCount nodes { id } } }"
    for reference, seen in (("ann", True), ("bob", False), (None, True)):
        assert bool(await ask(acme, one, id=hold["id"], reference=reference)) is seen
        listed = await ask(acme, several, reference=reference)
        assert (listed["totalCount"], len(listed["nodes"])) == ((1, 1) if seen else (0, 0))
    assert await ask(clients["globex"], one, id=hold["id"], reference="ann") is None
    assert await codes(acme, several, reference="") == ["VALIDATION_ERROR"]
    diamond = """query ($id: ID!, $reference: String) {
      diamond(id: $id) { hold(reference: $reference) { until ownId reference price { cents } } } }"""
    shown = (await ask(acme, diamond, id=str(site.ids[0]), reference="ann"))["hold"]
    assert (shown["ownId"], shown["reference"]) == (hold["id"], "ann")
    hidden = (await ask(acme, diamond, id=str(site.ids[0]), reference="bob"))["hold"]
    assert hidden == {"until": shown["until"], "ownId": None, "reference": None, "price": None}
    other = (await ask(clients["globex"], diamond, id=str(site.ids[0])))["hold"]
    assert other == hidden

    bought = (await ask(acme, BUY, input=order(site, reference="ann", idempotencyKey="k")))["purchase"]
    assert (bought["reference"], bought["holdId"]) == ("ann", hold["id"])
    find = """query ($id: ID, $reference: String, $key: String) {
      purchase(id: $id, reference: $reference, idempotencyKey: $key) { id reference } }"""
    wanted = {"id": bought["id"], "reference": "ann"}
    asked: list[dict[str, Any]] = [
        {"id": bought["id"]},
        {"reference": "ann"},
        {"key": "k"},
        {"key": "k", "reference": "ann"},
    ]
    for arguments in asked:
        assert await ask(acme, find, **arguments) == wanted
        assert await ask(clients["globex"], find, **arguments) is None
    for arguments in (
        {"id": bought["id"], "reference": "bob"},
        {"key": "k", "reference": "bob"},
        {"id": str(uuid4())},
        {"id": "x"},
    ):
        assert await ask(acme, find, **arguments) is None
    assert await ask(clients["olga"], find, id=bought["id"]) == wanted
    assert await codes(acme, find) == ["VALIDATION_ERROR"]
    purchases = "query ($reference: String) { purchases(reference: $reference) { totalCount nodes { id } } }"
    assert (await ask(acme, purchases, reference="bob")) == {"totalCount": 0, "nodes": []}
    assert (await ask(acme, purchases, reference="ann"))["nodes"] == [{"id": bought["id"]}]


async def test_rest_holds_take_reference(site: TradingSite, clients: TradingClients) -> None:
    path = f"/api/v2/diamonds/{site.ids[0]}/hold"
    first = await clients["acme"].post(path, json={"reference": "ann"})
    assert first.status_code == 200
    assert (await clients["acme"].post(path, json={"reference": "ann"})).json() == first.json()
    for body in ({"reference": "bob"}, {}):
        refused = await clients["acme"].post(path, json=body)
        assert (refused.status_code, refused.json()["error"]["details"]["reason"]) == (409, "ALREADY_HELD")
    assert (await clients["acme"].post(path)).status_code == 409
    invalid = await clients["acme"].post(path, json={"reference": ""})
    assert (invalid.status_code, list(invalid.json()["error"]["details"])) == (400, ["reference"])


async def test_events_of_holds_and_purchases_contain_them_by_reference(
    site: TradingSite, clients: TradingClients
) -> None:
    key, other = clients["acme"].headers["X-API-Key"], clients["globex"].headers["X-API-Key"]
    address = str(clients["acme"].base_url).rstrip("/")
    events = (
        "subscription ($reference: String, $after: String) { %s(reference: $reference, after: $after) { kind %s } }"
    )
    held = events % ("holdEvents", "hold { mine reference current { state reference diamond { databaseId } } }")
    bought = events % ("purchaseEvents", "diamondId purchase { state reference price { cents } } failure")
    changed = events % (
        "diamondChanged",
        "hold { mine id current { state } } purchase { mine current { state } }",
    )
    await site.hold(0, reference="ann")
    await site.hold(1, reference="bob")
    await site.hold(2, client="globex", reference="ann")
    await site.buy(0, key="1", reference="ann")
    await site.buy(1, key="2", reference="bob")

    async def read(key: str, document: str, number: int, reference: str | None) -> list[Any]:
        async with open_socket(address, key) as socket:
            await socket.subscribe(document, after=BEGINNING, reference=reference)
            return [await socket.event() for _ in range(number)]

    for reference, number in (("ann", 0), ("bob", 1)):
        found = await read(key, held, 3, reference)
        assert [one["kind"] for one in found] == ["HOLD_REQUESTED", "HOLD_ACTIVATED", "HOLD_PURCHASED"]
        current = {"state": "PURCHASED", "reference": reference, "diamond": {"databaseId": str(site.ids[number])}}
        assert all(one["hold"] == {"mine": True, "reference": reference, "current": current} for one in found)
        found = await read(key, bought, 2, reference)
        assert [one["kind"] for one in found] == ["PURCHASE_PENDING", "PURCHASE_ORDERED"]
        assert found[0]["purchase"] == {"state": "ORDERED", "reference": reference, "price": {"cents": PRICE}}
    assert len(await read(key, bought, 4, None)) == 4, "the client as a whole"
    assert [one["hold"]["mine"] for one in await read(key, held, 8, None)] == [
        True,
        True,
        True,
        True,
        False,
        False,
        True,
        True,
    ]
    hidden = {"mine": False, "id": None, "current": None}
    seen = await read(key, changed, 12, "bob")
    shown = [one["hold"]["mine"] for one in seen if one["hold"]]
    assert shown == [False, False, True, True, False, False, False, True]
    assert seen[0]["hold"] == hidden
    assert [one["purchase"]["mine"] for one in seen if one["purchase"]] == [False, False, True, True]
    assert all(one["hold"]["mine"] is False for one in await read(other, changed, 4, None))
    async with (
        open_socket(address, key) as one,
        open_socket(address, key) as two,
    ):  # equal but for the reference, at the same time
        for socket, reference in ((one, "ann"), (two, "bob")):
            await socket.subscribe(changed, after=BEGINNING, reference=reference)
            for _ in range(12):
                await socket.event()
        await site.hold(5, reference="bob")
        assert [(await one.event())["hold"]["mine"] for _ in range(2)] == [False, False]
        assert [(await two.event())["hold"]["mine"] for _ in range(2)] == [True, True]
    async with open_socket(address, clients["looker"].headers["X-API-Key"]) as socket:
        await socket.subscribe(bought)
        assert (await socket.error())["extensions"]["code"] == "FORBIDDEN"
    async with open_socket(address, other) as socket:
        await socket.subscribe('subscription { purchaseEvents(clientId: "acme") { kind } }')
        assert (await socket.error())["extensions"]["code"] == "FORBIDDEN"
