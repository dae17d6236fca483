"""GraphQL value completion: convert stored values to response values; a value that is invalid in the schema becomes null.

A null in a non-null field propagates to the nearest nullable parent; `errors[]` has the path of its origin.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    get_argument_values,
)

from sandbox.supplier.documents import Operation, Selected
from sandbox.supplier.served_schema import stored_name
from sandbox.supplier.validation_messages import quoted

INTERNAL = "INTERNAL_SERVER_ERROR"
Path = tuple[str | int, ...]


class Refused(Exception):
    """The supplier refuses the request. `errors[]` contains the message and the code."""

    def __init__(self, message: str, code: str = INTERNAL) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class Node(Protocol):
    """An object with a resolver. All other objects are dicts of stored values."""

    def resolve(self, name: str, arguments: Mapping[str, Any], field: Selected, path: Path) -> Any:
        """Resolve the field with this stored name to its stored value.

        Raises:
            Refused: the field has no value; the message states the reason.
        """


class Completed:
    """A response value that needs no completion."""

    def __init__(self, value: Any) -> None:
        self.value = value


class LocatedError(Exception):
    """An error with its path, raised up to the nearest nullable parent."""

    def __init__(self, message: str, path: Path, code: str) -> None:
        super().__init__(message)
        self.entry = {"message": message, "path": list(path), "extensions": {"code": code}}


class Completion:
    """Value completion of one response. Collects `errors`."""

    def __init__(self, operation: Operation, variables: Any) -> None:
        self._operation = operation
        self._variables = variables
        self.errors: list[dict[str, Any]] = []

    def data(self, root: Node) -> dict[str, Any] | None:
        """The `data` of the response."""
        operation = self._operation
        fields = operation.select([operation.node.selection_set], self._variables)
        try:
            return self._object(operation.root, root, fields, ())
        except LocatedError as error:
            self.errors.append(error.entry)
            return None

    def selected(self, selected: Selected) -> list[Selected]:
        """Selected subfields of a field."""
        return self._operation.below(selected, self._variables)

    def _object(self, kind: GraphQLObjectType, value: Any, fields: Sequence[Selected], path: Path) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for field in fields:
            if field.name == "__typename":
                answers[field.key] = kind.name
            else:
                answers[field.key] = self._field(kind, value, field, (*path, field.key))
        return answers

    def _field(self, parent: GraphQLObjectType, value: Any, field: Selected, path: Path) -> Any:
        definition = parent.fields.get(field.name)
        if definition is None:  # __schema and __type
            return value.resolve(field.name, {}, field, path).value
        try:
            return self._complete(definition.type, self._stored(definition, value, field, path), field, parent, path)
        except LocatedError as error:
            if isinstance(definition.type, GraphQLNonNull):
                raise
            self.errors.append(error.entry)
            return None

    def _stored(self, definition: GraphQLField, value: Any, field: Selected, path: Path) -> Any:
        name = stored_name(definition, field.name)
        if isinstance(value, Mapping):
            return value.get(name)
        try:
            arguments = get_argument_values(definition, field.nodes[0], self._variables)
            return value.resolve(name, arguments, field, path)
        except Refused as error:
            raise LocatedError(error.message, path, error.code) from error
        except GraphQLError as error:
            raise LocatedError(error.message, path, "BAD_USER_INPUT") from error

    def _complete(
        self, kind: GraphQLOutputType, value: Any, field: Selected, parent: GraphQLObjectType, path: Path
    ) -> Any:
        if isinstance(value, Completed):
            return value.value
        if isinstance(kind, GraphQLNonNull):
            found = self._complete(kind.of_type, value, field, parent, path)
            if found is None:
                message = f"Cannot return null for non-nullable field {parent.name}.{field.name}."
                raise LocatedError(message, path, INTERNAL)
            return found
        if value is None:
            return None
        if isinstance(kind, GraphQLList):
            if not isinstance(value, list | tuple):
                raise LocatedError(
                    f"Expected Iterable, but did not find one for field {_name(parent, field)}.", path, INTERNAL
                )
            return [self._element(kind, part, field, parent, (*path, place)) for place, part in enumerate(value)]
        if isinstance(kind, GraphQLScalarType | GraphQLEnumType):
            return _leaf(kind, value, path)
        if isinstance(kind, GraphQLObjectType) and (isinstance(value, Mapping) or hasattr(value, "resolve")):
            return self._object(kind, value, self.selected(field), path)
        raise LocatedError(f"Expected an object for field {_name(parent, field)}.", path, INTERNAL)

    def _element(
        self,
        kind: GraphQLList[GraphQLOutputType],
        part: Any,
        field: Selected,
        parent: GraphQLObjectType,
        path: Path,
    ) -> Any:
        try:
            return self._complete(kind.of_type, part, field, parent, path)
        except LocatedError as error:
            if isinstance(kind.of_type, GraphQLNonNull):
                raise
            self.errors.append(error.entry)
            return None


class Unreadable(Exception):
    """A response with all fields cannot contain the stored value."""


def complete_whole(kind: GraphQLOutputType, value: Any) -> Any:
    """Complete a stored value with all fields that it stores.

    Raises:
        Unreadable: a null propagates beyond the value.
    """
    if isinstance(kind, GraphQLNonNull):
        found = complete_whole(kind.of_type, value)
        if found is None:
            raise Unreadable
        return found
    try:
        return None if value is None else _whole(kind, value)
    except Unreadable:
        return None


def _whole(kind: GraphQLOutputType, value: Any) -> Any:
    if isinstance(kind, GraphQLList) and isinstance(value, list):
        return [complete_whole(kind.of_type, part) for part in value]
    if isinstance(kind, GraphQLScalarType | GraphQLEnumType):
        try:
            return kind.coerce_output_value(value)
        except GraphQLError as error:
            raise Unreadable from error
    if not isinstance(kind, GraphQLObjectType) or not isinstance(value, Mapping):
        raise Unreadable
    # A field that is not stored is null, which is invalid for a non-null field.
    fields = {name: field for name, field in kind.fields.items() if name in value or _required(field)}
    return {name: complete_whole(field.type, value.get(name)) for name, field in fields.items()}


def _required(field: GraphQLField) -> bool:
    return isinstance(field.type, GraphQLNonNull)


def _leaf(kind: GraphQLScalarType | GraphQLEnumType, value: Any, path: Path) -> Any:
    try:
        return kind.coerce_output_value(value)
    except GraphQLError as error:
        # In the wording of graphql-js.
        raise LocatedError(quoted(error.message), path, INTERNAL) from error


def _name(parent: GraphQLObjectType, field: Selected) -> str:
    return f'"{parent.name}.{field.name}"'
