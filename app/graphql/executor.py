"""How operations are executed: by graphql-core, with a shortcut through objects of which only plain fields are asked.

A field is plain if its value takes the object and nothing else: no argument, nothing to wait for, of the request at most a
scope. A page of diamonds has a thousand of them, and the library's way through each costs more than all the rest of an
answer (docs/performance.md). So such an object is made by functions that are put together once for its selection. What is
asked of it is collected by the library: fragments, aliases and conditions are its business. And so is all that is out of
the ordinary: where a value raises, or is null and must not be, the whole object is left to the library, which meets the
same again and reports it in the usual way.
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
    """How a plain field is read from its object, and the scope that it takes."""

    read: Make
    scope: Scope | None


class _NotPlain(Exception):
    """A value that the library has to judge."""


class PlainFieldExecutor(StrawberryGraphQLCoreExecutionContext):
    """One operation being executed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """As the library calls it."""
        super().__init__(*arguments, **options)
        # By the type and the identity of what is asked, as the library does it; that lives as long as this does.
        self._shortcuts: dict[tuple[GraphQLObjectType, int], Make | None] = {}

    @classmethod
    def build(cls, *arguments: Any, **options: Any) -> Any:
        """Say of a variable that it is wrong, and not what it might have been: that is for documents, in development."""
        return super().build(*arguments, **{**options, "hide_suggestions": True})

    def collect_and_execute_subfields(
        self, return_type: GraphQLObjectType, field_details_list: Any, path: Path, result: Any, position_context: Any
    ) -> Any:
        """Make an object of an answer: by the shortcut, or by the library."""
        make = self._shortcut(return_type, field_details_list)
        if make is not None:
            with suppress(Exception):  # the library will meet it
                return make(result)
        return super().collect_and_execute_subfields(return_type, field_details_list, path, result, position_context)

    def _shortcut(self, kind: GraphQLObjectType, asked: Any) -> Make | None:
        """What makes an object of what was asked; None where something of it is not plain."""
        key = (kind, id(asked))
        if key not in self._shortcuts:
            self._shortcuts[key] = self._object(kind, asked)
        return self._shortcuts[key]

    def _object(self, kind: GraphQLObjectType, asked: Any) -> Make | None:
        if self.middleware_manager and self.middleware_manager.middlewares:
            return None  # who would not be asked
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
        """What an answer has of a value; raises where the library would have to decide."""
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
