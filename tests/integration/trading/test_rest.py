"""Holds and purchases over REST: golden answers for each route, and for each way to be refused."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from inventory.trading.outcomes import Outcome
from tests.integration.trading.market import PRICE, Market

People = Mapping[str, httpx.AsyncClient]

ORDER = {"destination_id": "shop"}


def hold_path(market: Market, number: int = 0) -> str:
    return f"/api/v2/diamonds/{market.ids[number]}/hold"


def path(market: Market, number: int = 0) -> str:
    return f"/api/v2/diamonds/{market.ids[number]}/purchase"


async def buy(client: httpx.AsyncClient, where: str, key: str | None = "1", **body: Any) -> httpx.Response:
    headers = {} if key is None else {"X-Idempotency-Key": key}
    return await client.post(where, json={**ORDER, **body}, headers=headers)


def refused(response: httpx.Response) -> tuple[int, str, Any]:
    error = response.json()["error"]
    return response.status_code, error["code"], error.get("details")


async def test_a_hold_is_answered_as_the_contract_has_it_and_the_same_when_asked_again(
    market: Market, people: People
) -> None:
    first, again = [await people["acme"].post(hold_path(market)) for _ in range(2)]
    (row,) = await market.rows("SELECT id, expires_at FROM hold_history")
    until = row["expires_at"].isoformat().replace("+00:00", "Z")
    assert (first.status_code, first.json()) == (200, {"data": {"id": str(row["id"]), "denied": False, "until": until}})
    assert again.json() == first.json()


async def test_a_denied_hold_says_so(market: Market, people: People) -> None:
    await market.control("POST", "update", {"id": market.stones[0]["id"], "set": {"availability": "SOLD"}})
    response = await people["acme"].post(hold_path(market))
    hold_id = str(await market.run("SELECT id FROM hold_history"))
    assert (response.status_code, response.json()) == (200, {"data": {"id": hold_id, "denied": True, "until": None}})


async def test_each_way_in_which_a_hold_is_refused(market: Market, people: People) -> None:
    held = (await people["acme"].post(hold_path(market))).json()["data"]
    globex = people["globex"]
    taken = {"reason": "ALREADY_HELD", "until": held["until"]}
    assert refused(await globex.post(hold_path(market))) == (409, "CONFLICT", taken)
    await market.sync(1, availability="sold")
    sold = {"reason": "NOT_AVAILABLE", "availability": "sold"}
    assert refused(await globex.post(hold_path(market, 1))) == (409, "CONFLICT", sold)
    for nobody in ("nonsense", "00000000-0000-0000-0000-000000000000"):
        assert refused(await globex.post(f"/api/v2/diamonds/{nobody}/hold")) == (404, "NOT_FOUND", None)
    assert refused(await people["looker"].post(hold_path(market, 2)))[:2] == (403, "FORBIDDEN")
    await market.break_supplier({"kind": "reset", "operations": ["create_hold"]})
    assert refused(await globex.post(hold_path(market, 3)))[:2] == (504, "SUPPLIER_TIMEOUT")
    await market.break_supplier({"kind": "status", "status": 429, "operations": ["create_hold"]})
    assert refused(await globex.post(hold_path(market, 4)))[:2] == (502, "SUPPLIER_ERROR")
    await market.mend_supplier()
    for number in range(10, 10 + market.settings.trading.holds_per_client - 1):
        assert (await globex.post(hold_path(market, number))).status_code == 200
    assert refused(await globex.post(hold_path(market, 50))) == (
        409, "CONFLICT", {"reason": "HOLD_LIMIT_REACHED", "limit": market.settings.trading.holds_per_client},
    )  # fmt: skip


async def test_a_diamond_shows_its_hold_to_the_holder_and_that_it_is_held_to_everyone(
    market: Market, people: People
) -> None:
    held = (await people["acme"].post(hold_path(market))).json()["data"]
    where = f"/api/v2/diamonds/{market.ids[0]}"
    for name, hold_id in (("acme", held["id"]), ("globex", None)):
        diamond = (await people[name].get(where)).json()["data"]
        assert (diamond["availability"], diamond.get("holdId")) == ("on_hold", hold_id)
        told = (await people[name].post(f"{where}/availability")).json()["data"]
        assert told == {"id": str(market.ids[0]), "availability": "on_hold", "hold_id": hold_id}
    tag = (await people["acme"].get(where)).headers["ETag"]
    assert (await people["acme"].get(where, headers={"If-None-Match": tag})).status_code == 304
    assert (await people["globex"].get(where, headers={"If-None-Match": tag})).status_code == 200, "it sees no holdId"
    found = (await people["globex"].get("/api/v2/diamonds?availability=on_hold")).json()
    assert [one["id"] for one in found["data"]] == [str(market.ids[0])]
    assert found["pagination"]["total"] == 1
    free = (await people["globex"].get("/api/v2/diamonds?availability=available&limit=100")).json()
    assert str(market.ids[0]) not in {one["id"] for one in free["data"]}
    assert free["pagination"]["total"] == len(market.ids) - 1


async def test_a_purchase_is_answered_as_the_contract_has_it_and_the_same_when_asked_again(
    market: Market, people: People
) -> None:
    terms: dict[str, Any] = {"reference": "7", "comments": "a gift", "return_option": False}
    first, again = [await buy(people["acme"], path(market), **terms, expected_price_cents=PRICE) for _ in range(2)]
    purchase_id = str(await market.run("SELECT id FROM purchase_history"))
    assert (first.status_code, first.json()) == (
        200,
        {"data": {"id": purchase_id, "status": "confirmed", "state": "ordered"}},
    )
    assert again.json() == first.json()
    assert await market.asked("create_order") == 1


async def test_each_way_in_which_a_purchase_is_refused(market: Market, people: People) -> None:
    acme, globex = people["acme"], people["globex"]
    held = (await globex.post(hold_path(market))).json()["data"]
    taken = {"reason": "ALREADY_HELD", "until": held["until"]}
    assert refused(await buy(acme, path(market))) == (409, "CONFLICT", taken)
    assert (await buy(acme, path(market, 1))).status_code == 200
    sold = {"reason": "NOT_AVAILABLE", "availability": "sold"}
    assert refused(await buy(globex, path(market, 1))) == (409, "CONFLICT", sold)
    mismatch = {"reason": "IDEMPOTENCY_MISMATCH"}
    assert refused(await buy(acme, path(market, 1), reference="other")) == (409, "CONFLICT", mismatch)
    changed = {"reason": "PRICE_CHANGED", "price_cents": PRICE}
    assert refused(await buy(acme, path(market, 2), "2", expected_price_cents=5)) == (409, "CONFLICT", changed)
    assert refused(await buy(people["looker"], path(market, 2)))[:2] == (403, "FORBIDDEN")
    assert refused(await buy(acme, "/api/v2/diamonds/nonsense/purchase"))[:2] == (404, "NOT_FOUND")
    for bad in (None, "", "x" * 201):
        assert refused(await buy(acme, path(market, 2), bad))[:2] == (400, "BAD_REQUEST")
    two = [("X-Idempotency-Key", "1"), ("X-Idempotency-Key", "2")]
    assert refused(await acme.post(path(market, 2), json=ORDER, headers=two))[:2] == (400, "BAD_REQUEST")


async def test_a_key_is_the_same_over_rest_and_graphql(market: Market, people: People) -> None:
    key = "\xa0öne\u3000"  # neither face counts the white space around it
    bought = await people["acme"].post(path(market), json=ORDER, headers=[(b"X-Idempotency-Key", key.encode())])
    assert bought.json()["data"]["status"] == "confirmed"
    assert await market.run("SELECT idempotency_key FROM purchase_history") == "öne"
    document = "mutation ($input: DiamondPurchaseInput!) { diamondPurchase(input: $input) { purchase { databaseId } userErrors { code } } }"
    given = {"diamondId": str(market.ids[0]), "destinationId": "shop", "idempotencyKey": key, "expectedPrice": PRICE}
    body = (await people["acme"].post("/graphql", json={"query": document, "variables": {"input": given}})).json()
    # It is known there, but as a request without an expected price.
    assert body["data"]["diamondPurchase"]["userErrors"] == [{"code": "IDEMPOTENCY_MISMATCH"}]


async def test_the_same_key_tells_an_accepted_order_from_a_confirmed_and_a_declined_one(
    market: Market, people: People
) -> None:
    outcomes = market.trading.outcomes
    for number, key in ((0, "1"), (1, "2")):
        assert (await buy(people["acme"], path(market, number), key)).json()["data"]["state"] == "ordered"
    first, second = await market.rows("SELECT id FROM purchase_history ORDER BY requested_at")
    await outcomes.confirm(first["id"], who="olga", reason="by e-mail")
    confirmed = await buy(people["acme"], path(market), "1")
    assert confirmed.json() == {"data": {"id": str(first["id"]), "status": "confirmed", "state": "confirmed"}}
    await outcomes.decline(second["id"], who="olga", reason="by e-mail")
    declined = refused(await buy(people["acme"], path(market, 1), "2"))
    details = {"reason": "PURCHASE_DECLINED", "id": str(second["id"]), "status": "failed", "state": "declined"}
    assert declined == (409, "CONFLICT", details)
    assert await market.asked("create_order") == 2


async def test_who_may_hold_may_not_buy_and_who_may_buy_may_not_hold(market: Market, people: People) -> None:
    key_service, client = ApiKeyService(market.database), people["acme"]
    mutations = {
        Scope.HOLDS_WRITE: f'mutation {{ holdCreate(input: {{diamondId: "{market.ids[0]}"}}) {{ hold {{ state }} }} }}',
        Scope.PURCHASES_WRITE: f"""mutation {{ diamondPurchase(input: {{diamondId: "{market.ids[0]}", expectedPrice: 1,
            idempotencyKey: "1", destinationId: "shop"}}) {{ purchase {{ state }} }} }}""",
    }
    routes = {Scope.HOLDS_WRITE: hold_path(market), Scope.PURCHASES_WRITE: path(market)}
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


async def test_a_wrong_body_is_answered_field_by_field(market: Market, people: People) -> None:
    wrong: dict[str, Any] = {
        "destination_id": "",
        "reference": 5,
        "comments": "x\x00",
        "return_option": "yes",
        "expected_price_cents": -1,
    }
    status, code, details = refused(await buy(people["acme"], path(market), **wrong))
    assert (status, code, set(details)) == (400, "VALIDATION_ERROR", set(wrong))
    headers = {"X-Idempotency-Key": "1"}
    missing = refused(await people["acme"].post(path(market), json={}, headers=headers))
    assert missing == (400, "VALIDATION_ERROR", {"destination_id": "is required"})
    assert await market.run("SELECT count(*) FROM purchase_history") == 0


@pytest.mark.parametrize("blank", [" ", "\xa0", "\u2003\u3000", "\u200b\ufeff"])
async def test_a_destination_without_a_visible_character_is_refused_by_rest_and_graphql_alike(
    market: Market, people: People, blank: str
) -> None:
    said = "should hold a visible character"
    refusal = refused(await buy(people["acme"], path(market), destination_id=blank))
    assert refusal == (400, "VALIDATION_ERROR", {"destination_id": said})
    document = """mutation ($input: DiamondPurchaseInput!) { diamondPurchase(input: $input) {
        userErrors { field code message } } }"""
    given = {"diamondId": str(market.ids[0]), "destinationId": blank, "idempotencyKey": "1", "expectedPrice": PRICE}
    body = (await people["acme"].post("/graphql", json={"query": document, "variables": {"input": given}})).json()
    assert body["data"]["diamondPurchase"]["userErrors"] == [
        {"field": ["input", "destinationId"], "code": "INVALID", "message": said}
    ]
    assert await market.run("SELECT count(*) FROM purchase_history") == 0


async def test_destinations_are_the_locations_of_the_suppliers_account(market: Market, people: People) -> None:
    found = (await people["acme"].get("/api/v2/destinations")).json()["data"]
    assert found == [
        {"id": "shop", "name": "Shop", "address": ["1 Hatton Garden"], "postal_code": "EC1N 8AA", "city": "London",
         "state": None, "country": "GB", "default": True},
        {"id": "workshop", "name": "Workshop", "address": ["Pelikaanstraat 62"], "postal_code": None, "city": "Antwerp",
         "state": None, "country": "BE", "default": False},
    ]  # fmt: skip
    assert refused(await people["looker"].get("/api/v2/destinations"))[:2] == (403, "FORBIDDEN")
    status, code, details = refused(await buy(people["acme"], path(market), destination_id="nowhere"))
    assert (status, code, set(details)) == (400, "VALIDATION_ERROR", {"destination_id"})
    assert "'shop' (Shop), 'workshop' (Workshop)" in details["destination_id"]
    assert await market.asked("create_order") == 0
    assert await market.run("SELECT count(*) FROM purchase_history") == 0
    assert (await buy(people["acme"], path(market), destination_id="workshop")).status_code == 200


async def test_any_destination_is_accepted_while_the_suppliers_cannot_be_read(market: Market, people: People) -> None:
    assert (await people["acme"].post(hold_path(market, 1))).status_code == 200, "the API has a token"
    await market.break_supplier({"kind": "status", "status": 500, "operations": ["authenticate"]})
    assert refused(await people["acme"].get("/api/v2/destinations"))[0] in {502, 504}
    # It is the supplier who refuses it.
    refusal = refused(await buy(people["acme"], path(market), destination_id="nowhere"))
    assert refusal[:2] == (502, "SUPPLIER_ERROR")
    assert await market.asked("create_order") == 1


async def test_a_price_that_rose_at_the_supplier_is_a_conflict_that_names_the_new_one(
    market: Market, people: People
) -> None:
    raised = market.stones[0]["price"] + 10_000
    await market.control("POST", "update", {"id": market.stones[0]["id"], "set": {"price": raised}})
    first, again = [refused(await buy(people["acme"], path(market))) for _ in range(2)]
    purchase_id = str(await market.run("SELECT id FROM purchase_history"))
    cents = (raised * 115 + 50) // 100
    details = {"reason": "PRICE_CHANGED", "id": purchase_id, "status": "failed", "price_cents": cents}
    assert first == again == (409, "CONFLICT", details)
    bought = await buy(people["acme"], path(market), "2", expected_price_cents=cents)
    assert bought.json()["data"]["state"] == "ordered"
    assert await market.asked("create_order") == 1


async def test_what_the_supplier_sold_to_somebody_else_is_a_conflict_each_time(market: Market, people: People) -> None:
    await market.control("POST", "update", {"id": market.stones[0]["id"], "set": {"availability": "SOLD"}})
    first, again = [refused(await buy(people["acme"], path(market))) for _ in range(2)]
    purchase_id = str(await market.run("SELECT id FROM purchase_history"))
    details = {"reason": "NOT_AVAILABLE", "id": purchase_id, "status": "failed"}
    assert first == again == (409, "CONFLICT", details)


async def test_an_order_that_never_went_out_is_a_supplier_error_each_time(market: Market, people: People) -> None:
    await market.break_supplier({"kind": "status", "status": 429, "operations": ["create_order"]})
    first, again = [refused(await buy(people["acme"], path(market))) for _ in range(2)]
    purchase_id = str(await market.run("SELECT id FROM purchase_history"))
    assert first == again == (502, "SUPPLIER_ERROR", {"id": purchase_id, "status": "failed"})


@pytest.mark.parametrize("bought", [True, False])
async def test_an_unknown_outcome_is_504_and_the_same_key_later_answers_how_it_ended(
    market: Market, people: People, bought: bool
) -> None:
    await market.break_supplier({"kind": "reset", "operations": ["create_order"]})
    first = await buy(people["acme"], path(market))
    purchase_id = await market.run("SELECT id FROM purchase_history")
    unknown = (504, "SUPPLIER_TIMEOUT", {"id": str(purchase_id), "status": "unknown"})
    assert refused(first) == unknown
    await market.mend_supplier()
    assert refused(await buy(people["acme"], path(market))) == unknown
    await market.trading.outcomes.resolve(
        purchase_id, Outcome.ORDERED if bought else Outcome.FAILED, who="olga", reason="seen", order_id="1"
    )
    later = await buy(people["acme"], path(market))
    if bought:
        assert later.json() == {"data": {"id": str(purchase_id), "status": "confirmed", "state": "ordered"}}
    else:
        details = {"reason": "PURCHASE_FAILED", "id": str(purchase_id), "status": "failed"}
        assert refused(later) == (409, "CONFLICT", details)
    assert await market.asked("create_order") == 1
