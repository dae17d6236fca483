"""Requested fields, through aliases and fragments."""

from graphql import FragmentDefinitionNode, OperationDefinitionNode, parse

from app.graphql.context import Selection
from app.graphql.diamonds.types import columns_of


def selection(text: str) -> Selection:
    document = parse(text)
    fragments = {n.name.value: n for n in document.definitions if isinstance(n, FragmentDefinitionNode)}
    (operation,) = (n for n in document.definitions if isinstance(n, OperationDefinitionNode))
    return Selection([operation.selection_set], fragments)


def test_field_is_found_under_any_alias_and_in_any_fragment() -> None:
    asked = selection("{ x: a ... { b } ...F } fragment F on T { c ... on U { d } }")
    assert set(asked) == {"a", "b", "c", "d"}


def test_subfields_are_merged_from_all_occurrences() -> None:
    asked = selection("{ nodes { id } x: nodes { carat } ...F } fragment F on T { nodes { color } }")
    assert set(asked.below("nodes")) == {"id", "carat", "color"}
    assert set(asked.below("edges")) == set()


def test_nested_fragment_spreads_are_not_multiplied() -> None:
    chain = " ".join(f"fragment F{n} on T {{ ...F{n + 1} ...F{n + 1} }}" for n in range(200))
    assert set(selection(f"{{ ...F0 }} {chain} fragment F200 on T {{ id }}")) == {"id"}


def test_columns_are_those_of_requested_fields() -> None:
    asked = selection("{ id color price { cents } pricePerCarat { cents } __typename }")
    assert columns_of(asked) == {"id", "color", "retail_price_cents", "carat_milli"}
