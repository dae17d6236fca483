"""Executor: graphql-core with compiled selections for objects whose selected fields are plain.

A field is plain if its value depends only on the object: no given arguments, not asynchronous, at most a scope. A page of diamonds
has a thousand of them, and graphql-core spends more time on them than on the rest of a response (docs/explanation/performance.md). A
selection of plain fields is compiled once to functions. graphql-core collects the fields, so it resolves fragments, aliases
and conditions. If a value raises, or is null in a non-null field, graphql-core executes the whole object again and reports
the error as usual.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any, NoReturn

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    get_named_type,
)
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from app.auth.scopes import Scope
from app.graphql.permissions import RequireScope
from app.graphql.selection_cache import SelectionCache
from app.graphql.selection_compiler import READ, Compiler, Make, NotPlain, PlainField, Read, SelectedField


class PlainFieldExecutor(StrawberryGraphQLCoreExecutionContext):
    """Execution context of one operation."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Arguments: see graphql-core."""
        super().__init__(*arguments, **options)
        # By type and identity of the selection, as graphql-core does; both live as long as this object.
        self._selections: dict[tuple[GraphQLObjectType, int], Make | None] = {}
        self._cache: SelectionCache = getattr(self.context_value, "selections", None) or SelectionCache()

    @classmethod
    def build(cls, *arguments: Any, **options: Any) -> Any:
        """Omit suggestions in errors of variables; development shows them for documents only."""
        return super().build(*arguments, **{**options, "hide_suggestions": True})

    def collect_and_execute_subfields(
        self, return_type: GraphQLObjectType, field_details_list: Any, path: Path, result: Any, position_context: Any
    ) -> Any:
        """Complete an object by its compiled selection, or by graphql-core."""
        make = self._selection(return_type, field_details_list)
        if make is not None:
            with suppress(Exception):  # graphql-core meets it again
                return make(result)
        return super().collect_and_execute_subfields(return_type, field_details_list, path, result, position_context)

    def complete_list_value(
        self,
        return_type: GraphQLList[GraphQLOutputType],
        field_details_list: Any,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete a list of objects by their compiled selection, or by graphql-core."""
        item = return_type.of_type
        kind = item.of_type if isinstance(item, GraphQLNonNull) else item
        if type(result) is list and isinstance(kind, GraphQLObjectType):
            make = self._selection(kind, field_details_list)
            if make is not None:
                with suppress(Exception):  # graphql-core meets it again
                    return [make(one) if _is_object(one) else _not_plain() for one in result]
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

    def _selection(self, kind: GraphQLObjectType, selected: Any) -> Make | None:
        """Return the compiled selection of an object; None if a field is not plain."""
        key = (kind, id(selected))
        if key not in self._selections:
            self._selections[key] = self._cached(kind, selected)
        return self._selections[key]

    def _cached(self, kind: GraphQLObjectType, selected: Any) -> Make | None:
        if self.middleware_manager and self.middleware_manager.middlewares:
            return None  # compiled selections bypass middleware
        if any(details.fragment_variable_values for details in selected):
            return self._compile(kind, selected)
        principal = getattr(self.context_value, "principal", None)
        conditions = self._cache.condition_variables(self.operation, self.fragments)
        values = self.variable_values.coerced
        key = (kind.name, principal and principal.scopes, tuple(values.get(name) for name in conditions))
        nodes = tuple(details.node for details in selected)
        return self._cache.get(key, nodes, lambda: self._compile(kind, selected))

    def _compile(self, kind: GraphQLObjectType, selected: Any) -> Make | None:
        fields, deferred, _ = self.collect_subfields(kind, selected)
        if deferred:
            return None
        compiled: dict[str, SelectedField] = {}
        for key, below in fields.items():
            field = self._field(kind, below)
            if field is None:
                return None
            compiled[key] = field
        return Compiler(kind).compile(compiled)

    def _field(self, kind: GraphQLObjectType, selected: Any) -> SelectedField | None:
        name = selected[0].node.name.value
        if name == "__typename":
            return SelectedField(None, None)
        plain = _plain(kind, name)
        if any(details.node.arguments for details in selected):
            return None
        if plain is None or not self._may(plain.scope):
            return None
        output: GraphQLOutputType = kind.fields[name].type
        inner = get_named_type(output)
        if isinstance(inner, GraphQLScalarType | GraphQLEnumType):
            return SelectedField(plain.read, output)
        return self._object(inner, selected, plain.read, output) if isinstance(inner, GraphQLObjectType) else None

    def _object(
        self, kind: GraphQLObjectType, selected: Any, read: Read, output: GraphQLOutputType
    ) -> SelectedField | None:
        inline = self._inlined(kind, selected, read)
        if inline is not None:
            return SelectedField(read, output, inline=inline)
        below = self._selection(kind, selected)
        return None if below is None else SelectedField(read, output, below)

    def _inlined(self, kind: GraphQLObjectType, selected: Any, read: Read) -> Mapping[str, SelectedField] | None:
        """Return the fields of an object, read where its columns are; None if one of them needs the object."""
        if read.inline is None:
            return None
        fields, deferred, _ = self.collect_subfields(kind, selected)
        inlined: dict[str, SelectedField] = {}
        for key, below in fields.items():
            field = self._field(kind, below)
            if field is None or deferred:
                return None
            if field.read is not None:
                column = read.inline.get(field.read.column or "")
                if column is None or field.read.owner or field.below:
                    return None
                field = SelectedField(Read(read.owner, column=column, leaf=field.read.leaf), field.type)
            inlined[key] = field
        return inlined

    def _may(self, scope: Scope | None) -> bool:
        if scope is None:
            return True
        principal = self.context_value.principal
        return principal is not None and bool(principal.may(scope))


def _is_object(value: Any) -> bool:
    return value is not None and not isinstance(value, Exception)


def _not_plain() -> NoReturn:
    raise NotPlain


@cache
def _plain(kind: GraphQLObjectType, name: str) -> PlainField | None:
    field = kind.fields.get(name)
    declared = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF) if field else None
    if field is None or not isinstance(declared, StrawberryField) or (field.args and READ not in declared.metadata):
        return None
    scopes = [extension.scope for extension in declared.extensions if isinstance(extension, RequireScope)]
    if len(scopes) < len(declared.extensions) or len(scopes) > 1:
        return None
    scope = scopes[0] if scopes else None
    if READ in declared.metadata:
        return PlainField(declared.metadata[READ], scope)
    resolver = declared.base_resolver
    if resolver is None:
        return PlainField(Read("", column=declared.python_name), scope)
    if resolver.is_async or not callable(resolver.wrapped_func) or list(resolver.signature.parameters) != ["self"]:
        return None
    return PlainField(Read("", function=resolver.wrapped_func), scope)
