"""Saved searches: stored per client and reference, and usable unchanged."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.auth.scopes import Scope
from app.graphql.relay import global_id
from inventory.core.database import Database
from tests.integration.api.diamonds import Insert, MakeKey, build

SET = """mutation ($input: SavedSearchSetInput!) { savedSearchSet(input: $input) {
  savedSearch { id name reference filter savedAt } userErrors { field code message } } }"""
DELETE = """mutation ($input: SavedSearchDeleteInput!) { savedSearchDelete(input: $input) {
  deletedId userErrors { field code } } }"""
LIST = """query ($reference: String, $first: Int, $after: String) {
  savedSearches(reference: $reference, first: $first, after: $after) {
    edges { cursor } nodes { id name reference filter } pageInfo { hasNextPage endCursor } } }"""
DIAMONDS = "query ($filter: DiamondFilter) { diamonds(filter: $filter) { nodes { databaseId } } }"
FILTER = {
    "shapes": ["OVAL", "PEAR"],
    "carat": {"min": 1.01},
    "color": {"from": "D", "to": "G"},
    "price": {"min": None, "max": 500_000},
    "hasSpin360": None,
    "availability": ["AVAILABLE", "ON_HOLD"],
    "createdSince": "2026-01-01T00:00:00+00:00",
    "exclude": {"clarities": ["I1"], "treated": True},
}

Execute = Callable[..., Awaitable[Any]]
Connect = Callable[..., Awaitable[Execute]]


@pytest.fixture
async def connect(address: str, make_key: MakeKey) -> AsyncIterator[Connect]:
    """A function that opens a client and returns its way to execute a document."""
    clients: list[httpx.AsyncClient] = []

    async def open_client(*scopes: Scope, client_id: str = "shop") -> Execute:
        key = await make_key(Scope.DIAMONDS_READ, *scopes, client_id=client_id)
        client = httpx.AsyncClient(base_url=address, headers={"X-API-Key": key})
        clients.append(client)

        async def execute(document: str, **variables: Any) -> Any:
            response = await client.post("/graphql", json={"query": document, "variables": variables})
            body = response.json()
            if "errors" in body:
                return body["errors"][0]
            (value,) = body["data"].values()
            return value

        return execute

    yield open_client
    for client in clients:
        await client.aclose()


async def save(execute: Execute, name: str, criteria: Any = FILTER, **given: Any) -> Any:
    return await execute(SET, input={"name": name, "filter": criteria, **given})


async def test_saved_filter_is_returned_as_given_and_finds_the_same(connect: Connect, insert: Insert) -> None:
    await insert([
        build(1, shape="OVAL", carat_milli=1500, color="E", retail_price_cents=400_000),
        build(2, shape="OVAL", carat_milli=1500, color="E", retail_price_cents=600_000),
        build(3, shape="ROUND", carat_milli=1500, color="E", retail_price_cents=400_000),
    ])  # fmt: skip
    execute = await connect(Scope.SEARCHES_WRITE)
    saved = await save(execute, "ovals", reference="ann")
    assert not saved["userErrors"]
    assert saved["savedSearch"]["filter"] == FILTER
    assert saved["savedSearch"]["reference"] == "ann"
    (listed,) = (await execute(LIST))["nodes"]
    assert listed["filter"] == FILTER
    found = await execute(DIAMONDS, filter=listed["filter"])
    assert found == await execute(DIAMONDS, filter=FILTER)
    assert len(found["nodes"]) == 1


async def test_same_name_replaces_search_of_same_reference_only(connect: Connect) -> None:
    execute = await connect(Scope.SEARCHES_WRITE)
    first = (await save(execute, "mine", {"shapes": ["OVAL"]}, reference="ann"))["savedSearch"]
    await save(execute, "mine", {"shapes": ["PEAR"]}, reference="bob")
    await save(execute, "mine", {"shapes": ["EMERALD"]})
    second = (await save(execute, "mine", {"shapes": ["ROUND"]}, reference="ann"))["savedSearch"]
    assert second["id"] == first["id"]
    assert second["savedAt"] > first["savedAt"]
    of_ann = await execute(LIST, reference="ann")
    assert [node["filter"] for node in of_ann["nodes"]] == [{"shapes": ["ROUND"]}]
    assert [node["reference"] for node in (await execute(LIST))["nodes"]] == ["ann", None, "bob"]


async def test_searches_are_listed_by_page_and_deleted_by_owner_only(connect: Connect) -> None:
    execute = await connect(Scope.SEARCHES_WRITE)
    stranger = await connect(Scope.SEARCHES_WRITE, client_id="other")
    for number in range(5):
        await save(execute, f"search {number}", {}, reference="ann")
    assert (await stranger(LIST))["nodes"] == []
    pages = [await execute(LIST, first=2)]
    for _ in range(2):
        pages.append(await execute(LIST, first=2, after=pages[-1]["pageInfo"]["endCursor"]))
    names = [node["name"] for page in pages for node in page["nodes"]]
    assert names == [f"search {number}" for number in range(4, -1, -1)]
    assert [page["pageInfo"]["hasNextPage"] for page in pages] == [True, True, False]
    (key,) = {node["id"] for node in (await execute(LIST))["nodes"] if node["name"] == "search 3"}
    missing = {"deletedId": None, "userErrors": [{"field": ["input", "id"], "code": "NOT_FOUND"}]}
    assert await stranger(DELETE, input={"id": key}) == missing
    assert await execute(DELETE, input={"id": key, "reference": "bob"}) == missing
    assert await execute(DELETE, input={"id": global_id("Hold", UUID(int=1))}) == missing
    assert await execute(DELETE, input={"id": key, "reference": "ann"}) == {"deletedId": key, "userErrors": []}
    assert await execute(DELETE, input={"id": key, "reference": "ann"}) == missing


async def test_invalid_searches_are_rejected_with_their_field(connect: Connect) -> None:
    execute = await connect(Scope.SEARCHES_WRITE)

    async def problem(name: str, criteria: Any, **given: Any) -> tuple[list[str], str]:
        (error,) = (await save(execute, name, criteria, **given))["userErrors"]
        return error["field"], error["code"]

    assert await problem(" ", {}) == (["input", "name"], "INVALID")
    assert await problem("x" * 201, {}) == (["input", "name"], "INVALID")
    assert await problem("a", {"ids": ["nonsense"]}) == (["input", "filter", "ids"], "INVALID")
    assert await problem("a", {}, reference=" ") == (["input", "reference"], "INVALID")
    long = {"certificateNumbers": [f"{number:0190}" for number in range(100)]}
    assert await problem("a", long) == (["input", "filter"], "INVALID")
    assert (await execute(LIST))["nodes"] == []


async def test_supplier_price_is_saved_with_its_scope_only(connect: Connect) -> None:
    criteria = {"supplierPrice": {"max": 100}}
    reader = await connect(Scope.SEARCHES_WRITE)
    assert (await save(reader, "cheap", criteria))["extensions"]["code"] == "FORBIDDEN"
    buyer = await connect(Scope.SEARCHES_WRITE, Scope.PRICES_SUPPLIER)
    assert not (await save(buyer, "cheap", criteria))["userErrors"]
    without = await connect()
    assert (await without(LIST))["extensions"]["code"] == "FORBIDDEN"


async def test_number_of_searches_is_limited(
    connect: Connect, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory.searches.saved_searches.MAX_PER_REFERENCE", 2)
    monkeypatch.setattr("inventory.searches.saved_searches.MAX_PER_CLIENT", 3)
    execute = await connect(Scope.SEARCHES_WRITE)
    for name in ("1", "2"):
        assert not (await save(execute, name, {}, reference="ann"))["userErrors"]
    (error,) = (await save(execute, "3", {}, reference="ann"))["userErrors"]
    assert error["code"] == "CONFLICT"
    assert not (await save(execute, "2", {"shapes": []}, reference="ann"))["userErrors"], (
        "a replacement is not another one"
    )
    assert not (await save(execute, "1", {}, reference="bob"))["userErrors"]
    assert (await save(execute, "1", {}))["userErrors"], "the client has three"
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM saved_searches") == 3
