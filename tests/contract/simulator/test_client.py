"""The project's client against every version of the schema: no request is rejected, nothing is lost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from graphql import parse

from inventory.suppliers.nivoda.client import NivodaClient
from inventory.suppliers.nivoda.documents import SupplierOperation
from inventory.suppliers.nivoda.feed import NivodaFeed
from inventory.suppliers.nivoda.filters import probe
from inventory.suppliers.nivoda.introspection import INTROSPECT
from inventory.suppliers.nivoda.operations import OPERATIONS
from inventory.suppliers.nivoda.schema_view import view_of
from inventory.suppliers.nivoda.trading import open_trading
from inventory.suppliers.ports import StoneQuery, SupplierOrder
from sandbox.supplier.served_schema import VERSIONS, SchemaOptions, ServedSchema, Version
from sandbox.supplier.server import DEFAULT_ACCOUNT, Options
from tests.contract.nivoda import CountingLimiter, account
from tests.contract.simulator.client import STONES, Client, Start

RENAMED = ("DiamondQuery.filter_ids=ids", "Diamond.milky=milkiness")
SCHEMAS = {
    "2026": SchemaOptions(),
    "2024": SchemaOptions("2024"),
    "renamed members": SchemaOptions(rename=RENAMED),
    "no filter by ids": SchemaOptions("2024", without=("DiamondQuery.filter_ids", "DiamondOrderType.price")),
}


def settings(client: Client) -> Any:
    return account(
        client.simulator.endpoint,
        nivoda_username=DEFAULT_ACCOUNT.username,
        nivoda_password=DEFAULT_ACCOUNT.password,
        trading_timeout_seconds=5,
        trading_patience_seconds=5,
    )


@asynccontextmanager
async def open_feed(client: Client) -> AsyncIterator[NivodaFeed]:
    async with NivodaClient.open(settings(client).nivoda, CountingLimiter()) as asked:
        yield NivodaFeed(asked)


async def rejected(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.control("GET", "calls"))["rejected"]
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.name for operation in OPERATIONS])
async def test_negotiated_documents_are_accepted_with_variables(
    operation: SupplierOperation[Any], version: Version, start: Start
) -> None:
    client = await start(Options(stones=5, schema=SchemaOptions(version)))
    view = view_of(ServedSchema(SchemaOptions(version)).graphql)
    variables: dict[str, Any] = dict(OPERATIONS[operation])
    if "query" in variables:
        variables["query"] = probe(view, "dollar_value")
    request: dict[str, Any] = {"query": operation.document, "variables": variables}
    if operation is not INTROSPECT:
        request = operation.template.negotiate(view).request(variables)
    parse(str(request["query"]))
    response = await client.http.post(client.simulator.endpoint, json=request)
    assert response.status_code == 200, response.text
    assert await rejected(client) == []


@pytest.mark.parametrize("name", SCHEMAS)
async def test_feed_reads_every_stone_without_rejected_request(name: str, start: Start) -> None:
    client = await start(Options(stones=STONES, bad_data_share=0.1, schema=SCHEMAS[name]))
    truth = {row["id"]: row for row in await client.control("GET", f"stones?limit={STONES}")}
    async with open_feed(client) as feed:
        assert await feed.count(StoneQuery()) == STONES
        capabilities = await feed.capabilities()
        pages = [await feed.page(StoneQuery(price_from=0), offset, 50) for offset in range(0, STONES, 50)]
        known = sorted(truth)[:2]
        assert (await feed.lookup([known[0], "gone"], [known[1]])).absent == {"gone"}
    items = [item for page in pages for item in page.items]
    assert {item.supplier_stone_id for item in items} == set(truth)
    assert {item.supplier_stone_id for item in items if item.stone} == {i for i, row in truth.items() if row["usable"]}
    assert bool(capabilities.differences) == (name != "2026")
    assert await rejected(client) == []


@pytest.mark.parametrize("messages", ["graphql-js", "graphql-core"])
@pytest.mark.parametrize("name", SCHEMAS)
async def test_client_without_introspection_learns_from_few_rejections(name: str, messages: Any, start: Start) -> None:
    changed = SCHEMAS[name]
    schema = SchemaOptions(changed.version, changed.without, changed.rename, introspection=False, messages=messages)
    client = await start(Options(stones=STONES, bad_data_share=0.1, schema=schema))
    truth = {row["id"]: row for row in await client.control("GET", f"stones?limit={STONES}")}
    async with open_feed(client) as feed:
        await feed.capabilities()
        pages = [await feed.page(StoneQuery(price_from=0), offset, 50) for offset in range(0, STONES, 50)]
        known = sorted(truth)[:2]
        assert (await feed.lookup([known[0], "gone"], [known[1]])).absent == {"gone"}
    assert {item.supplier_stone_id for page in pages for item in page.items} == set(truth)
    assert 1 <= len(await rejected(client)) <= 12


@pytest.mark.parametrize("name", ["2026", "2024"])
async def test_holds_and_orders_work_without_rejected_request(name: str, start: Start) -> None:
    client = await start(Options(stones=STONES, schema=SCHEMAS[name]))
    stones = await client.control("GET", f"stones?limit={STONES}")
    row = next(row for row in stones if row["availability"] == "AVAILABLE" and row["usable"])
    async with open_trading(settings(client), CountingLimiter()) as trading:
        hold = await trading.create_hold(row["id"])
        assert hold.id
        assert hold.until
        assert await trading.cancel_hold(hold.id)
        order = SupplierOrder(
            number="A-1", supplier_stone_id=row["id"], offer_id=row["offer_id"], destination_id="shop"
        )
        assert await trading.create_order(order)
    assert [entry["state"] for entry in await client.control("GET", "orders")] == ["ordered"]
    assert await rejected(client) == []
