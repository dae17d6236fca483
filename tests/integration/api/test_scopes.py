"""Authorization of every route, every root field and every part with supplier prices."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLNonNull, GraphQLObjectType, GraphQLScalarType
from starlette.routing import Route, WebSocketRoute

from app.auth.scopes import Scope
from app.graphql.schema import schema
from app.graphql.scopes import scopes_of_fields, scopes_of_inputs
from app.main import create_app
from app.reference.scopes import scopes_page
from app.rest.routes import OPERATIONS
from inventory.core.settings import Settings
from tests.integration.api.diamonds import Insert, MakeKey, build

GRAPHQL = schema._schema
ROOTS = {kind.name: kind for kind in (GRAPHQL.query_type, GRAPHQL.mutation_type, GRAPHQL.subscription_type) if kind}
# Public routes and fields, with the reason.
OPEN = {
    "GET /health": "an orchestrator has no key",
    "GET /ready": "an orchestrator has no key",
    "GET /openapi.json": "the contract for authors of clients",
    "GET /api-docs": "the same, to look at",
    "GET /api-docs/{file}": "what the page consists of",
    "GET /": "the landing page holds links only",
    "GET /favicon.ico": "browsers ask for it by themselves",
    "GET /dashboard": "the page holds no data before sign-in",
    "GET /dashboard/{file:path}": "what the page consists of",
    "GET /dashboard/session": "says whether the own cookie is valid",
    "POST /dashboard/session": "sign-in itself refuses a wrong key: test_dashboard",
    "DELETE /dashboard/session": "sign-out of the own session",
}
# Root fields that check the scope of the returned object, or describe the caller only.
BY_RESULT = {"Query.node", "Query.nodes", "Query.me", "Query.job"}


def routes() -> Iterator[tuple[str, str]]:
    """Every method and path of the application."""
    settings = Settings.read(database_url="postgresql://nowhere/x", redis_url="redis://localhost")
    for route in create_app(settings).routes:
        if isinstance(route, WebSocketRoute):
            assert route.path == "/graphql", "test_sockets sees that nothing behind this one is open"
            continue
        assert isinstance(route, Route), f"{route} is no plain route: see that nothing behind it is open"
        yield from ((method, route.path) for method in sorted(route.methods or ()) if method != "HEAD")


@pytest_asyncio.fixture
async def anonymous_client(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=address) as client:
        yield client


@pytest_asyncio.fixture
async def scopeless_client(address: str, make_key: MakeKey) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose key has no scopes."""
    async with httpx.AsyncClient(base_url=address, headers={"X-API-Key": await make_key()}) as client:
        yield client


def concrete(path: str) -> str:
    return (
        path.replace("{id}", "x").replace("{run_id}", "x").replace("{file}", "page.js").replace("{file:path}", "app.js")
    )


async def test_routes_require_key_and_scope_except_listed_ones(
    anonymous_client: httpx.AsyncClient, scopeless_client: httpx.AsyncClient
) -> None:
    opened = set()
    for method, path in routes():
        if f"{method} {path}" in OPEN:
            opened.add(f"{method} {path}")
            assert (await anonymous_client.request(method, concrete(path))).status_code < 500
            continue
        for query in ("", "?limit=x"):
            refused = await anonymous_client.request(method, concrete(path) + query)
            assert refused.status_code == 401, (method, path)
            if path != "/graphql":
                forbidden = await scopeless_client.request(method, concrete(path) + query)
                assert forbidden.status_code == 403, (method, path)
    assert opened == set(OPEN)


def test_every_rest_route_is_listed() -> None:
    listed = {(operation.method, operation.path) for operation in OPERATIONS}
    dashboard = {tuple(one.split(" ")) for one in OPEN if one.endswith((" /", "/favicon.ico")) or "/dashboard" in one}
    assert {route for route in routes() if route[1] != "/graphql"} == listed | dashboard


def test_every_root_field_requires_scope() -> None:
    unguarded = {
        name for name, scope in scopes_of_fields(GRAPHQL).items() if name.partition(".")[0] in ROOTS and scope is None
    }
    assert unguarded <= BY_RESULT


async def test_root_fields_are_rejected_without_scope(scopeless_client: httpx.AsyncClient) -> None:
    refused = set()
    for name, scope in scopes_of_fields(GRAPHQL).items():
        root, _, field = name.partition(".")
        if root not in ROOTS or scope is None:
            continue
        # A subscription is a stream, if it is accepted.
        accept = "text/event-stream" if root == "Subscription" else "application/json"
        document = _minimal(root, field)
        response = await scopeless_client.post("/graphql", json={"query": document}, headers={"Accept": accept})
        assert re.findall(r'"code":"(\w+)"', response.text) == ["FORBIDDEN"], (document, response.text)
        refused.add(name)
    every = {f"{name}.{field}" for name, kind in ROOTS.items() for field in kind.fields}
    assert refused == every - BY_RESULT


def _minimal(root: str, field: str) -> str:
    """An operation of one root field with its required arguments."""
    definition = ROOTS[root].fields[field]
    required = {name: arg for name, arg in definition.args.items() if isinstance(arg.type, GraphQLNonNull)}
    arguments = ", ".join(f"{name}: {_example(argument.type)}" for name, argument in required.items())
    kind = definition.type
    while not isinstance(kind, GraphQLObjectType | GraphQLScalarType | GraphQLEnumType) and hasattr(kind, "of_type"):
        kind = kind.of_type
    below = "" if isinstance(kind, GraphQLScalarType | GraphQLEnumType) else " { __typename }"
    return f"{root.lower()} {{ {field}{f'({arguments})' if arguments else ''}{below} }}"


def _example(kind: Any) -> str:
    if isinstance(kind, GraphQLNonNull):
        return _example(kind.of_type)
    if hasattr(kind, "of_type"):
        return f"[{_example(kind.of_type)}]"
    if isinstance(kind, GraphQLEnumType):
        return str(next(iter(kind.values)))
    if isinstance(kind, GraphQLInputObjectType):
        required = {name: part for name, part in kind.fields.items() if isinstance(part.type, GraphQLNonNull)}
        return "{" + ", ".join(f"{name}: {_example(part.type)}" for name, part in required.items()) + "}"
    return {"Int": "1", "Float": "1", "Long": "1", "Boolean": "true", "DateTime": '"2026-01-31T12:00:00Z"'}.get(
        kind.name, json.dumps("x")
    )


async def test_supplier_prices_are_hidden_in_rest(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(1, supplier_price_cents=987_654, price_per_carat_cents=977_875, markup_ratio=1.2345)])
    (listed,) = (await api.get("/api/v2/diamonds")).json()["data"]
    shown = (await api.get(f"/api/v2/diamonds/{listed['id']}")).json()["data"]
    for diamond in (listed, shown):
        assert not {"supplierPriceCents", "pricePerCaratCents", "markupRatio"} & set(diamond)
        assert not any(figure in json.dumps(diamond) for figure in ("987654", "9876.54", "977875", "1.2345"))


async def test_parameters_with_scope_are_rejected_without_it(api: httpx.AsyncClient) -> None:
    guarded = [(one.path, asked.name) for one in OPERATIONS for asked in one.parameters if asked.scope]
    assert guarded == [("/api/v2/diamonds", "price_min"), ("/api/v2/diamonds", "price_max")]
    for path, name in guarded:
        assert (await api.get(path, params={name: "1"})).status_code == 403


async def test_fields_with_scope_are_null_without_it(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(1)])
    guarded = {name for name, scope in scopes_of_fields(GRAPHQL).items() if scope is Scope.PRICES_SUPPLIER}
    bands = {f"{kind}.{end}" for kind in ("SyncPartition", "SyncPlanBand") for end in ("priceFrom", "priceTo")}
    bought = {"Purchase.supplierPrice", "Purchase.supplierPriceIncrease"}  # tested in tests/integration/trading
    raw = {"QuarantinedItem.payload", "Query.supplierItem"}  # tested in test_review and above
    assert guarded == {
        "Diamond.supplierPrice",
        "Diamond.supplierPricePerCarat",
        "Diamond.markupRatio",
        *raw,
        *bands,
        *bought,
    }
    for field in ("supplierPrice { amount }", "supplierPricePerCarat { amount }", "markupRatio"):
        query = f"{{ diamonds {{ nodes {{ {field} }} }} }}"
        body = (await api.post("/graphql", json={"query": query})).json()
        assert [error["extensions"]["code"] for error in body["errors"]] == ["FORBIDDEN"]
        assert list(body["data"]["diamonds"]["nodes"][0].values()) == [None]


async def test_inputs_with_scope_are_rejected_without_it(api: httpx.AsyncClient) -> None:
    guarded = {name for name, scope in scopes_of_inputs(GRAPHQL).items() if scope is Scope.PRICES_SUPPLIER}
    assert guarded == {"DiamondFilter.supplierPrice", "DiamondSortField.SUPPLIER_PRICE"}
    for argument in (
        "filter: {supplierPrice: {min: 1}}",
        "sort: {by: SUPPLIER_PRICE}",
        "sort: {by: SUPPLIER_PRICE, direction: DESC}",
    ):
        body = (await api.post("/graphql", json={"query": f"{{ diamonds({argument}) {{ totalCount }} }}"})).json()
        assert [error["extensions"]["code"] for error in body["errors"]] == ["FORBIDDEN"]


@pytest.mark.parametrize("scope", Scope)
def test_scopes_page_lists_each_scope(scope: Scope) -> None:
    assert f"| `{scope}` |" in scopes_page()
