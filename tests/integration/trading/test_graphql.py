"""Holds and purchases over GraphQL: payloads, visibility of rows, and the history of a stone."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from inventory.events import log
from tests.integration.trading.trading_site import PRICE, TradingSite

TradingClients = Mapping[str, httpx.AsyncClient]

HOLD = (
    "id databaseId diamondId diamond { databaseId } clientId state price { cents } requestedAt expiresAt endedAt reason"
)
ERRORS = "userErrors { field message code }"
BLOCKED = f"heldUntil {ERRORS}"
CREATE = f"mutation ($id: ID!, $minutes: Int) {{ holdCreate(input: {{diamondId: $id, minutes: $minutes}}) {{ hold {{ {HOLD} }} {BLOCKED} }} }}"
EXTEND = f"mutation ($id: ID!, $minutes: Int) {{ holdExtend(input: {{holdId: $id, minutes: $minutes}}) {{ hold {{ {HOLD} }} {BLOCKED} }} }}"
RELEASE = f"mutation ($id: ID!) {{ holdRelease(input: {{holdId: $id}}) {{ hold {{ {HOLD} }} {ERRORS} }} }}"
PURCHASE = """id databaseId diamondId diamond { availability } holdId clientId state price { cents } destinationId reference
  comments returnOption requestedAt orderedAt endedAt supplierOrderId failure resolvedBy resolution answeredBy answer"""
BUY = f"""mutation ($input: DiamondPurchaseInput!) {{ diamondPurchase(input: $input) {{
  purchase {{ {PURCHASE} }} currentPrice {{ cents }} {BLOCKED} }} }}"""
RESOLVE = f"""mutation ($input: PurchaseResolveInput!) {{ purchaseResolve(input: $input) {{
  purchase {{ {PURCHASE} }} {ERRORS} }} }}"""

CONFIRM = f"""mutation ($input: PurchaseConfirmInput!) {{ purchaseConfirm(input: $input) {{
  purchase {{ {PURCHASE} }} {ERRORS} }} }}"""
DECLINE = f"""mutation ($input: PurchaseDeclineInput!) {{ purchaseDecline(input: $input) {{
  purchase {{ {PURCHASE} }} {ERRORS} }} }}"""


async def ask(client: httpx.AsyncClient, document: str, **variables: Any) -> Any:
    """The only field of the data."""
    body = (await client.post("/graphql", json={"query": document, "variables": variables})).json()
    assert "errors" not in body, body
    (answer,) = body["data"].values()
    return answer


async def codes(client: httpx.AsyncClient, document: str, **variables: Any) -> list[str]:
    """The codes of the errors."""
    body = (await client.post("/graphql", json={"query": document, "variables": variables})).json()
    return [error["extensions"]["code"] for error in body["errors"]]


def problems(payload: Mapping[str, Any]) -> list[tuple[Any, str]]:
    return [(error["field"], error["code"]) for error in payload["userErrors"]]


def order(site: TradingSite, number: int = 0, **others: Any) -> dict[str, Any]:
    given = {"expectedPrice": PRICE, "idempotencyKey": "1", "destinationId": "shop"}
    return {"diamondId": str(site.ids[number]), **given, **others}


async def test_hold_is_created_extended_released_and_read_as_node(site: TradingSite, clients: TradingClients) -> None:
    acme = clients["acme"]
    made = await ask(acme, CREATE, id=str(site.ids[0]), minutes=30)
    hold = made["hold"]
    assert (made["userErrors"], made["heldUntil"]) == ([], None)
    assert hold["diamond"] == {"databaseId": str(site.ids[0])}
    assert (hold["clientId"], hold["state"], hold["price"]["cents"]) == ("acme", "ACTIVE", PRICE)
    again = await ask(acme, CREATE, id=hold["diamondId"])
    assert again["hold"] == hold, "by the diamond's global id, and the same hold"
    longer = (await ask(acme, EXTEND, id=hold["id"], minutes=60))["hold"]
    lasts = datetime.fromisoformat(longer["expiresAt"]) - datetime.fromisoformat(hold["requestedAt"])
    assert timedelta(minutes=60) <= lasts < timedelta(hours=2), "an hour from now, and not as long as it may be"
    node = f"query ($id: ID!) {{ node(id: $id) {{ ... on Hold {{ {HOLD} }} }} }}"
    assert await ask(acme, node, id=hold["id"]) == longer
    assert await ask(clients["olga"], node, id=hold["id"]) == longer
    assert await ask(clients["globex"], node, id=hold["id"]) is None, "somebody else's"
    released = (await ask(acme, RELEASE, id=hold["databaseId"]))["hold"]
    assert (released["state"], released["expiresAt"]) == ("RELEASED", longer["expiresAt"])
    assert released["endedAt"]
    assert problems(await ask(acme, EXTEND, id=hold["id"])) == [(None, "HOLD_OVER")]


async def test_diamond_of_supplier_without_trading_is_neither_held_nor_bought(
    site: TradingSite, clients: TradingClients
) -> None:
    await site.run("UPDATE diamonds SET supplier = 'files' WHERE id = $1", site.ids[0])
    held = await ask(clients["acme"], CREATE, id=str(site.ids[0]))
    assert (held["hold"], problems(held)) == (None, [(None, "NOT_TRADABLE")])
    bought = await ask(clients["acme"], BUY, input=order(site))
    assert (bought["purchase"], problems(bought)) == (None, [(None, "NOT_TRADABLE")])
    assert await site.run("SELECT count(*) FROM hold_history") == await site.run(
        "SELECT count(*) FROM purchase_history"
    )
    assert await site.received("create_hold") == await site.received("create_order") == 0
    assert problems(await ask(clients["acme"], CREATE, id=str(site.ids[1]))) == []


async def test_create_hold_returns_each_problem(site: TradingSite, clients: TradingClients) -> None:
    acme, globex = clients["acme"], clients["globex"]
    hold = (await ask(acme, CREATE, id=str(site.ids[0])))["hold"]
    taken = await ask(globex, CREATE, id=str(site.ids[0]))
    assert (taken["hold"], taken["heldUntil"], problems(taken)) == (None, hold["expiresAt"], [(None, "ALREADY_HELD")])
    assert "UTC" in taken["userErrors"][0]["message"]
    full = await ask(acme, EXTEND, id=hold["id"])
    assert (full["heldUntil"], problems(full)) == (hold["expiresAt"], [(None, "HOLD_NOT_EXTENDABLE")])
    for document in (EXTEND, RELEASE):
        for key in (hold["id"], "nonsense"):
            assert problems(await ask(globex, document, id=key)) == [(["input", "holdId"], "NOT_FOUND")]
    assert problems(await ask(globex, CREATE, id="nonsense")) == [(["input", "diamondId"], "NOT_FOUND")]
    assert problems(await ask(globex, CREATE, id=str(site.ids[1]), minutes=0)) == [(["input", "minutes"], "INVALID")]
    await site.sync(1, availability="unavailable")
    assert problems(await ask(globex, CREATE, id=str(site.ids[1]))) == [(None, "NOT_AVAILABLE")]
    await site.control("POST", "update", {"id": site.stones[2]["id"], "set": {"availability": "SOLD"}})
    denied = await ask(globex, CREATE, id=str(site.ids[2]))
    assert (denied["hold"]["state"], denied["hold"]["reason"], problems(denied)) == (
        "DENIED", "denied", [(None, "HOLD_DENIED")],
    )  # fmt: skip
    assert await codes(clients["looker"], CREATE, id=str(site.ids[3])) == ["FORBIDDEN"]


async def test_silent_supplier_is_error_with_stable_code(site: TradingSite, clients: TradingClients) -> None:
    await site.break_supplier({"kind": "reset", "operations": ["create_hold"]})
    for _ in range(2):
        assert await codes(clients["acme"], CREATE, id=str(site.ids[0])) == ["SUPPLIER_TIMEOUT"]
    assert await site.received("create_hold") == 1


async def test_diamond_shows_hold_and_more_of_it_to_holder(site: TradingSite, clients: TradingClients) -> None:
    hold = (await ask(clients["acme"], CREATE, id=str(site.ids[0])))["hold"]
    await site.sync(retail_price_cents=PRICE + 7)
    query = (
        "query ($id: ID!) { diamond(id: $id) { availability price { cents } hold { until ownId price { cents } } } }"
    )
    shown = {"availability": "ON_HOLD", "price": {"cents": PRICE + 7}}
    own = {"until": hold["expiresAt"], "ownId": hold["id"], "price": {"cents": PRICE}}
    assert await ask(clients["acme"], query, id=str(site.ids[0])) == {**shown, "hold": own}
    others = {"until": hold["expiresAt"], "ownId": None, "price": None}
    assert await ask(clients["looker"], query, id=str(site.ids[0])) == {**shown, "hold": others}
    assert (await ask(clients["looker"], query, id=str(site.ids[1])))["hold"] is None


async def test_filters_totals_and_facets_include_holds_and_purchases(
    site: TradingSite, clients: TradingClients
) -> None:
    await ask(clients["acme"], CREATE, id=str(site.ids[0]))
    await ask(clients["acme"], BUY, input=order(site, 1))
    query = """query ($in: [Availability!]) { diamonds(filter: {availability: $in}, first: 100) {
      totalCount nodes { databaseId availability } facets { shapes { count } } } }"""
    expected = {"ON_HOLD": {site.ids[0]}, "SOLD": {site.ids[1]}}
    for state, ids in expected.items():
        found = await ask(clients["looker"], query, **{"in": [state]})
        assert {one["databaseId"] for one in found["nodes"]} == {str(key) for key in ids}
        assert {one["availability"] for one in found["nodes"]} == {state}
        assert (found["totalCount"], found["facets"]["shapes"]) == (1, [{"count": 1}])
    rest = len(site.ids) - 2
    free = await ask(clients["looker"], query, **{"in": ["AVAILABLE"]})
    assert (free["totalCount"], free["facets"]["shapes"]) == (rest, [{"count": rest}])


async def test_purchase_is_created_once_and_visible_to_buyer(site: TradingSite, clients: TradingClients) -> None:
    acme = clients["acme"]
    hold = (await ask(acme, CREATE, id=str(site.ids[0])))["hold"]
    given = order(site, reference="7", comments="gift", returnOption=True)
    made, again = [await ask(acme, BUY, input=given) for _ in range(2)]
    purchase = made["purchase"]
    assert made == again
    assert made["userErrors"] == []
    assert (purchase["orderedAt"] is not None, purchase["endedAt"]) == (True, None)
    shown = {"state": "ORDERED", "clientId": "acme", "holdId": hold["id"], "price": {"cents": PRICE},
             "diamond": {"availability": "SOLD"}, "reference": "7", "comments": "gift", "returnOption": True}  # fmt: skip
    assert purchase | shown == purchase
    node = f"query ($id: ID!) {{ node(id: $id) {{ ... on Purchase {{ {PURCHASE} }} }} }}"
    assert await ask(acme, node, id=purchase["id"]) == purchase
    assert await ask(clients["globex"], node, id=purchase["id"]) is None


async def test_purchase_returns_each_problem(site: TradingSite, clients: TradingClients) -> None:
    acme, globex = clients["acme"], clients["globex"]
    hold = (await ask(globex, CREATE, id=str(site.ids[0])))["hold"]
    taken = await ask(acme, BUY, input=order(site))
    assert (taken["heldUntil"], problems(taken)) == (hold["expiresAt"], [(None, "ALREADY_HELD")])
    changed = await ask(acme, BUY, input=order(site, 1, expectedPrice=5))
    assert (changed["currentPrice"], problems(changed)) == ({"cents": PRICE}, [(None, "PRICE_CHANGED")])
    assert (await ask(acme, BUY, input=order(site, 1)))["purchase"]["state"] == "ORDERED"
    assert problems(await ask(acme, BUY, input=order(site, 1, comments="x"))) == [(None, "IDEMPOTENCY_MISMATCH")]
    assert problems(await ask(globex, BUY, input=order(site, 1))) == [(None, "NOT_AVAILABLE")]
    wrong = order(site, 2, idempotencyKey="2", destinationId=" ", comments="x" * 2001, reference="\x00")
    assert problems(await ask(acme, BUY, input=wrong)) == [
        (["input", "destinationId"], "INVALID"), (["input", "reference"], "INVALID"), (["input", "comments"], "INVALID"),
    ]  # fmt: skip
    assert problems(await ask(acme, BUY, input=order(site, 2, idempotencyKey=""))) == [
        (["input", "idempotencyKey"], "INVALID")
    ]
    await site.break_supplier({"kind": "status", "status": 429, "operations": ["create_order"]})
    failed = await ask(acme, BUY, input=order(site, 2, idempotencyKey="3"))
    assert (failed["purchase"]["state"], problems(failed)) == ("FAILED", [(None, "SUPPLIER_ERROR")])
    assert await codes(clients["looker"], BUY, input=order(site, 3)) == ["FORBIDDEN"]


async def test_unknown_purchase_is_visible_and_resolved_by_operator(site: TradingSite, clients: TradingClients) -> None:
    await site.break_supplier({"kind": "reset", "operations": ["create_order"]})
    made = await ask(clients["acme"], BUY, input=order(site))
    purchase = made["purchase"]
    assert purchase["state"] == "UNKNOWN"
    assert [(error["field"], error["code"]) for error in made["userErrors"]] == [(None, "PURCHASE_UNKNOWN")]
    found = {"purchaseId": purchase["id"], "outcome": "CONFIRMED", "reason": "on the invoice", "supplierOrderId": "17"}
    assert await codes(clients["acme"], RESOLVE, input=found) == ["FORBIDDEN"]
    assert problems(await ask(clients["olga"], RESOLVE, input=found | {"reason": ""})) == [
        (["input", "reason"], "INVALID")
    ]
    assert problems(await ask(clients["olga"], RESOLVE, input=found | {"purchaseId": "x"})) == [
        (["input", "purchaseId"], "NOT_FOUND")
    ]
    resolved = (await ask(clients["olga"], RESOLVE, input=found))["purchase"]
    shown = {"state": "CONFIRMED", "resolvedBy": "olga", "resolution": "on the invoice", "supplierOrderId": "17"}
    assert resolved | shown == resolved
    assert (await ask(clients["acme"], BUY, input=order(site)))["purchase"] == resolved
    other = found | {"outcome": "FAILED"}
    assert problems(await ask(clients["olga"], RESOLVE, input=other)) == [(None, "PURCHASE_SETTLED")]


async def test_operator_records_confirmation_and_decline(site: TradingSite, clients: TradingClients) -> None:
    first, second = [
        (await ask(clients["acme"], BUY, input=order(site, number, idempotencyKey=str(number))))["purchase"]
        for number in (0, 1)
    ]
    confirmation = {"purchaseId": first["id"], "reason": "e-mail of today", "supplierOrderId": "N-17"}
    refusal = {"purchaseId": second["id"], "reason": "sold in the shop"}
    for who, document, given in (("acme", CONFIRM, confirmation), ("globex", DECLINE, refusal)):
        assert await codes(clients[who], document, input=given) == ["FORBIDDEN"]
    assert problems(await ask(clients["olga"], CONFIRM, input=confirmation | {"reason": " "})) == [
        (["input", "reason"], "INVALID")
    ]
    assert problems(await ask(clients["olga"], DECLINE, input=refusal | {"purchaseId": "x"})) == [
        (["input", "purchaseId"], "NOT_FOUND")
    ]

    confirmed, again = [await ask(clients["olga"], CONFIRM, input=confirmation) for _ in range(2)]
    assert confirmed == again
    shown = {"state": "CONFIRMED", "answeredBy": "olga", "answer": "e-mail of today", "supplierOrderId": "N-17",
             "failure": None, "diamond": {"availability": "SOLD"}}  # fmt: skip
    assert confirmed["purchase"] | shown == confirmed["purchase"]
    assert confirmed["purchase"]["endedAt"] >= first["orderedAt"]

    declined = await ask(clients["olga"], DECLINE, input=refusal)
    shown = {"state": "DECLINED", "answeredBy": "olga", "answer": "sold in the shop", "failure": "sold in the shop",
             "diamond": {"availability": "UNAVAILABLE"}}  # fmt: skip
    assert declined["purchase"] | shown == declined["purchase"]
    assert declined["userErrors"] == []
    buyer = await ask(clients["acme"], BUY, input=order(site, 1, idempotencyKey="1"))
    assert (buyer["purchase"]["state"], problems(buyer)) == ("DECLINED", [(None, "PURCHASE_DECLINED")])
    assert problems(await ask(clients["olga"], CONFIRM, input=confirmation | {"purchaseId": second["id"]})) == [
        (None, "PURCHASE_SETTLED")
    ]
    listed = "query ($state: [PurchaseState!]) { purchases(allClients: true, state: $state) { nodes { id } } }"
    for state, purchase in (("CONFIRMED", first), ("DECLINED", second)):
        assert await ask(clients["olga"], listed, state=[state]) == {"nodes": [{"id": purchase["id"]}]}
    assert await ask(clients["olga"], listed, state=["ORDERED", "FAILED"]) == {"nodes": []}


async def test_destinations_are_listed_and_checked(site: TradingSite, clients: TradingClients) -> None:
    query = "{ destinations { id name address city country isDefault } }"
    shop, workshop = await ask(clients["acme"], query)
    assert shop == {"id": "shop", "name": "Shop", "address": ["1 Hatton Garden"], "city": "London", "country": "GB",
                    "isDefault": True}  # fmt: skip
    assert workshop["id"] == "workshop"
    assert await codes(clients["looker"], query) == ["FORBIDDEN"]
    wrong = await ask(clients["acme"], BUY, input=order(site, destinationId="nowhere"))
    assert problems(wrong) == [(["input", "destinationId"], "INVALID")]
    assert "'workshop' (Workshop)" in wrong["userErrors"][0]["message"]


async def test_higher_supplier_price_is_shown_with_failed_purchase(site: TradingSite, clients: TradingClients) -> None:
    raised = site.stones[0]["price"] + 10_000
    await site.control("POST", "update", {"id": site.stones[0]["id"], "set": {"price": raised}})
    refused = await ask(clients["acme"], BUY, input=order(site))
    cents = (raised * 115 + 50) // 100
    assert (refused["purchase"]["state"], refused["currentPrice"], problems(refused)) == (
        "FAILED", {"cents": cents}, [(None, "PRICE_CHANGED")],
    )  # fmt: skip
    assert str(raised) not in str(refused), "what the supplier asks is not for every client"
    bought = await ask(clients["acme"], BUY, input=order(site, idempotencyKey="2", expectedPrice=cents))
    assert bought["purchase"]["state"] == "ORDERED"
    price = "query ($id: ID!) { node(id: $id) { ... on Purchase { supplierPrice { cents } supplierPriceIncrease { cents } } } }"
    assert await codes(clients["acme"], price, id=bought["purchase"]["id"]) == ["FORBIDDEN", "FORBIDDEN"]


async def test_evidence_of_unknown_order_is_visible_to_operators(site: TradingSite, clients: TradingClients) -> None:
    await site.break_supplier({"kind": "status", "status": 500, "executed": True, "operations": ["create_order"]})
    purchase = (await ask(clients["acme"], BUY, input=order(site)))["purchase"]
    await site.restore_supplier()
    fields = "evidence { orderItemId orderItemIdBefore seenAt examinedAt compared }"
    examine = f"""mutation ($id: ID!) {{ purchaseExamine(input: {{purchaseId: $id}}) {{
      purchase {{ state {fields} }} userErrors {{ code }} }} }}"""
    node = f"query ($id: ID!) {{ node(id: $id) {{ ... on Purchase {{ {fields} }} }} }}"
    assert await ask(clients["olga"], node, id=purchase["id"]) == {"evidence": None}
    assert await codes(clients["acme"], examine, id=purchase["id"]) == ["FORBIDDEN"]
    found = (await ask(clients["olga"], examine, id=purchase["id"]))["purchase"]
    (item,) = await site.control("GET", "orders")
    evidence = found["evidence"]
    assert (found["state"], evidence["orderItemId"], evidence["orderItemIdBefore"], evidence["compared"]) == (
        "UNKNOWN", item["items"][0]["id"], None, True,
    )  # fmt: skip
    assert (await ask(clients["olga"], node, id=purchase["id"]))["evidence"]["seenAt"] == evidence["seenAt"]
    assert await codes(clients["acme"], node, id=purchase["id"]) == ["FORBIDDEN"]
    found_out = {"purchaseId": purchase["id"], "outcome": "ORDERED", "reason": "the order item"}
    await ask(clients["olga"], RESOLVE, input=found_out)
    settled = await ask(clients["olga"], examine, id=purchase["id"])
    assert settled["userErrors"] == [{"code": "PURCHASE_SETTLED"}]


async def test_failed_purchase_is_problem_for_buyer_only(site: TradingSite, clients: TradingClients) -> None:
    await site.break_supplier({"kind": "reset", "operations": ["create_order"]})
    purchase = (await ask(clients["acme"], BUY, input=order(site)))["purchase"]
    found = {"purchaseId": purchase["id"], "outcome": "FAILED", "reason": "not on the invoice"}
    resolved = await ask(clients["olga"], RESOLVE, input=found)
    assert (resolved["purchase"]["state"], resolved["userErrors"]) == ("FAILED", [])
    again = await ask(clients["acme"], BUY, input=order(site))
    assert (again["purchase"], problems(again)) == (resolved["purchase"], [(None, "PURCHASE_FAILED")])


async def test_own_holds_and_purchases_are_listed_by_page_and_filter(
    site: TradingSite, clients: TradingClients
) -> None:
    for number in range(5):
        await ask(clients["acme"], CREATE, id=str(site.ids[number]))
    await ask(clients["globex"], CREATE, id=str(site.ids[7]))
    await ask(clients["acme"], BUY, input=order(site, 0))
    await site.run("UPDATE hold_history SET expires_at = now() WHERE diamond_id = $1", site.ids[1])
    query = """query ($state: [HoldState!], $diamondId: ID, $allClients: Boolean, $clientId: String, $first: Int, $after: String) {
      holds(state: $state, diamondId: $diamondId, allClients: $allClients, clientId: $clientId, first: $first, after: $after) {
        totalCount nodes { state diamond { databaseId } clientId } pageInfo { hasNextPage endCursor } } }"""
    found, after = [], None
    while True:
        page = await ask(clients["acme"], query, first=2, after=after)
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert [one["diamond"]["databaseId"] for one in found] == [str(site.ids[number]) for number in (4, 3, 2, 1, 0)]
    assert [one["state"] for one in found] == ["ACTIVE", "ACTIVE", "ACTIVE", "EXPIRED", "PURCHASED"]
    assert page["totalCount"] == 5
    assert (await ask(clients["acme"], query, state=["ACTIVE"]))["totalCount"] == 3
    assert (await ask(clients["acme"], query, state=["EXPIRED"]))["totalCount"] == 1
    assert (await ask(clients["acme"], query, diamondId=str(site.ids[7])))["totalCount"] == 0
    assert (await ask(clients["olga"], query, allClients=True))["totalCount"] == 6
    assert (await ask(clients["olga"], query, allClients=True, clientId="globex"))["totalCount"] == 1
    assert (await ask(clients["olga"], query, clientId="globex"))["totalCount"] == 1
    assert (await ask(clients["olga"], query))["totalCount"] == 0
    assert (await ask(clients["acme"], query, clientId="acme"))["totalCount"] == 5
    assert await codes(clients["acme"], query, clientId="globex") == ["FORBIDDEN"]
    assert await codes(clients["acme"], query, allClients=True) == ["FORBIDDEN"]
    assert await codes(clients["acme"], query, allClients=True, clientId="acme") == ["FORBIDDEN"]
    assert await codes(clients["acme"], query, first=101) == ["VALIDATION_ERROR"]
    assert await codes(clients["acme"], query, after="x", diamondId="y") == ["VALIDATION_ERROR"]

    bought = """query ($state: [PurchaseState!], $allClients: Boolean) { purchases(state: $state, allClients: $allClients) {
      totalCount edges { cursor node { state diamond { databaseId } } } } }"""
    (edge,) = (await ask(clients["acme"], bought))["edges"]
    assert edge["node"] == {"state": "ORDERED", "diamond": {"databaseId": str(site.ids[0])}}
    assert (await ask(clients["globex"], bought))["totalCount"] == 0
    assert (await ask(clients["olga"], bought, allClients=True))["totalCount"] == 1
    assert (await ask(clients["acme"], bought, state=["FAILED", "UNKNOWN"]))["totalCount"] == 0


async def test_page_of_holds_with_diamonds_is_two_statements(
    site: TradingSite, clients: TradingClients, statements: list[str]
) -> None:
    for number in range(3):
        await ask(clients["acme"], CREATE, id=str(site.ids[number]))
    statements.clear()
    await ask(clients["acme"], "{ holds { nodes { id diamond { price { cents } availability } } } }")
    assert len([one for one in statements if "SELECT" in one and "api_keys" not in one]) == 2


async def test_complete_history_of_stone_is_one_query(site: TradingSite, clients: TradingClients) -> None:
    hold = (await ask(clients["globex"], CREATE, id=str(site.ids[0])))["hold"]
    await ask(clients["globex"], RELEASE, id=hold["id"])
    await ask(clients["acme"], CREATE, id=str(site.ids[0]))
    bought = (await ask(clients["acme"], BUY, input=order(site)))["purchase"]
    async with site.database.transaction() as connection:  # by a newer process, in a format that this one does not know
        await connection.execute("ALTER TABLE event_log DROP CONSTRAINT event_log_kind_check")
        statement = "INSERT INTO event_log (kind, diamond_ids, data) VALUES ('hold_renamed', ARRAY[$1::uuid], '{}')"
        await connection.execute(statement, site.ids[0])
    async with site.database.connection() as connection:
        await log.number(connection)
    query = """query ($id: ID!, $first: Int, $after: String) { diamondHistory(diamondId: $id, first: $first, after: $after) {
      nodes { event clientId hold { id state } purchase { id state } } pageInfo { hasNextPage endCursor } } }"""
    entries, after = [], None
    while True:
        page = await ask(clients["olga"], query, id=str(site.ids[0]), first=4, after=after)
        entries += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    told = [entry["event"] for entry in reversed(entries) if entry["event"]]
    assert told == [
        "HOLD_REQUESTED", "HOLD_ACTIVATED", "HOLD_RELEASED", "HOLD_REQUESTED", "HOLD_ACTIVATED",
        "PURCHASE_PENDING", "HOLD_PURCHASED", "PURCHASE_ORDERED",
    ]  # fmt: skip
    rows = [entry for entry in entries if not entry["event"]]
    assert [(row["clientId"], (row["hold"] or {}).get("state")) for row in rows] == [
        ("acme", "PURCHASED"), ("acme", "PURCHASED"), ("globex", "RELEASED"),
    ]  # fmt: skip
    assert rows[0]["purchase"] == {"id": bought["id"], "state": "ORDERED"}
    assert await codes(clients["acme"], query, id=str(site.ids[0])) == ["FORBIDDEN"]
    await site.run("DELETE FROM event_log")
    kept = await ask(clients["olga"], query, id=str(site.ids[0]))
    assert len(kept["nodes"]) == 3, "holds and purchases stay when events are pruned"
