"""Holds and orders: whose they are, and that an order sent twice buys twice."""

from sandbox.supplier.server import DEFAULT_ACCOUNT
from tests.contract.simulator.client import HOLD, ORDER, OTHER, READER, STONES, Client


async def test_a_hold_is_seen_by_its_holder_only_and_denied_to_others(client: Client) -> None:
    stones = await client.control("GET", f"stones?limit={STONES}")
    identity = next(row["id"] for row in stones if row["availability"] == "AVAILABLE" and row["usable"])
    hold = (await client.ask(HOLD, id=identity))["data"]["as"]["create_hold"]
    assert hold["denied"] is False
    assert hold["until"]
    for account, seen in ((DEFAULT_ACCOUNT, hold["id"]), (OTHER, None), (READER, None)):
        await client.log_in(account)
        diamond = (await client.page({"ids": [identity]}))["items"][0]["diamond"]
        assert (diamond["availability"], diamond["HoldId"]) == ("HOLD", seen)
    await client.log_in(OTHER)
    denied = {"id": None, "denied": True, "until": None}
    assert (await client.ask(HOLD, id=identity))["data"]["as"]["create_hold"] == denied
    cancel = "mutation ($token: String!, $id: ID!) { as(token: $token) { cancel_hold(hold_id: $id) { id } } }"
    assert (await client.ask(cancel, id=hold["id"]))["errors"][0]["message"] == "Hold not found"
    await client.log_in()
    assert (await client.ask(cancel, id=hold["id"]))["data"]["as"]["cancel_hold"] == {"id": hold["id"]}
    calls = await client.control("GET", "calls")
    assert [entry["account"] for entry in calls["holds"]] == [a.username for a in (DEFAULT_ACCOUNT, OTHER, OTHER)] + [
        DEFAULT_ACCOUNT.username
    ]
    assert calls["holds"][0]["arguments"] == {"ProductId": identity, "ProductType": "Diamond"}


async def test_an_order_sent_twice_buys_twice(client: Client) -> None:
    stones = await client.control("GET", f"stones?limit={STONES}")
    row = next(row for row in stones if row["availability"] == "AVAILABLE")
    items = [{"offerId": row["offer_id"], "customer_order_number": "A-17", "return_option": True}]
    first = (await client.ask(ORDER, items=items))["data"]["as"]["create_order"]
    second = (await client.ask(ORDER, items=items))["data"]["as"]["create_order"]
    assert first != second
    orders = (await client.control("GET", "calls"))["orders"]
    assert [order["answer"]["id"] for order in orders] == [first, second]
    assert orders[0]["arguments"]["items"] == items
    assert await client.count({"ids": [row["id"]], "availability": "SOLD"}) == 1


async def test_an_account_without_pro_access_may_only_read(client: Client) -> None:
    await client.log_in(READER)
    assert await client.count() == STONES
    row = (await client.control("GET", "stones?limit=1"))[0]
    assert "Pro" in (await client.ask(HOLD, id=row["id"]))["errors"][0]["message"]
    assert "Pro" in (await client.ask(ORDER, items=[{"offerId": row["offer_id"]}]))["errors"][0]["message"]
    assert (await client.control("GET", "calls"))["holds"] == []
