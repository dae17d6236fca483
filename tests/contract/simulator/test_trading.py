"""Holds and orders: ownership, and a repeated order buys twice."""

import time
from typing import Any

import pytest

from sandbox.supplier.accounts import Account
from sandbox.supplier.server import DEFAULT_ACCOUNT
from tests.contract.simulator.client import BY_ID, HOLD, ORDER, OTHER, READER, STONES, Client


async def test_hold_is_visible_to_holder_only_and_blocks_others(client: Client) -> None:
    stones = await client.control("GET", f"stones?limit={STONES}")
    identity = next(row["id"] for row in stones if row["availability"] == "AVAILABLE" and row["usable"])
    hold = (await client.ask(HOLD, id=identity))["data"]["as"]["create_hold"]
    assert hold["denied"] is False
    assert hold["until"]
    for account, seen in ((DEFAULT_ACCOUNT, hold["id"]), (OTHER, None), (READER, None)):
        await client.log_in(account)
        diamond = (await client.page({"filter_ids": [identity]}))["items"][0]["diamond"]
        assert (diamond["availability"], diamond["HoldId"]) == ("HOLD", seen)
    await client.log_in(OTHER)
    denied = (await client.ask(HOLD, id=identity))["data"]["as"]["create_hold"]
    assert (denied["denied"], denied["until"]) == (True, None)
    assert denied["id"] not in {None, hold["id"]}
    cancel = "mutation ($token: String!, $id: ID!) { as(token: $token) { cancel_hold(hold_id: $id) { id } } }"
    assert "not found" in (await client.ask(cancel, id=denied["id"]))["errors"][0]["message"]
    assert (await client.ask(cancel, id=hold["id"]))["errors"][0]["message"] == "Hold not found"
    await client.log_in()
    assert (await client.ask(cancel, id=hold["id"]))["data"]["as"]["cancel_hold"] == {"id": hold["id"]}
    calls = await client.control("GET", "calls")
    assert [entry["account"] for entry in calls["holds"]] == [
        account.username for account in (DEFAULT_ACCOUNT, OTHER, OTHER, OTHER, DEFAULT_ACCOUNT)
    ]
    assert calls["holds"][0]["arguments"] == {"ProductId": identity, "ProductType": "Diamond"}


async def test_repeated_order_buys_twice(client: Client) -> None:
    stones = await client.control("GET", f"stones?limit={STONES}")
    row = next(row for row in stones if row["availability"] == "AVAILABLE")
    items = [{"offerId": row["offer_id"], "customer_order_number": "A-17", "return_option": True}]
    first = (await client.ask(ORDER, items=items))["data"]["as"]["create_order"]
    second = (await client.ask(ORDER, items=items))["data"]["as"]["create_order"]
    assert first != second
    orders = (await client.control("GET", "calls"))["orders"]
    assert [order["answer"]["id"] for order in orders] == [first, second]
    assert orders[0]["arguments"]["items"] == items
    assert await client.count({"filter_ids": [row["id"]], "availability": "SOLD"}) == 1


async def test_account_without_pro_access_is_read_only(client: Client) -> None:
    await client.log_in(READER)
    assert await client.count() == STONES
    row = (await client.control("GET", "stones?limit=1"))[0]
    assert "Pro" in (await client.ask(HOLD, id=row["id"]))["errors"][0]["message"]
    assert "Pro" in (await client.ask(ORDER, items=[{"offerId": row["offer_id"]}]))["errors"][0]["message"]
    assert (await client.control("GET", "calls"))["holds"] == []


SESSION = """
query ($username: String!, $password: String!) {
  authenticate {
    username_and_password(username: $username, password: $password) {
      token expires refresh_token
      user {
        holds_count
        holds { id denied until extension_status request_date diamond { id HoldId } }
        default_location { type location { id name } }
        locations { location { id name city country } }
        company { locations { id } }
      }
    }
  }
}
"""


async def session(client: Client, account: Account = DEFAULT_ACCOUNT) -> dict[str, Any]:
    body = (await client.post(SESSION, username=account.username, password=account.password)).json()
    assert "errors" not in body
    found: dict[str, Any] = body["data"]["authenticate"]["username_and_password"]
    return found


async def free_stone(client: Client) -> dict[str, Any]:
    stones = await client.control("GET", f"stones?limit={STONES}")
    row: dict[str, Any] = next(row for row in stones if row["availability"] == "AVAILABLE" and row["usable"])
    return row


async def test_session_lists_holds_and_extension(client: Client) -> None:
    row = await free_stone(client)
    before = time.time()
    hold = (await client.ask(HOLD, id=row["id"]))["data"]["as"]["create_hold"]
    assert before + 86_400 <= hold["until"] / 1000 <= time.time() + 86_400 + 1
    user = (await session(client))["user"]
    assert user["holds_count"] == 1
    (shown,) = user["holds"]
    assert shown["diamond"] == {"id": row["id"], "HoldId": hold["id"]}
    assert (shown["until"], shown["denied"], shown["extension_status"]) == (hold["until"], False, "NOT_APPLICABLE")
    assert (await session(client, OTHER))["user"]["holds"] == []
    assert [entry["stone_id"] for entry in await client.control("GET", "holds")] == [row["id"]]
    await client.control("POST", f"holds/{hold['id']}/extend", {"seconds": 3600})
    await client.control("POST", "behaviour", {"until": "seconds", "granted_denied": None})
    (shown,) = (await session(client))["user"]["holds"]
    assert shown["until"] == pytest.approx(hold["until"] / 1000 + 3600)
    assert (shown["denied"], shown["extension_status"]) == (None, "SUPPLIER_EXTENDED")


async def test_expires_is_seconds_or_instant_in_milliseconds(client: Client) -> None:
    assert (await session(client))["expires"] == 6 * 3600
    await client.control("POST", "behaviour", {"expires": "milliseconds"})
    assert (await session(client))["expires"] == pytest.approx((time.time() + 6 * 3600) * 1000, abs=60_000)


async def test_account_locations_are_valid_destinations(client: Client) -> None:
    user = (await session(client))["user"]
    assert user["default_location"] == {"type": "OWNER", "location": {"id": "shop", "name": "Shop"}}
    ids = [related["location"]["id"] for related in user["locations"]]
    assert ids == [location["id"] for location in user["company"]["locations"]] == ["shop", "workshop"]
    create = """
    mutation ($token: String!, $location: LocationInput!) {
      as(token: $token) { create_location(location: $location) { id city } }
    }
    """
    given = {
        "name": "Fair", "address1": "Messeplatz 1", "postalCode": "4005", "city": "Basel", "country": "CH", "state": "BS",
    }  # fmt: skip
    created = (await client.ask(create, location=given))["data"]["as"]["create_location"]
    assert created["city"] == "Basel"
    row = await free_stone(client)
    refused = await client.ask(ORDER, items=[{"offerId": row["offer_id"], "destinationId": "elsewhere"}])
    assert refused["data"]["as"]["create_order"] is None
    assert refused["errors"][0]["message"] == "Destination not found"
    ordered = await client.ask(ORDER, items=[{"offerId": row["offer_id"], "destinationId": created["id"]}])
    assert ordered["data"]["as"]["create_order"]
    change = """
    mutation ($token: String!, $id: ID!) {
      as(token: $token) {
        update_location(id: $id, location: {
          name: "Fair 2", address1: "a", postalCode: "1", city: "Bern", country: "CH", state: "BE"
        }) { name city }
        delete_location(id: $id)
      }
    }
    """
    answered = (await client.ask(change, id=created["id"]))["data"]["as"]
    assert answered == {"update_location": {"name": "Fair 2", "city": "Bern"}, "delete_location": True}
    assert (await client.ask(change, id=created["id"]))["data"]["as"]["update_location"] is None


async def test_order_is_confirmed_or_declined_later_and_visible_to_buyer(client: Client) -> None:
    row = await free_stone(client)
    order = (await client.ask(ORDER, items=[{"offerId": row["offer_id"]}]))["data"]["as"]["create_order"]

    async def order_item_id() -> Any:
        body = await client.ask(BY_ID, id=row["id"])
        return body["data"]["as"]["get_diamond_by_id"]["diamond"]["OrderItemId"]

    (entry,) = await client.control("GET", "orders")
    assert (entry["id"], entry["state"]) == (order, "ordered")
    assert await order_item_id() == entry["items"][0]["id"]
    await client.log_in(OTHER)
    assert await order_item_id() is None
    await client.log_in()
    declined = await client.control("POST", f"orders/{order}/decline", {"stone": "available"})
    assert declined["state"] == "declined"
    assert await order_item_id() is None
    assert (await free_stone(client))["id"] == row["id"]
    again = (await client.ask(ORDER, items=[{"offerId": row["offer_id"]}]))["data"]["as"]["create_order"]
    assert (await client.control("POST", f"orders/{again}/confirm"))["state"] == "confirmed"
    assert [entry["state"] for entry in await client.control("GET", "orders")] == ["declined", "confirmed"]
