"""Value completion of GraphQL: stored values become response values, and what the schema can't carry becomes null.

A null in place of a non-null field propagates to the nearest nullable parent; `errors[]` says where it came from.
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
    """A request that the supplier refuses; the message and the code go into `errors[]`."""

    def __init__(self, message: str, code: str = INTERNAL) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class Node(Protocol):
    """An object whose fields are resolved one by one; every other object is a dict of stored values."""

    def resolve(self, name: str, arguments: Mapping[str, Any], field: Selected, path: Path) -> Any:
        """The stored value of the field with this stored name.

        Raises:
            Refused: the field has no value; the message says why.
        """


class Ready:
    """A response value that needs no completion."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Located(Exception):
    """An error at its place, on its way to the nearest nullable parent."""

    def __init__(self, message: str, path: Path, code: str) -> None:
        super().__init__(message)
        self.entry = {"message": message, "path": list(path), "extensions": {"code": code}}


class Completion:
    """Completes the values of one response; collects `errors`."""

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
        except Located as error:
            self.errors.append(error.entry)
            return None

    def selected(self, selected: Selected) -> list[Selected]:
        """The fields that are selected below a field."""
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
        except Located as error:
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
            raise Located(error.message, path, error.code) from error
        except GraphQLError as error:
            raise Located(error.message, path, "BAD_USER_INPUT") from error

    def _complete(
        self, kind: GraphQLOutputType, value: Any, field: Selected, parent: GraphQLObjectType, path: Path
    ) -> Any:
        if isinstance(value, Ready):
            return value.value
        if isinstance(kind, GraphQLNonNull):
            found = self._complete(kind.of_type, value, field, parent, path)
            if found is None:
                message = f"Cannot return null for non-nullable field {parent.name}.{field.name}."
                raise Located(message, path, INTERNAL)
            return found
        if value is None:
            return None
        if isinstance(kind, GraphQLList):
            if not isinstance(value, list | tuple):
                raise Located(
                    f"Expected Iterable, but did not find one for field {_name(parent, field)}.", path, INTERNAL
                )
            return [self._element(kind, part, field, parent, (*path, place)) for place, part in enumerate(value)]
        if isinstance(kind, GraphQLScalarType | GraphQLEnumType):
            return _leaf(kind, value, path)
        if isinstance(kind, GraphQLObjectType) and (isinstance(value, Mapping) or hasattr(value, "resolve")):
            return self._object(kind, value, self.selected(field), path)
        raise Located(f"Expected an object for field {_name(parent, field)}.", path, INTERNAL)

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
        except Located as error:
            if isinstance(kind.of_type, GraphQLNonNull):
                raise
            self.errors.append(error.entry)
            return None


class Unreadable(Exception):
    """A stored value that no response with all its fields can carry."""


def complete_whole(kind: GraphQLOutputType, value: Any) -> Any:
    """The response value of a stored value with every field that it stores.

    Raises:
        Unreadable: a null would propagate beyond the value.
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
    # A field that the value does not store is null, which a non-null field can't be.
    fields = {name: field for name, field in kind.fields.items() if name in value or _required(field)}
    return {name: complete_whole(field.type, value.get(name)) for name, field in fields.items()}


def _required(field: GraphQLField) -> bool:
    return isinstance(field.type, GraphQLNonNull)


def _leaf(kind: GraphQLScalarType | GraphQLEnumType, value: Any, path: Path) -> Any:
    try:
        return kind.coerce_output_value(value)
    except GraphQLError as error:
        # In the wording of graphql-js.
        raise Located(quoted(error.message), path, INTERNAL) from error


def _name(parent: GraphQLObjectType, field: Selected) -> str:
    return f'"{parent.name}.{field.name}"'
