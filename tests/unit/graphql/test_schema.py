"""The schema as a whole: descriptions, enums, scopes."""

from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, is_non_null_type

from app.auth.scopes import Scope
from app.graphql.diamonds.grades import Availability, ClarityGrade, ColorGrade, CutGrade, Fluorescence, Shape, graded
from app.graphql.diamonds.types import SOURCES
from app.graphql.permissions import RequireScope
from app.graphql.schema import Mutation, Query, schema
from inventory.catalog import grades
from inventory.catalog.diamond import COLUMNS, SUPPLIER_COST
from inventory.pricing.rules import DEFAULT_MARKUP

ROOT = Path(__file__).parents[3]
TYPES = {name: kind for name, kind in schema._schema.type_map.items() if not name.startswith("__")}


def descriptions() -> Iterator[tuple[str, str | None]]:
    for name, kind in TYPES.items():
        yield name, kind.description
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value}", member.description) for value, member in kind.values.items())
        if isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{name}.{field}", input_field.description) for field, input_field in kind.fields.items())
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field, definition in kind.fields.items():
                yield f"{name}.{field}", definition.description
                yield from ((f"{name}.{field}({arg})", a.description) for arg, a in definition.args.items())


def test_every_schema_element_is_described() -> None:
    assert [name for name, description in descriptions() if not description] == []


@pytest.mark.parametrize(
    ("enum", "scale"),
    [
        (Shape, grades.SHAPES),
        (ColorGrade, (*grades.COLORS, "OTHER")),
        (ClarityGrade, (*grades.CLARITIES, "OTHER")),
        (CutGrade, (*grades.CUTS, "OTHER")),
        (Fluorescence, (*grades.FLUORESCENCES, "OTHER")),
        (Availability, grades.AVAILABILITIES),
    ],
)
def test_every_enum_has_catalog_values_in_order(enum: type[Enum], scale: Sequence[str]) -> None:
    assert [member.value for member in enum] == list(scale)


def test_forbidden_root_field_does_not_null_others() -> None:
    roots = [schema._schema.query_type, schema._schema.mutation_type]
    required = [
        f"{root}.{name}"
        for root in roots
        if root
        for name, field in root.fields.items()
        if is_non_null_type(field.type)
    ]
    assert required == ["Query.me"], "it has no scope of its own"


def test_unknown_grade_is_other() -> None:
    assert graded(ColorGrade, "D") is ColorGrade.D
    assert graded(ColorGrade, "Top Wesselton") is ColorGrade.OTHER
    assert graded(ColorGrade, None) is None


def test_every_diamond_field_names_its_columns() -> None:
    assert {column for source in SOURCES.values() for column in source.columns} <= set(COLUMNS)
    assert all(source.columns for source in SOURCES.values())


def test_every_field_with_supplier_cost_requires_scope() -> None:
    for source in SOURCES.values():
        assert (source.scope is Scope.PRICES_SUPPLIER) == bool(source.columns & SUPPLIER_COST)


def test_every_query_requires_scope_or_checks_it_itself() -> None:
    fields = Query.__strawberry_definition__.fields  # type: ignore[attr-defined]  # added by the decorator
    open_to_all = {
        field.python_name for field in fields if not any(isinstance(one, RequireScope) for one in field.extensions)
    }
    assert len(fields) > len(open_to_all)
    # The scope for a node or a job depends on its type. Every authenticated client may read its own identity.
    assert open_to_all == {"node", "nodes", "me", "job"}


def test_every_mutation_requires_scope() -> None:
    fields = Mutation.__strawberry_definition__.fields  # type: ignore[attr-defined]  # added by the decorator
    assert fields
    assert all(any(isinstance(extension, RequireScope) for extension in field.extensions) for field in fields)


def test_default_markup_is_not_exposed() -> None:
    told = [*descriptions(), ("openapi.json", (ROOT / "openapi.json").read_text("utf-8"))]
    assert [name for name, text in told if text and str(DEFAULT_MARKUP) in text] == []
