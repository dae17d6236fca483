"""Reference of the GraphQL schema."""

from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    is_specified_scalar_type,
)

from app.graphql.schema import schema
from app.graphql.scopes import scopes_of_fields
from app.reference.table import NOTE, code, page, table

_ROOTS = ("Query", "Mutation", "Subscription")


def graphql_page() -> str:
    """Every operation and every type."""
    graphql = schema._schema  # noqa: SLF001 - has no public name
    kinds = sorted(
        (kind for name, kind in graphql.type_map.items() if not name.startswith("__") and name not in _ROOTS),
        key=lambda kind: kind.name,
    )
    lines = [f"`schema.graphql` is the same for machines. {NOTE} [GraphQL by example](graphql.md) shows how to use it."]
    for root in _ROOTS:
        lines += ["", f"## {root}", "", *_operations(graphql, root)]
    lines += ["", "## Objects"]
    for kind in kinds:
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            lines += _heading(kind), "", *fields_table(kind)
    lines += ["", "## Inputs"]
    for kind in kinds:
        if isinstance(kind, GraphQLInputObjectType):
            lines += _heading(kind), "", *fields_table(kind)
    lines += ["", "## Enums"]
    for kind in kinds:
        if isinstance(kind, GraphQLEnumType):
            values = ((code(name), value.description or "") for name, value in kind.values.items())
            lines += _heading(kind), "", *table(("value", "meaning"), values)
    lines += ["", "## Unions and scalars", ""]
    lines += table(("name", "meaning"), _others(kinds))
    return page("GraphQL schema", *lines)


def fields_table(kind: GraphQLNamedType) -> list[str]:
    """The fields of an object or an input."""
    fields: dict[str, Any] = kind.fields  # type: ignore[attr-defined]
    return table(
        ("field", "type", "meaning"),
        ((code(_call(name, field)), code(str(field.type)), _meaning(field)) for name, field in fields.items()),
    )


def _operations(graphql: GraphQLSchema, root: str) -> list[str]:
    scopes = scopes_of_fields(graphql)
    fields: dict[str, Any] = graphql.type_map[root].fields  # type: ignore[attr-defined]
    return table(
        ("field", "arguments", "type", "scope", "meaning"),
        (
            (
                code(name),
                ", ".join(code(f"{argument}: {given.type}") for argument, given in field.args.items()),
                code(str(field.type)),
                code(scopes.get(f"{root}.{name}") or ""),
                _meaning(field),
            )
            for name, field in fields.items()
        ),
    )


def _heading(kind: GraphQLNamedType) -> str:
    return f"\n### {kind.name}\n\n{' '.join((kind.description or '').split())}".rstrip()


def _call(name: str, field: Any) -> str:
    arguments = ", ".join(f"{argument}: {given.type}" for argument, given in getattr(field, "args", {}).items())
    return f"{name}({arguments})" if arguments else name


def _meaning(field: Any) -> str:
    meaning = field.description or ""
    return f"{meaning} Deprecated: {field.deprecation_reason}" if field.deprecation_reason else meaning


def _others(kinds: list[GraphQLNamedType]) -> Iterator[tuple[str, str]]:
    for kind in kinds:
        if isinstance(kind, GraphQLUnionType):
            yield code(kind.name), f"{kind.description or ''} One of {', '.join(code(of.name) for of in kind.types)}."
        elif isinstance(kind, GraphQLScalarType) and not is_specified_scalar_type(kind):
            yield code(kind.name), kind.description or ""
