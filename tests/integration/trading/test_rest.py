"""Trading over REST: exact responses of each route, and each rejection."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from app.graphql.relay import global_id
from inventory.trading.outcomes import Outcome
from tests.integration.api.conftest import serve_api
from tests.integration.trading.trading_site import PRICE, TradingSite

TradingClients = Mapping[str, httpx.AsyncClient]

ORDER = {"destination_id": "shop"}


def hold_path(site: TradingSite, number: int = 0) -> str:
    return f"/api/v2/diamonds/{site.ids[number]}/hold"


def path(site: TradingSite, number: int = 0) -> str:
    return f"/api/v2/diamonds/{site.ids[number]}/purchase"


async def buy(client: httpx.AsyncClient, where: str, key: str | None = "1", **body: Any) -> httpx.Response:
    headers = {} if key is None else {"X-Idempotency-Key": key}
    return await client.post(where, json={**ORDER, **body}, headers=headers)


def refused(response: httpx.Response) -> tuple[int, str, Any]:
    error = response.json()["error"]
    return response.status_code, error["code"], error.get("details")


async def test_create_hold_response_follows_contract_and_is_repeatable(
    site: TradingSite, clients: TradingClients
) -> None:
    first, again = [await clients["acme"].post(hold_path(site)) for _ in range(2)]
    (row,) = await site.rows("SELECT id, expires_at FROM hold_history")
    until = row["expires_at"].isoformat().replace("+00:00", "Z")
    assert (first.status_code, first.json()) == (200, {"data": {"id": str(row["id"]), "denied": False, "until": until}})
    assert again.json() == first.json()


async def test_denied_hold_is_reported(site: TradingSite, clients: TradingClients) -> None:
    await site.control("POST", "update", {"id": site.stones[0]["id"], "set": {"availability": "SOLD"}})
    response = await clients["acme"].post(hold_path(site))
    hold_id = str(await site.run("SELECT id FROM hold_history"))
    assert (response.status_code, response.json()) == (200, {"data": {"id": hold_id, "denied": True, "until": None}})


async def test_diamond_of_supplier_without_trading_is_neither_held_nor_bought(
    site: TradingSite, clients: TradingClients
) -> None:
    await site.run("UPDATE diamonds SET supplier = 'files' WHERE id = $1", site.ids[0])
    reason = (409, "CONFLICT", {"reason": "NOT_TRADABLE", "supplier": "files"})
    assert refused(await clients["acme"].post(hold_path(site))) == reason
    assert refused(await buy(clients["acme"], path(site))) == reason
    assert await site.received("create_hold") == await site.received("create_order") == 0


@pytest.mark.parametrize(
    ("feeds", "status", "code", "details"),
    [
        ("files", 409, "CONFLICT", {"reason": "NOT_TRADABLE", "supplier": "files"}),
        ("nivoda,files", 409, "CONFLICT", {"reason": "NOT_TRADABLE", "supplier": "files"}),
        ("nivoda", 503, "SERVICE_UNAVAILABLE", None),
    ],
)
async def test_installation_without_account_rejects_hold_and_purchase_by_supplier_of_diamond(
    site: TradingSite, feeds: str, status: int, code: str, details: Mapping[str, Any] | None
) -> None:
    settings = site.settings.with_values(
        feeds=feeds, nivoda_endpoint=None, feed_files_kind="csv", feed_files_source="/", feed_files_map="x"
    )
    supplier = feeds.rpartition(",")[2]
    await site.run("UPDATE diamonds SET supplier = $2 WHERE id = $1", site.ids[0], supplier)
    key = await ApiKeyService(site.database).create("test", "acme", [Scope.HOLDS_WRITE, Scope.PURCHASES_WRITE])
    async with (
        serve_api(settings) as address,
        httpx.AsyncClient(base_url=address, headers={"X-API-Key": key.key.text}, timeout=60) as client,
    ):
        assert refused(await client.post(hold_path(site))) == (status, code, details)
        assert refused(await buy(client, path(site))) == (status, code, details)
        unknown = "/api/v2/diamonds/00000000-0000-0000-0000-000000000000/hold"
        assert refused(await client.post(unknown)) == (404, "NOT_FOUND", None)


async def test_create_hold_returns_each_error(site: TradingSite, clients: TradingClients) -> None:
    held = (await clients["acme"].post(hold_path(site))).json()["data"]
    globex = clients["globex"]
    taken = {"reason": "ALREADY_HELD", "until": held["until"]}
    assert refused(await globex.post(hold_path(site))) == (409, "CONFLICT", taken)
    await site.sync(1, availability="sold")
    sold = {"reason": "NOT_AVAILABLE", "availability": "sold"}
    assert refused(await globex.post(hold_path(site, 1))) == (409, "CONFLICT", sold)
    for nobody in ("nonsense", "00000000-0000-0000-0000-000000000000"):
        assert refused(await globex.post(f"/api/v2/diamonds/{nobody}/hold")) == (404, "NOT_FOUND", None)
    assert refused(await clients["looker"].post(hold_path(site, 2)))[:2] == (403, "FORBIDDEN")
    await site.break_supplier({"kind": "reset", "operations": ["create_hold"]})
    assert refused(await globex.post(hold_path(site, 3)))[:2] == (504, "SUPPLIER_TIMEOUT")
    await site.break_supplier({"kind": "status", "status": 429, "operations": ["create_hold"]})
    assert refused(await globex.post(hold_path(site, 4)))[:2] == (502, "SUPPLIER_ERROR")
    await site.restore_supplier()
    for number in range(10, 10 + site.settings.trading.holds_per_client - 1):
        assert (await globex.post(hold_path(site, number))).status_code == 200
    assert refused(await globex.post(hold_path(site, 50))) == (
        409, "CONFLICT", {"reason": "HOLD_LIMIT_REACHED", "limit": site.settings.trading.holds_per_client},
    )  # fmt: skip


async def test_diamond_shows_hold_to_holder_and_held_to_others(site: TradingSite, clients: TradingClients) -> None:
    held = (await clients["acme"].post(hold_path(site))).json()["data"]
    where = f"/api/v2/diamonds/{site.ids[0]}"
    for name, hold_id in (("acme", held["id"]), ("globex", None)):
        diamond = (await clients[name].get(where)).json()["data"]
        assert (diamond["availability"], diamond.get("holdId")) == ("on_hold", hold_id)
        told = (await clients[name].post(f"{where}/availability")).json()["data"]
        assert told == {"id": str(site.ids[0]), "availability": "on_hold", "hold_id": hold_id}
    tag = (await clients["acme"].get(where)).headers["ETag"]
    assert (await clients["acme"].get(where, headers={"If-None-Match": tag})).status_code == 304
    assert (await clients["globex"].get(where, headers={"If-None-Match": tag})).status_code == 200, "it sees no holdId"
    found = (await clients["globex"].get("/api/v2/diamonds?availability=on_hold")).json()
    assert [one["id"] for one in found["data"]] == [str(site.ids[0])]
    assert found["pagination"]["total"] == 1
    free = (await clients["globex"].get("/api/v2/diamonds?availability=available&limit=100")).json()
    assert str(site.ids[0]) not in {one["id"] for one in free["data"]}
    assert free["pagination"]["total"] == len(site.ids) - 1


async def test_purchase_response_follows_contract_and_is_repeatable(site: TradingSite, clients: TradingClients) -> None:
    terms: dict[str, Any] = {"reference": "7", "comments": "a gift", "return_option": False}
    first, again = [await buy(clients["acme"], path(site), **terms, expected_price_cents=PRICE) for _ in range(2)]
    purchase_id = str(await site.run("SELECT id FROM purchase_history"))
    assert (first.status_code, first.json()) == (
        200,
        {"data": {"id": purchase_id, "status": "confirmed", "state": "ordered"}},
    )
    assert again.json() == first.json()
    assert await site.received("create_order") == 1


async def test_purchase_returns_each_error(site: TradingSite, clients: TradingClients) -> None:
    acme, globex = clients["acme"], clients["globex"]
    held = (await globex.post(hold_path(site))).json()["data"]
    taken = {"reason": "ALREADY_HELD", "until": held["until"]}
    assert refused(await buy(acme, path(site))) == (409, "CONFLICT", taken)
    assert (await buy(acme, path(site, 1))).status_code == 200
    sold = {"reason": "NOT_AVAILABLE", "availability": "sold"}
    assert refused(await buy(globex, path(site, 1))) == (409, "CONFLICT", sold)
    mismatch = {"reason": "IDEMPOTENCY_MISMATCH"}
    assert refused(await buy(acme, path(site, 1), reference="other")) == (409, "CONFLICT", mismatch)
    changed = {"reason": "PRICE_CHANGED", "price_cents": PRICE}
    assert refused(await buy(acme, path(site, 2), "2", expected_price_cents=5)) == (409, "CONFLICT", changed)
    assert refused(await buy(clients["looker"], path(site, 2)))[:2] == (403, "FORBIDDEN")
    assert refused(await buy(acme, "/api/v2/diamonds/nonsense/purchase"))[:2] == (404, "NOT_FOUND")
    for bad in (None, "", "x" * 201):
        assert refused(await buy(acme, path(site, 2), bad))[:2] == (400, "BAD_REQUEST")
    two = [("X-Idempotency-Key", "1"), ("X-Idempotency-Key", "2")]
    assert refused(await acme.post(path(site, 2), json=ORDER, headers=two))[:2] == (400, "BAD_REQUEST")


async def test_key_is_shared_by_rest_and_graphql(site: TradingSite, clients: TradingClients) -> None:
    key = "\xa0öne\u3000"  # both APIs trim white space
    bought = await clients["acme"].post(path(site), json=ORDER, headers=[(b"X-Idempotency-Key", key.encode())])
    assert bought.json()["data"]["status"] == "confirmed"
    assert await site.run("SELECT idempotency_key FROM purchase_history") == "öne"
    document = "mutation ($input: DiamondPurchaseInput!) { diamondPurchase(input: $input) { purchase { databaseId } userErrors { code } } }"
    given = {"diamondId": str(site.ids[0]), "destinationId": "shop", "idempotencyKey": key, "expectedPrice": PRICE}
    body = (await clients["acme"].post("/graphql", json={"query": document, "variables": {"input": given}})).json()
    # The key is known there, with a request without an expected price.
    assert body["data"]["diamondPurchase"]["userErrors"] == [{"code": "IDEMPOTENCY_MISMATCH"}]


async def test_repeated_key_distinguishes_accepted_confirmed_and_declined_order(
    site: TradingSite, clients: TradingClients
) -> None:
    outcomes = site.trading.outcomes
    for number, key in ((0, "1"), (1, "2")):
        assert (await buy(clients["acme"], path(site, number), key)).json()["data"]["state"] == "ordered"
    first, second = await site.rows("SELECT id FROM purchase_history ORDER BY requested_at")
    await outcomes.confirm(first["id"], who="olga", reason="by e-mail")
    confirmed = await buy(clients["acme"], path(site), "1")
    assert confirmed.json() == {"data": {"id": str(first["id"]), "status": "confirmed", "state": "confirmed"}}
    await outcomes.decline(second["id"], who="olga", reason="by e-mail")
    declined = refused(await buy(clients["acme"], path(site, 1), "2"))
    details = {"reason": "PURCHASE_DECLINED", "id": str(second["id"]), "status": "failed", "state": "declined"}
    assert declined == (409, "CONFLICT", details)
    assert await site.received("create_order") == 2


async def test_hold_and_purchase_scopes_are_separate(site: TradingSite, clients: TradingClients) -> None:
    key_service, client = ApiKeyService(site.database), clients["acme"]
    mutations = {
        Scope.HOLDS_WRITE: f'mutation {{ holdCreate(input: {{diamondId: "{site.ids[0]}"}}) {{ hold {{ state }} }} }}',
        Scope.PURCHASES_WRITE: f"""mutation {{ diamondPurchase(input: {{diamondId: "{site.ids[0]}", expectedPrice: 1,
            idempotencyKey: "1", destinationId: "shop"}}) {{ purchase {{ state }} }} }}""",
    }
    routes = {Scope.HOLDS_WRITE: hold_path(site), Scope.PURCHASES_WRITE: path(site)}
    for allowed, other in (tuple(routes), tuple(reversed(routes))):
        key = (await key_service.create("test", "acme", [allowed, Scope.DIAMONDS_READ])).key.text
        headers = {"X-API-Key": key, "X-Idempotency-Key": "1"}
        refusal = refused(await client.post(routes[other], json=ORDER, headers=headers))
        assert refusal[:2] == (403, "FORBIDDEN")
        body = ORDER if allowed is Scope.PURCHASES_WRITE else None  # a hold takes no fields
        assert (await client.post(routes[allowed], json=body, headers=headers)).status_code == 200
        for scope, document in mutations.items():
            told = (await client.post("/graphql", json={"query": document}, headers=headers)).json()
            codes = [error["extensions"]["code"] for error in told.get("errors", ())]
            assert codes == (["FORBIDDEN"] if scope is other else []), told


async def test_invalid_body_lists_errors_by_field(site: TradingSite, clients: TradingClients) -> None:
    wrong: dict[str, Any] = {
        "destination_id": "",
        "reference": 5,
        "comments": "x\x00",
        "return_option": "yes",
        "expected_price_cents": -1,
    }
    status, code, details = refused(await buy(clients["acme"], path(site), **wrong))
    assert (status, code, set(details)) == (400, "VALIDATION_ERROR", set(wrong))
    headers = {"X-Idempotency-Key": "1"}
    missing = refused(await clients["acme"].post(path(site), json={}, headers=headers))
    assert missing == (400, "VALIDATION_ERROR", {"destination_id": "is required"})
    assert await site.run("SELECT count(*) FROM purchase_history") == 0


@pytest.mark.parametrize("blank", [" ", "\xa0", "\u2003\u3000", "\u200b\ufeff"])
async def test_blank_destination_is_rejected_by_rest_and_graphql(
    site: TradingSite, clients: TradingClients, blank: str
) -> None:
    said = "should hold a visible character"
    refusal = refused(await buy(clients["acme"], path(site), destination_id=blank))
    assert refusal == (400, "VALIDATION_ERROR", {"destination_id": said})
    document = """mutation ($input: DiamondPurchaseInput!) { diamondPurchase(input: $input) {
        userErrors { field code message } } }"""
    given = {"diamondId": str(site.ids[0]), "destinationId": blank, "idempotencyKey": "1", "expectedPrice": PRICE}
    body = (await clients["acme"].post("/graphql", json={"query": document, "variables": {"input": given}})).json()
    assert body["data"]["diamondPurchase"]["userErrors"] == [
        {"field": ["input", "destinationId"], "code": "INVALID", "message": said}
    ]
    assert await site.run("SELECT count(*) FROM purchase_history") == 0


async def test_destinations_are_locations_of_supplier_account(site: TradingSite, clients: TradingClients) -> None:
    found = (await clients["acme"].get("/api/v2/destinations")).json()["data"]
    assert found == [
        {"id": "shop", "name": "Shop", "address": ["1 Hatton Garden"], "postal_code": "EC1N 8AA", "city": "London",
         "state": None, "country": "GB", "default": True},
        {"id": "workshop", "name": "Workshop", "address": ["Pelikaanstraat 62"], "postal_code": None, "city": "Antwerp",
         "state": None, "country": "BE", "default": False},
    ]  # fmt: skip
    assert refused(await clients["looker"].get("/api/v2/destinations"))[:2] == (403, "FORBIDDEN")
    status, code, details = refused(await buy(clients["acme"], path(site), destination_id="nowhere"))
    assert (status, code, set(details)) == (400, "VALIDATION_ERROR", {"destination_id"})
    assert "'shop' (Shop), 'workshop' (Workshop)" in details["destination_id"]
    assert await site.received("create_order") == 0
    assert await site.run("SELECT count(*) FROM purchase_history") == 0
    assert (await buy(clients["acme"], path(site), destination_id="workshop")).status_code == 200


async def test_any_destination_is_accepted_when_list_is_unavailable(site: TradingSite, clients: TradingClients) -> None:
    assert (await clients["acme"].post(hold_path(site, 1))).status_code == 200, "the API has a token"
    await site.break_supplier({"kind": "status", "status": 500, "operations": ["authenticate"]})
    assert refused(await clients["acme"].get("/api/v2/destinations"))[0] in {502, 504}
    # The supplier rejects it.
    refusal = refused(await buy(clients["acme"], path(site), destination_id="nowhere"))
    assert refusal[:2] == (502, "SUPPLIER_ERROR")
    assert await site.received("create_order") == 1


async def test_higher_supplier_price_is_conflict_with_new_price(site: TradingSite, clients: TradingClients) -> None:
    raised = site.stones[0]["price"] + 10_000
    await site.control("POST", "update", {"id": site.stones[0]["id"], "set": {"price": raised}})
    first, again = [refused(await buy(clients["acme"], path(site))) for _ in range(2)]
    purchase_id = str(await site.run("SELECT id FROM purchase_history"))
    cents = (raised * 115 + 50) // 100
    details = {"reason": "PRICE_CHANGED", "id": purchase_id, "status": "failed", "price_cents": cents}
    assert first == again == (409, "CONFLICT", details)
    bought = await buy(clients["acme"], path(site), "2", expected_price_cents=cents)
    assert bought.json()["data"]["state"] == "ordered"
    assert await site.received("create_order") == 1


async def test_stone_sold_elsewhere_is_repeatable_conflict(site: TradingSite, clients: TradingClients) -> None:
    await site.control("POST", "update", {"id": site.stones[0]["id"], "set": {"availability": "SOLD"}})
    first, again = [refused(await buy(clients["acme"], path(site))) for _ in range(2)]
    purchase_id = str(await site.run("SELECT id FROM purchase_history"))
    details = {"reason": "NOT_AVAILABLE", "id": purchase_id, "status": "failed"}
    assert first == again == (409, "CONFLICT", details)


async def test_unsent_order_is_repeatable_supplier_error(site: TradingSite, clients: TradingClients) -> None:
    await site.break_supplier({"kind": "status", "status": 429, "operations": ["create_order"]})
    first, again = [refused(await buy(clients["acme"], path(site))) for _ in range(2)]
    purchase_id = str(await site.run("SELECT id FROM purchase_history"))
    assert first == again == (502, "SUPPLIER_ERROR", {"id": purchase_id, "status": "failed"})


@pytest.mark.parametrize("bought", [True, False])
async def test_unknown_outcome_is_504_and_repeated_key_returns_result_later(
    site: TradingSite, clients: TradingClients, bought: bool
) -> None:
    await site.break_supplier({"kind": "reset", "operations": ["create_order"]})
    first = await buy(clients["acme"], path(site))
    purchase_id = await site.run("SELECT id FROM purchase_history")
    unknown = (504, "SUPPLIER_TIMEOUT", {"id": str(purchase_id), "status": "unknown"})
    assert refused(first) == unknown
    await site.restore_supplier()
    assert refused(await buy(clients["acme"], path(site))) == unknown
    await site.trading.outcomes.resolve(
        purchase_id, Outcome.ORDERED if bought else Outcome.FAILED, who="olga", reason="seen", order_id="1"
    )
    later = await buy(clients["acme"], path(site))
    if bought:
        assert later.json() == {"data": {"id": str(purchase_id), "status": "confirmed", "state": "ordered"}}
    else:
        details = {"reason": "PURCHASE_FAILED", "id": str(purchase_id), "status": "failed"}
        assert refused(later) == (409, "CONFLICT", details)
    assert await site.received("create_order") == 1


async def test_hold_is_in_next_response_of_its_process_without_notification(site: TradingSite) -> None:
    # Behind a pooler in transaction mode, the API hears no notifications.
    settings = site.settings.with_values(data_version_seconds=1, database_pooler="transaction")
    key = (await ApiKeyService(site.database).create("test", "acme", [Scope.DIAMONDS_READ, Scope.HOLDS_WRITE])).key.text
    async with (
        serve_api(settings) as address,
        httpx.AsyncClient(base_url=address, headers={"X-API-Key": key}, timeout=60) as client,
    ):
        for number in range(5):
            where = f"/api/v2/diamonds/{site.ids[number]}"
            before = await client.get(where)
            held = (await client.post(hold_path(site, number))).json()["data"]
            after = await client.get(where, headers={"If-None-Match": before.headers["ETag"]})
            assert after.json()["data"]["holdId"] == held["id"]
            mutation = "mutation($id: ID!) { holdRelease(input: {holdId: $id}) { hold { id } } }"
            released = await client.post(
                "/graphql", json={"query": mutation, "variables": {"id": global_id("Hold", UUID(held["id"]))}}
            )
            assert "errors" not in released.json()
            assert (await client.get(where)).json()["data"]["availability"] == "available"
