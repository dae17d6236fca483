"""View of the supplier's schema: the published or introspected types, without members known to be missing.

A view is immutable: the removal of a missing member creates another view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from inventory.core.lean_imports import lazy_module
from inventory.suppliers.nivoda.absences import (
    Absence,
    MissingArgument,
    MissingEnumValue,
    MissingField,
    MissingInput,
    RequiredInput,
    UnknownType,
    UnusableField,
    VariableType,
)

if TYPE_CHECKING:
    import graphql
else:
    graphql = lazy_module("graphql")

Value = TypeVar("Value")


class Input(msgspec.Struct, frozen=True):
    """An argument, or a field of an input type. `type`: in SDL."""

    type: str
    required: bool = False


class Output(msgspec.Struct, frozen=True):
    """A field of an object type. `type`: in SDL."""

    type: str
    arguments: Mapping[str, Input] = {}


class SchemaView(msgspec.Struct, frozen=True, kw_only=True):
    """Types by name. `objects`: composite types with their fields; a union has none.

    `unknown_types`: type names that the supplier does not know, which variables cannot be declared with.
    `variable_types`: types that the supplier expects, by the name of the variable.
    """

    query: str
    mutation: str | None
    objects: Mapping[str, Mapping[str, Output]]
    inputs: Mapping[str, Mapping[str, Input]]
    enums: Mapping[str, frozenset[str]]
    unknown_types: frozenset[str] = frozenset()
    variable_types: Mapping[str, str] = {}

    def root(self, operation: str) -> str | None:
        """Return the root type of `query` or `mutation`."""
        return self.query if operation == "query" else self.mutation

    def field(self, type_name: str | None, name: str) -> Output | None:
        """Return a field of an object type."""
        return self.objects.get(type_name or "", {}).get(name)

    def input_fields(self, *path: str, argument: str) -> frozenset[str]:
        """Return the input fields of an argument of the field at a path below the query's root."""
        type_name: str | None = self.query
        found: Output | None = None
        for name in path:
            found = self.field(type_name, name)
            type_name = named(found.type) if found else None
        taken = found.arguments.get(argument) if found else None
        return frozenset(self.inputs.get(named(taken.type), {})) if taken else frozenset()

    def without(self, absence: Absence) -> SchemaView:
        """Return the view without a missing member; the same view if it does not contain the member."""
        changed = self
        match absence:
            case MissingField(type_name, name):
                changed = self._without_field(type_name, name, lambda _: True)
            case UnusableField(name, composite):
                changed = self._without_field(
                    None, name, lambda field: (named(field.type) in self.objects) is composite
                )
            case MissingArgument(name, argument):
                changed = self._without_argument(name, argument)
            case MissingInput(type_name, name):
                changed = self._with(inputs=_less(self.inputs, type_name, name))
            case RequiredInput(type_name, name, expected):
                changed = self._requiring(type_name, name, expected)
            case MissingEnumValue(type_name, value):
                changed = self._without_value(type_name, value)
            case UnknownType(name):
                changed = self._with(unknown_types=self.unknown_types | {name})
            case VariableType(name, expected):
                changed = self._with(variable_types={**self.variable_types, name: expected})
        return self if changed == self else changed

    def _with(self, **changes: Any) -> SchemaView:
        return msgspec.structs.replace(self, **changes)

    def _without_field(self, type_name: str | None, name: str, fits: Callable[[Output], bool]) -> SchemaView:
        # An unknown type was renamed: it may be any type except a root, whose name is in the message.
        roots = {self.query, self.mutation}
        others = [owner for owner in self.objects if owner not in roots]
        owners = [type_name] if type_name is not None and type_name in self.objects else others
        hit = {owner for owner in owners if name in self.objects[owner] and fits(self.objects[owner][name])}
        if not hit:
            return self
        objects = {
            owner: {key: field for key, field in fields.items() if owner not in hit or key != name}
            for owner, fields in self.objects.items()
        }
        return self._with(objects=objects)

    def _without_argument(self, name: str, argument: str) -> SchemaView:
        objects = {
            owner: {key: _less_argument(field, argument) if key == name else field for key, field in fields.items()}
            for owner, fields in self.objects.items()
        }
        return self._with(objects=objects)

    def _requiring(self, type_name: str, name: str, expected: str) -> SchemaView:
        fields = self.inputs.get(type_name)
        if fields is None or (name in fields and fields[name].required):
            return self
        return self._with(inputs={**self.inputs, type_name: {**fields, name: Input(expected, required=True)}})

    def _without_value(self, type_name: str, value: str) -> SchemaView:
        owners = [type_name] if type_name in self.enums else list(self.enums)
        enums = {owner: values - {value} if owner in owners else values for owner, values in self.enums.items()}
        return self._with(enums=enums)


def named(type_text: str) -> str:
    """Return the name in a type: `FloatRange` for `[FloatRange!]!`."""
    return type_text.strip("[]!")


def view_of(schema: graphql.GraphQLSchema) -> SchemaView:
    """Create the view of a complete schema."""
    objects: dict[str, Mapping[str, Output]] = {}
    inputs: dict[str, Mapping[str, Input]] = {}
    enums: dict[str, frozenset[str]] = {}
    for name, kind in schema.type_map.items():
        match kind:
            case graphql.GraphQLObjectType() | graphql.GraphQLInterfaceType():
                objects[name] = {key: _output(field) for key, field in kind.fields.items()}
            case graphql.GraphQLUnionType():
                objects[name] = {}
            case graphql.GraphQLInputObjectType():
                inputs[name] = {
                    key: Input(str(field.type), graphql.is_required_input_field(field))
                    for key, field in kind.fields.items()
                }
            case graphql.GraphQLEnumType():
                enums[name] = frozenset(kind.values)
    query, mutation = schema.query_type, schema.mutation_type
    return SchemaView(
        query=query.name if query else "Query",
        mutation=mutation.name if mutation else None,
        objects=objects,
        inputs=inputs,
        enums=enums,
    )


@cache
def assumed_view() -> SchemaView:
    """Create the default view: the published types, members observed in use, and alternatives."""
    facts = files("inventory.suppliers.nivoda") / "schema"
    names = ("published-2024.graphql", "additions-2026.graphql", "alternatives.graphql")
    return view_of(graphql.build_schema("\n".join((facts / name).read_text("utf-8") for name in names)))


def _output(field: Any) -> Output:
    arguments = {key: Input(str(value.type), graphql.is_required_argument(value)) for key, value in field.args.items()}
    return Output(str(field.type), arguments)


def _less(types: Mapping[str, Mapping[str, Value]], type_name: str, name: str) -> Mapping[str, Mapping[str, Value]]:
    owners: Iterable[str] = [type_name] if type_name in types else types
    hit = {owner for owner in owners if name in types[owner]}
    if not hit:
        return types
    return {
        owner: {key: member for key, member in members.items() if owner not in hit or key != name}
        for owner, members in types.items()
    }


def _less_argument(field: Output, argument: str) -> Output:
    if argument not in field.arguments:
        return field
    return Output(field.type, {key: value for key, value in field.arguments.items() if key != argument})
