"""Served schema: equal to the project's copy of the published types, strict, configurable."""

from importlib.resources import files
from typing import Any

import pytest
from graphql import build_ast_schema, build_client_schema, get_introspection_query, parse, print_schema

from sandbox.supplier.served_schema import VERSIONS, SchemaOptions, Version
from sandbox.supplier.server import Options
from tests.contract.simulator.client import COUNT, PAGE, STONES, Client, Start

INTROSPECTION = {"query": get_introspection_query(descriptions=False)}


async def served_sdl(client: Client) -> str:
    response = await client.http.post(client.simulator.endpoint, json=INTROSPECTION)
    assert response.status_code == 200
    return print_schema(build_client_schema(response.json()["data"]))


def facts(version: Version) -> str:
    folder = files("inventory.suppliers.nivoda") / "schema"
    names = ["published-2024.graphql", "additions-2026.graphql"][: 2 if version == "2026" else 1]
    text = "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
    return print_schema(build_ast_schema(parse(text)))


def definitions(sdl: str) -> set[str]:
    return set(sdl.split("\n\n"))


@pytest.mark.parametrize("version", VERSIONS)
async def test_served_schema_is_published_schema(version: Version, start: Start) -> None:
    client = await start(Options(stones=5, schema=SchemaOptions(version)))
    assert definitions(await served_sdl(client)) == definitions(facts(version))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"dollar_value": {"from": 0}}, 'Field "to" of required type "Int!" was not provided.'),
        ({"ids": ["x"]}, 'Field "ids" is not defined by type "DiamondQuery".'),
        ({"availability": ["UNAVAILABLE"]}, 'Value "UNAVAILABLE" does not exist in "ProductAvailability" enum.'),
    ],
)
async def test_invalid_variables_are_rejected(query: dict[str, Any], message: str, client: Client) -> None:
    response = await client.post(COUNT, token=client.token, query=query)
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert message in error["message"]
    assert error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}
    (rejected,) = (await client.control("GET", "calls"))["rejected"]
    assert rejected["variables"] == {"query": query}


async def test_order_direction_is_required(client: Client) -> None:
    response = await client.post(PAGE, token=client.token, query={}, order={"type": "price"})
    assert response.status_code == 400
    assert 'Field "direction" of required type "OrderDirection!"' in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("document", ["{ __schema { queryType { name } } }", '{ __type(name: "Hold") { name } }'])
async def test_disabled_introspection_is_rejected(document: str, client: Client) -> None:
    assert "data" in (await client.post(document)).json()
    await client.control("POST", "schema", {"introspection": False})
    response = await client.post(document)
    assert response.status_code == 400
    assert "GraphQL introspection is not allowed" in response.json()["errors"][0]["message"]
    assert await client.count() == STONES


async def test_introspection_is_combined_with_data_and_variables(client: Client) -> None:
    document = """
    query ($token: String!, $name: String!, $all: Boolean!) {
      as(token: $token) { diamonds_by_query_count }
      kind: __type(name: $name) { ...Kind }
      none: __type(name: "Nothing") { name }
    }
    fragment Kind on __Type { name fields(includeDeprecated: $all) { name } }
    """
    body = await client.ask(document, name="DeliveryTime", all=True)
    assert body["data"]["as"]["diamonds_by_query_count"] == STONES
    assert body["data"]["none"] is None
    names = {field["name"] for field in body["data"]["kind"]["fields"]}
    assert names == {"express_timeline_applicable", "min_business_days", "max_business_days"}


async def test_schema_changes_while_simulator_runs(client: Client) -> None:
    row = next(row for row in await client.control("GET", "stones") if row["usable"])
    document = """
    query ($token: String!, $query: DiamondQuery!) {
      as(token: $token) { diamonds_by_query(query: $query) { items { id diamond { HELD supplierStockId } } } }
    }
    """
    ids = {"filter_ids": [row["id"]]}
    assert (await client.post(document, token=client.token, query=ids)).status_code == 400
    changed = {"without": ["Diamond.milky"], "rename": ["Diamond.HoldId=HELD", "DiamondQuery.filter_ids=ids"]}
    assert await client.control("POST", "schema", changed) == {
        "version": "2026", "introspection": True, "messages": "graphql-js", **changed,
    }  # fmt: skip
    items = (await client.ask(document, query={"ids": [row["id"]]}))["data"]["as"]["diamonds_by_query"]["items"]
    assert [(item["id"], item["diamond"]["HELD"]) for item in items] == [(row["offer_id"], None)]
    assert items[0]["diamond"]["supplierStockId"]
    refused = await client.post(document.replace("HELD", "milky"), token=client.token, query={"ids": []})
    assert refused.status_code == 400
    assert (await client.post(document, token=client.token, query=ids)).status_code == 400
    await client.control("POST", "schema", {"version": "2024"})
    removed = await client.post(document.replace("HELD", "NivodaStockId"), token=client.token, query=ids)
    assert 'Cannot query field "NivodaStockId" on type "Diamond".' in removed.json()["errors"][0]["message"]
    assert await client.control("GET", "schema") == {
        "version": "2024", "without": [], "rename": [], "introspection": True, "messages": "graphql-js",
    }  # fmt: skip


async def test_removed_enum_value_makes_items_null(client: Client) -> None:
    document = """
    query ($token: String!) { as(token: $token) { diamonds_by_query { items { diamond { availability } } } } }
    """
    await client.control("POST", "schema", {"without": ["ProductAvailability.AVAILABLE"]})
    body = await client.ask(document)
    items = body["data"]["as"]["diamonds_by_query"]["items"]
    assert items.count(None) == len(body["errors"]) > 30
    assert any(items)
