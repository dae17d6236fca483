"""Documents and projections, against the general executor."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import execute_sync, parse

from sandbox.supplier.documents import SCHEMA, Documents, Invalid
from sandbox.supplier.inventory import Inventory

QUERIES = [
    "{ diamonds_by_query(query: {}) { total_count items { id price } } }",
    "{ diamonds_by_query(query: {}) { n: total_count items { a: id b: id __typename diamond { i: id __typename } } } }",
    """
    query ($with: Boolean!) {
      diamonds_by_query(query: {}) {
        items {
          diamond { id image @skip(if: $with) certificate { ...Graded v360 @include(if: $with) { url } } }
          ... on DiamondOffer { price diamond { certificate { carats lab } supplier { name } } }
        }
      }
    }
    fragment Graded on Certificate { color clarity product_images { id display_index } ...More }
    fragment More on Certificate { table product_videos { url __typename } }
    """,
]


@pytest.mark.parametrize("with_it", [True, False])
@pytest.mark.parametrize("text", QUERIES)
def test_a_projection_picks_what_the_general_executor_picks(
    text: str, with_it: bool, make_inventory: Callable[..., Inventory]
) -> None:
    inventory = make_inventory(8)

    def page() -> dict[str, Any]:
        return {"total_count": 8, "items": [inventory.item(ordinal)[0] for ordinal in range(8)]}

    given = {"with": with_it} if "$with" in text else {}
    operation = Documents().operation(text, None)
    variables = operation.variables(given)
    root = operation.select([operation.node.selection_set], variables)[0]
    expected = execute_sync(SCHEMA, parse(text), {"diamonds_by_query": page()}, variable_values=given)
    picked = operation.projection(root, operation.root, variables)(page())
    assert expected.errors is None
    assert {"diamonds_by_query": picked} == expected.data


def test_a_projection_shows_what_should_not_be_there_as_it_is(make_inventory: Callable[..., Inventory]) -> None:
    text = "{ get_diamond_by_id(diamond_id: 1) { diamond { id eyeClean certificate { carats } supplier { name } } } }"
    operation = Documents().operation(text, None)
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
        ("{ diamonds }", "Cannot query field 'diamonds'"),
        ("{ diamonds_by_query_count(query: {colour: 1}) }", "unknown field 'colour'"),
        ("{ diamonds_by_query(query: {}) { items { sparkle } } }", "Cannot query field 'sparkle'"),
        ("{ diamonds_by_query_count }", "required"),
        ("{", "Syntax Error"),
        ("query A { __typename } query B { __typename }", "operationName"),
        ("subscription { __typename }", "subscription"),
        ("fragment Alone on Diamond { id }", "Alone"),
    ],
)
def test_a_document_that_the_schema_does_not_allow_is_refused(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        Documents().operation(text, None)
    assert message in str(caught.value.errors)


def test_a_variable_of_another_type_is_refused() -> None:
    operation = Documents().operation("query ($q: DiamondQuery!) { diamonds_by_query_count(query: $q) }", None)
    for given in ({}, {"q": {"dollar_value": {"from": 1.5}}}, {"q": {"nope": 1}}, {"q": None}):
        with pytest.raises(Invalid):
            operation.variables(given)
    assert operation.variables({"q": {"dollar_value": {"from": 1}, "sizes": {"from": 1}}}).coerced["q"]["sizes"] == [
        {"from": 1.0}
    ]


def test_the_operation_is_chosen_by_its_name() -> None:
    text = "query A { __typename } query B { diamonds_by_query_count(query: {}) }"
    operation = Documents().operation(text, "B")
    assert operation.node.name is not None
    assert operation.node.name.value == "B"
    with pytest.raises(Invalid):
        Documents().operation(text, "C")


def test_only_the_documents_seen_last_are_kept() -> None:
    documents = Documents()
    first = documents.operation("{ __typename }", None)
    assert documents.operation("{ __typename }", None) is first
    for number in range(300):
        documents.operation(f"{{ a{number}: __typename }}", None)
    assert len(documents._known) == 256
    assert documents.operation("{ __typename }", None) is not first
