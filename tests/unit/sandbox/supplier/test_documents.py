"""Documents and projections, compared with graphql-core."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import execute_sync, parse

from sandbox.supplier.documents import Documents, Invalid
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.served_schema import SchemaOptions, ServedSchema

SERVED = ServedSchema(SchemaOptions())
NO_INTROSPECTION = ServedSchema(SchemaOptions(introspection=False))

QUERIES = [
    "{ diamonds_by_query(query: {}) { total_count items { id price } } }",
    "{ diamonds_by_query(query: {}) { n: total_count items { a: id b: id __typename diamond { i: id __typename } } } }",
    """
    query ($with: Boolean!) {
      diamonds_by_query(query: {}) {
        items {
          diamond { id image @skip(if: $with) certificate { ...Graded v360 @include(if: $with) { url } } }
          ... on DiamondItem { price diamond { certificate { carats lab } supplier { name } } }
        }
      }
    }
    fragment Graded on Certificate { color clarity product_images { id display_index } ...More }
    fragment More on Certificate { table product_videos { url __typename } }
    """,
]


@pytest.mark.parametrize("with_it", [True, False])
@pytest.mark.parametrize("text", QUERIES)
def test_projection_equals_result_of_graphql_core(
    text: str, with_it: bool, make_inventory: Callable[..., Inventory]
) -> None:
    inventory = make_inventory(8)

    def page() -> dict[str, Any]:
        return {"total_count": 8, "items": [inventory.item(ordinal)[0] for ordinal in range(8)]}

    given = {"with": with_it} if "$with" in text else {}
    operation = Documents(SERVED).operation(text, None)
    variables = operation.variables(given)
    root = operation.select([operation.node.selection_set], variables)[0]
    expected = execute_sync(SERVED.graphql, parse(text), {"diamonds_by_query": page()}, variable_values=given)
    picked = operation.projection(root, operation.root, variables)(page())
    assert expected.errors is None
    assert {"diamonds_by_query": picked} == expected.data


def test_projection_serves_invalid_values_unchanged(make_inventory: Callable[..., Inventory]) -> None:
    text = "{ get_diamond_by_id(diamond_id: 1) { diamond { id eyeClean certificate { carats } supplier { name } } } }"
    operation = Documents(SERVED).operation(text, None)
    variables = operation.variables({})
    root = operation.select([operation.node.selection_set], variables)[0]
    clean = make_inventory(1).item(0)[0]["diamond"]
    odd = {**clean, "eyeClean": ["?"], "certificate": "soon", "supplier": None, "new": 1}
    picked = operation.projection(root, operation.root, variables).raw({"diamond": odd}, {"diamond": clean})
    assert picked == {
        "diamond": {"id": clean["id"], "eyeClean": ["?"], "certificate": "soon", "supplier": None, "new": 1}
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ diamonds }", 'Cannot query field "diamonds" on type "Query"'),
        ("{ diamonds_by_query_count(query: {colour: 1}) }", 'Field "colour" is not defined by type "DiamondQuery".'),
        (
            "{ diamonds_by_query(query: {}) { items { sparkle } } }",
            'Cannot query field "sparkle" on type "DiamondItem"',
        ),
        ("{ get_diamond_by_id { id } }", 'argument "diamond_id" of type "ID!" is required'),
        (
            "{ diamonds_by_query_count(query: {dollar_value: {from: 1}}) }",
            'Field "IntRange.to" of required type "Int!" was not provided.',
        ),
        ("{ diamonds_by_query_count(query: {ids: [1]}) }", 'Field "ids" is not defined by type "DiamondQuery".'),
        (
            "{ diamonds_by_query_count(query: {availability: [UNAVAILABLE]}) }",
            'Value "UNAVAILABLE" does not exist in "ProductAvailability" enum.',
        ),
        ("{", "Syntax Error"),
        ("query A { __typename } query B { __typename }", "operationName"),
        ("subscription { __typename }", "subscription"),
        ("fragment Alone on Diamond { id }", "Alone"),
    ],
)
def test_invalid_document_is_rejected(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        Documents(SERVED).operation(text, None)
    assert any(message in error["message"] for error in caught.value.errors)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (None, 'Variable "$q" of non-null type "DiamondQuery!" must not be null.'),
        ({"dollar_value": {"from": 1.5, "to": 2}}, '1.5 at "q.dollar_value.from"; Int cannot represent non-integer'),
        ({"dollar_value": {"from": 0}}, 'at "q.dollar_value"; Field "to" of required type "Int!" was not provided.'),
        ({"dollar_value": {"to": 5}}, 'Field "from" of required type "Int!" was not provided.'),
        ({"dollar_value": {"from": 0, "to": None}}, 'Expected non-nullable type "Int!" not to be null.'),
        ({"dollar_value": {"from": 0, "to": 2**31}}, "Int cannot represent non 32-bit signed integer value"),
        ({"sizes": [{"from": 0.5}]}, 'at "q.sizes[0]"; Field "to" of required type "Float!" was not provided.'),
        ({"ids": ["x"]}, 'got invalid value {"ids": ["x"]}; Field "ids" is not defined by type "DiamondQuery".'),
        ({"availability": ["ON HOLD"]}, 'Value "ON HOLD" does not exist in "ProductAvailability" enum.'),
        ({"updated": {"since": "2026-01-01"}}, 'Field "since" is not defined by type "DateRange".'),
        (5, 'Variable "$q" got invalid value 5; Expected type "DiamondQuery" to be an object.'),
    ],
)
def test_invalid_variable_is_rejected(query: object, message: str) -> None:
    operation = Documents(SERVED).operation("query ($q: DiamondQuery!) { diamonds_by_query_count(query: $q) }", None)
    with pytest.raises(Invalid) as caught:
        operation.variables({"q": query})
    assert message in caught.value.errors[0]["message"]
    assert all(error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"} for error in caught.value.errors)


def test_error_texts_of_graphql_core_can_be_enabled() -> None:
    documents = Documents(ServedSchema(SchemaOptions(messages="graphql-core")))
    operation = documents.operation("query ($q: DiamondQuery!) { diamonds_by_query_count(query: $q) }", None)
    with pytest.raises(Invalid) as caught:
        operation.variables({"q": {"ids": []}})
    assert "not to include unknown field 'ids'" in caught.value.errors[0]["message"]


def test_valid_variable_is_coerced() -> None:
    operation = Documents(SERVED).operation("query ($q: DiamondQuery!) { diamonds_by_query_count(query: $q) }", None)
    query = {"dollar_value": {"from": 0, "to": 2**31 - 1}, "sizes": {"from": 1, "to": 2}, "updated": {"from": "2026"}}
    coerced = operation.variables({"q": query}).coerced["q"]
    assert coerced["sizes"] == [{"from": 1.0, "to": 2.0}]
    with pytest.raises(Invalid):
        operation.variables({})


def test_only_introspection_is_rejected_when_disabled() -> None:
    documents = Documents(NO_INTROSPECTION)
    for text in ("{ __schema { queryType { name } } }", '{ __type(name: "Diamond") { name } }'):
        Documents(SERVED).operation(text, None)
        with pytest.raises(Invalid, match="introspection is not allowed"):
            documents.operation(text, None)
    documents.operation("{ __typename diamonds_by_query { __typename } }", None)


def test_too_deep_document_is_rejected() -> None:
    with pytest.raises(Invalid):
        Documents(SERVED).operation("{ as " * 1_600 + "{ __typename }" + "}" * 1_600, None)


def test_operation_is_selected_by_name() -> None:
    text = "query A { __typename } query B { diamonds_by_query_count(query: {}) }"
    operation = Documents(SERVED).operation(text, "B")
    assert operation.node.name is not None
    assert operation.node.name.value == "B"
    with pytest.raises(Invalid):
        Documents(SERVED).operation(text, "C")


def test_document_cache_keeps_recent_documents() -> None:
    documents = Documents(SERVED)
    first = documents.operation("{ __typename }", None)
    assert documents.operation("{ __typename }", None) is first
    for number in range(300):
        documents.operation(f"{{ a{number}: __typename }}", None)
    assert len(documents._known) == 256
    assert documents.operation("{ __typename }", None) is not first
