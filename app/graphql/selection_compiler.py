"""Compiled selections: one Python function per object selection, generated from the selected fields.

A page of diamonds has a thousand fields, and a call per field costs more than the rest of a response
(docs/explanation/performance.md). A generated function reads all fields of an object in one dict display, and checks the
type of each value inline. It raises `NotPlain` for every value that only graphql-core can handle.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, TypeVar

import msgspec
from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLString,
    Undefined,
    get_named_type,
)
from strawberry.schema.schema_converter import CustomGraphQLEnumType, GraphQLCoreConverter

from app.auth.scopes import Scope

Make = Callable[[Any], Any]
F = TypeVar("F", bound=Make)

# Key of a field's `Read` in its Strawberry metadata.
READ = "read"
# Conditions on a value `{x}` that needs no conversion, by scalar. `__class__` excludes subclasses: True is not an Int.
_PLAIN_LEAVES: Mapping[GraphQLScalarType, str] = {
    GraphQLString: "{x}.__class__ is str",
    GraphQLID: "{x}.__class__ is str",
    GraphQLBoolean: "{x}.__class__ is bool",
    GraphQLInt: "({x}.__class__ is int and -2147483648 <= {x} <= 2147483647)",
    GraphQLFloat: "({x}.__class__ is float and -inf < {x} < inf)",
}
# Conversions that return a response value for every value but None, or raise.
_total_conversions: set[Make] = {int, str}


class NotPlain(Exception):
    """A value that only graphql-core can handle."""


def total(conversion: F) -> F:
    """Mark the conversion of a scalar that returns a response value for every value but None, or raises."""
    _total_conversions.add(conversion)
    return conversion


class Read(msgspec.Struct, frozen=True):
    """How to read a field from its object: an attribute `owner`, then a column of it or a function of it.

    `leaf`: converts a value that is not None to its response value, in place of the type's own conversion.
    `inline`: where the function makes an object of columns as they are, the column of each attribute of that object. The object
    is None if all columns in `absent` are.
    """

    owner: str
    column: str | None = None
    function: Make | None = None
    leaf: Make | None = None
    inline: Mapping[str, str] | None = None
    absent: Sequence[str] = ()


class PlainField(NamedTuple):
    """A plain field: how to read it, and its scope."""

    read: Read
    scope: Scope | None


class SelectedField(NamedTuple):
    """A selected field of an object. `below`: compiled selection of its object type; None for leaves.

    `inline`: instead of `below`, the selected fields of that object, read from the owner of this field.
    """

    read: Read | None
    type: GraphQLOutputType | None
    below: Make | None = None
    inline: "Mapping[str, SelectedField] | None" = None


class Compiler:
    """Generates the function of one object selection."""

    def __init__(self, kind: GraphQLObjectType) -> None:
        self._kind = kind
        self._namespace: dict[str, Any] = {"NotPlain": NotPlain, "inf": float("inf"), "as_list": _as_list}
        self._owners: dict[str, str] = {}
        self._numbers = 0

    def compile(self, fields: Mapping[str, SelectedField]) -> Make:
        """Compile a selection. `fields`: by response key; a field without `read` is `__typename`."""
        members = self._members(fields, self._kind)
        lines = ["def make(value):", *self._type_check()]
        lines += [f"    {local} = value.{owner}" for owner, local in self._owners.items() if owner]
        lines.append(f"    return {members}")
        # The source consists of generated names, of attributes that the schema declares, and of response keys, whose
        # grammar is that of GraphQL names.
        code = compile("\n".join(lines), "<selection>", "exec")
        exec(code, self._namespace)  # noqa: S102  # nosec B102
        made: Make = self._namespace["make"]
        return made

    def _type_check(self) -> list[str]:
        is_type_of = self._kind.is_type_of
        if is_type_of is None:
            return []
        definition = self._kind.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        origin = self._name(getattr(definition, "origin", None))
        checked = self._name(is_type_of)
        return [
            f"    if value.__class__ is not {origin} and {checked}(value, None) is not True:",
            "        raise NotPlain",
        ]

    def _members(self, fields: Mapping[str, SelectedField], kind: GraphQLNamedType) -> str:
        """Return the dict display of an object."""
        return f"{{{', '.join(f'{key!r}: {self._field(field, kind)}' for key, field in fields.items())}}}"

    def _field(self, field: SelectedField, kind: GraphQLNamedType) -> str:
        if field.read is None or field.type is None:
            return repr(kind.name)
        if field.inline is not None:
            made = self._members(field.inline, get_named_type(field.type))
            owner = self._owner(field.read)
            missing = " and ".join(f"{owner}.{column} is None" for column in field.read.absent)
            return f"(None if {missing} else {made})" if missing else made
        return self._completed(self._value(field.read), field.type, field.below or field.read.leaf)

    def _value(self, read: Read) -> str:
        owner = self._owner(read)
        if read.column is not None:
            return f"{owner}.{read.column}"
        return f"{self._name(read.function)}({owner})"

    def _owner(self, read: Read) -> str:
        return self._owners.setdefault(read.owner, f"owner{len(self._owners)}" if read.owner else "value")

    def _completed(self, value: str, kind: GraphQLOutputType, below: Make | None) -> str:
        """Return the expression that completes a value."""
        if isinstance(kind, GraphQLNonNull):
            return self._present(value, kind.of_type, below)
        local = self._local()
        return f"(None if ({local} := {value}) is None else {self._present(local, kind, below)})"

    def _present(self, value: str, kind: GraphQLOutputType, below: Make | None) -> str:
        if isinstance(kind, GraphQLList):
            item = self._local()
            return f"[{self._completed(item, kind.of_type, below)} for {item} in as_list({value})]"
        if below is not None:
            return f"{self._name(below)}({value})"
        assert isinstance(kind, GraphQLScalarType | GraphQLEnumType)  # noqa: S101 - callers compile nothing else
        convert = self._name(_conversion(kind))
        condition = _PLAIN_LEAVES.get(kind) if isinstance(kind, GraphQLScalarType) else None
        if condition is None and kind.coerce_output_value in _total_conversions:
            local = self._local()
            direct = self._name(kind.coerce_output_value)
            return f"({direct}({local}) if ({local} := {value}) is not None else {convert}(None))"
        if condition is None:
            return f"{convert}({value})"
        local = value if value.isidentifier() else self._local()
        assigned = condition if local == value else condition.replace("{x}", f"({local} := {value})", 1)
        return f"({local} if {assigned.format(x=local)} else {convert}({local}))"

    def _local(self) -> str:
        self._numbers += 1
        return f"x{self._numbers}"

    def _name(self, thing: object) -> str:
        self._numbers += 1
        name = f"n{self._numbers}"
        self._namespace[name] = thing
        return name


def _as_list(values: Any) -> list[Any]:
    if type(values) is not list:
        raise NotPlain
    return values


def _conversion(kind: GraphQLScalarType | GraphQLEnumType) -> Make:
    coerce = kind.coerce_output_value
    if isinstance(kind, CustomGraphQLEnumType):  # it searches all its values for each one
        members: Iterable[Enum] = kind.wrapped_cls
        return {member: coerce(member) for member in members}.__getitem__

    def convert(value: Any) -> Any:
        converted = None if value is None else coerce(value)
        if converted is None or converted is Undefined:
            raise NotPlain
        return converted

    return convert
