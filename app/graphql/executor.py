"""Executor: graphql-core with compiled selections for objects whose selected fields are plain.

A field is plain if its value depends only on the object: no arguments, not asynchronous, at most a scope. A page of diamonds
has a thousand of them, and graphql-core spends more time on them than on the rest of a response (docs/explanation/performance.md). A
selection of plain fields is compiled once to functions. graphql-core collects the fields, so it resolves fragments, aliases
and conditions. If a value raises, or is null in a non-null field, graphql-core executes the whole object again and reports
the error as usual.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    Undefined,
)
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import CustomGraphQLEnumType, GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from app.auth.scopes import Scope
from app.graphql.permissions import RequireScope

Make = Callable[[Any], Any]


class PlainField(NamedTuple):
    """A plain field: how to read it from its object, and its scope."""

    read: Make
    scope: Scope | None


class _NotPlain(Exception):
    """A value that only graphql-core can handle."""


class PlainFieldExecutor(StrawberryGraphQLCoreExecutionContext):
    """Execution context of one operation."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Arguments: see graphql-core."""
        super().__init__(*arguments, **options)
        # By type and identity of the selection, as graphql-core does; both live as long as this object.
        self._shortcuts: dict[tuple[GraphQLObjectType, int], Make | None] = {}

    @classmethod
    def build(cls, *arguments: Any, **options: Any) -> Any:
        """Omit suggestions in errors of variables; development shows them for documents only."""
        return super().build(*arguments, **{**options, "hide_suggestions": True})

    def collect_and_execute_subfields(
        self, return_type: GraphQLObjectType, field_details_list: Any, path: Path, result: Any, position_context: Any
    ) -> Any:
        """Complete an object by its compiled selection, or by graphql-core."""
        make = self._shortcut(return_type, field_details_list)
        if make is not None:
            with suppress(Exception):  # graphql-core meets it again
                return make(result)
        return super().collect_and_execute_subfields(return_type, field_details_list, path, result, position_context)

    def _shortcut(self, kind: GraphQLObjectType, asked: Any) -> Make | None:
        """Return the compiled selection; None if a field is not plain."""
        key = (kind, id(asked))
        if key not in self._shortcuts:
            self._shortcuts[key] = self._object(kind, asked)
        return self._shortcuts[key]

    def _object(self, kind: GraphQLObjectType, asked: Any) -> Make | None:
        if self.middleware_manager and self.middleware_manager.middlewares:
            return None  # compiled selections bypass middleware
        fields, deferred, _ = self.collect_subfields(kind, asked)
        makes: list[tuple[str, Make]] = []
        for name, below in fields.items():
            make = self._field(kind, below)
            if make is None or deferred:
                return None
            makes.append((name, make))
        return lambda value: {name: make(value) for name, make in makes}

    def _field(self, kind: GraphQLObjectType, asked: Any) -> Make | None:
        name = asked[0].node.name.value
        if name == "__typename":
            return lambda _value: kind.name
        plain = _plain(kind, name)
        if plain is None or not self._may(plain.scope):
            return None
        read, complete = plain.read, self._complete(kind.fields[name].type, asked)
        return None if complete is None else lambda value: complete(read(value))

    def _may(self, scope: Scope | None) -> bool:
        if scope is None:
            return True
        principal = self.context_value.principal
        return principal is not None and bool(principal.may(scope))

    def _complete(self, kind: GraphQLOutputType, asked: Any) -> Make | None:
        """Compile the completion of a value; it raises where graphql-core has to decide."""
        required = isinstance(kind, GraphQLNonNull)
        inner = self._present(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, asked)
        if inner is None:
            return None

        def nullable(value: Any) -> Any:
            return None if value is None else inner(value)

        def never_null(value: Any) -> Any:
            if value is None:
                raise _NotPlain
            return inner(value)

        return never_null if required else nullable

    def _present(self, kind: GraphQLOutputType, asked: Any) -> Make | None:
        if isinstance(kind, GraphQLScalarType | GraphQLEnumType):
            return _leaf(kind)
        if isinstance(kind, GraphQLList):
            return _list(self._complete(kind.of_type, asked))
        if isinstance(kind, GraphQLObjectType):
            return _checked(kind, self._shortcut(kind, asked))
        return None


@cache
def _plain(kind: GraphQLObjectType, name: str) -> PlainField | None:
    field = kind.fields.get(name)
    declared = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF) if field else None
    if field is None or field.args or not isinstance(declared, StrawberryField):
        return None
    scopes = [extension.scope for extension in declared.extensions if isinstance(extension, RequireScope)]
    if len(scopes) < len(declared.extensions) or len(scopes) > 1:
        return None
    scope = scopes[0] if scopes else None
    resolver = declared.base_resolver
    if resolver is None:
        return PlainField(attrgetter(declared.python_name), scope)
    if resolver.is_async or not callable(resolver.wrapped_func) or list(resolver.signature.parameters) != ["self"]:
        return None
    return PlainField(resolver.wrapped_func, scope)


@cache
def _leaf(kind: GraphQLScalarType | GraphQLEnumType) -> Make:
    coerce = kind.coerce_output_value
    if isinstance(kind, CustomGraphQLEnumType):  # which looks through all its values for each one
        members: Iterable[Enum] = kind.wrapped_cls
        return {member: coerce(member) for member in members}.__getitem__

    def make(value: Any) -> Any:
        made = coerce(value)
        if made is None or made is Undefined:
            raise _NotPlain
        return made

    return make


def _list(item: Make | None) -> Make | None:
    if item is None:
        return None

    def make(values: Any) -> list[Any]:
        if type(values) is not list:
            raise _NotPlain
        return [item(value) for value in values]

    return make


def _checked(kind: GraphQLObjectType, make: Make | None) -> Make | None:
    """With the question whether the value is of this type at all."""
    is_type_of: Any = kind.is_type_of
    if make is None or is_type_of is None:
        return make

    def checked(value: Any) -> Any:
        if is_type_of(value, None) is not True:
            raise _NotPlain
        return make(value)

    return checked
