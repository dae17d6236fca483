"""Cost of operations: estimated by page sizes before execution, actual by returned objects after it."""

from collections.abc import Mapping
from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType

from app.graphql.execution.cost import LENGTHS, PAGES, WEIGHTS, Plan, actual, requested
from app.graphql.execution.document_cache import DocumentCache
from app.graphql.schema import schema

DOCUMENTS = DocumentCache(schema._schema, suggestions=False)

SPREAD = """{ diamonds(first: 5) { ...A ... on DiamondConnection { nodes { id } } } }
fragment A on DiamondConnection { nodes { price { cents } } }"""


def plan(text: str, name: str | None = None) -> Plan:
    return DOCUMENTS.read(text).plans[name]


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("{ __typename }", 0),
        ("{ me { clientId } }", 1),
        ("{ me { clientId limits { depth aliases } } }", 2),
        ("{ diamonds { totalCount } }", 11),
        ("{ diamonds { nodes { id carat } } }", 51),
        ("{ diamonds(first: 10) { nodes { id price { cents } certificate { lab } } } }", 31),
        ("{ diamonds(last: 10) { edges { cursor node { id } } pageInfo { endCursor } } }", 22),
        ("{ diamonds(first: null) { nodes { id } } }", 51),
        ("{ diamonds(first: 0) { nodes { id } } }", 1),
        ("{ diamonds(first: -5) { nodes { id } } }", 1),
        ("{ diamonds(first: 2000000000) { nodes { id } } }", 101),
        ("{ diamonds { facets { __typename } } }", 52),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 3),
        ("{ syncRuns(first: 2) { nodes { partitions { id } } } }", 1 + 2 * (1 + 30)),
        ('mutation { syncCancel(input: {runId: "x"}) { userErrors { code } } }', 10 + 1 + 20),
        ("{ a: diamonds(first: 1) { nodes { id } } b: diamonds(first: 1) { nodes { id } } }", 4),
        # A field requested twice under one name is returned once.
        ("{ diamonds(first: 5) { nodes { id } nodes { price { cents } } nodes { price { amount } } } }", 11),
        (SPREAD, 11),
        ('{ node(id: "x") { ... on Diamond { price { cents } } ... on SyncRun { figures { fetched } } } }', 3),
    ],
)  # fmt: skip
def test_cost_is_number_of_requested_objects(text: str, cost: int) -> None:
    assert requested(plan(text), {}) == cost


@pytest.mark.parametrize(
    ("variables", "cost"),
    [({}, 8), ({"n": 3}, 4), ({"n": 3.0}, 4), ({"n": None}, 51), ({"n": "many"}, 51), ({"n": 10**9}, 101)],
)
def test_page_size_may_be_variable(variables: Mapping[str, Any], cost: int) -> None:
    text = "query ($n: Int = 7) { diamonds(first: $n) { nodes { id } } }"
    assert requested(plan(text), variables) == cost


def test_ids_may_be_variable() -> None:
    text = 'query ($ids: [ID!]! = ["a", "b", "c"]) { nodes(ids: $ids) { id } }'
    assert requested(plan(text), {"ids": ["a"] * 7}) == 7
    assert requested(plan(text), {}) == 3


def test_each_operation_of_document_has_its_cost() -> None:
    text = "query A { me { keyId } } query B { diamonds { totalCount } }"
    assert (requested(plan(text, "A"), {}), requested(plan(text, "B"), {})) == (1, 11)


def test_cost_of_nested_fragment_spreads_is_computed_in_linear_time() -> None:
    chain = " ".join(f"fragment F{n} on Diamond {{ ...F{n + 1} price {{ cents }} ...F{n + 1} }}" for n in range(60))
    text = f"{{ diamonds(first: 1) {{ nodes {{ ...F0 }} }} }} {chain} fragment F60 on Diamond {{ id }}"
    assert requested(plan(text), {}) == 3


def test_actual_cost_counts_returned_objects() -> None:
    text = "{ diamonds(first: 50) { totalCount nodes { id price { cents } certificate { lab } measurements { details } } } }"
    node: dict[str, Any] = {
        "id": "x",
        "price": {"cents": 1},
        "certificate": None,
        "measurements": {"details": {"a": {"b": {}}}},
    }
    found = {"diamonds": {"totalCount": 2, "nodes": [node, node]}}
    assert actual(plan(text), found) == 1 + 10 + 2 * 3
    assert actual(plan(text), {"diamonds": None}) == 0
    assert actual(plan(text), None) == 0


def test_actual_cost_never_exceeds_estimated_cost() -> None:
    text = '{ nodes(ids: ["a", "b"]) { ... on Diamond { price { cents } } ... on PricingRule { name } } }'
    assert actual(plan(text), {"nodes": [None, {"price": {"cents": 1}}]}) == 2
    assert requested(plan(text), {}) == 4


def test_cost_names_existing_fields() -> None:
    known = {
        f"{name}.{field}"
        for name, kind in schema._schema.type_map.items()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        for field in kind.fields
    }
    assert {*WEIGHTS, *LENGTHS, *PAGES} <= known
