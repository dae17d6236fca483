"""Scopes of the schema, read from the schema itself, for documentation and tests."""

from collections.abc import Iterator, Mapping

from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLObjectType, GraphQLSchema
from strawberry.types.field import StrawberryField

from app.auth.scopes import Scope
from app.graphql.permissions import RequireScope


def scopes_of_fields(schema: GraphQLSchema) -> Mapping[str, Scope | None]:
    """Return the scope of each field, by `Type.field`."""
    return dict(_fields(schema))


def scopes_of_inputs(schema: GraphQLSchema) -> Mapping[str, Scope | None]:
    """Return the scope that the description of each input field and enum value states."""
    return {name: _told(description) for name, description in _inputs(schema)}


def _told(description: str | None) -> Scope | None:
    return next((scope for scope in Scope if f"Needs the scope `{scope}`" in (description or "")), None)


def _inputs(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{name}.{field}", definition.description) for field, definition in kind.fields.items())
        elif isinstance(kind, GraphQLEnumType) and not name.startswith("__"):
            yield from ((f"{name}.{value}", definition.description) for value, definition in kind.values.items())


def _fields(schema: GraphQLSchema) -> Iterator[tuple[str, Scope | None]]:
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__"):
            for field, definition in kind.fields.items():
                declared = definition.extensions.get("strawberry-definition")
                guards = declared.extensions if isinstance(declared, StrawberryField) else ()
                yield (
                    f"{name}.{field}",
                    next((guard.scope for guard in guards if isinstance(guard, RequireScope)), None),
                )
