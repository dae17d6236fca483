"""One request on its way: its operation, its account's token, the faults that struck it."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLObjectType, get_argument_values

from sandbox.supplier.completion import Completion
from sandbox.supplier.documents import Operation, Selected
from sandbox.supplier.faults import NOTHING, Struck
from sandbox.supplier.served_schema import stored_name

_AS = "as"


class Call:
    def __init__(self, operation: Operation, given: Mapping[str, Any], bearer: str | None) -> None:
        """Coerce the given variables.

        Raises:
            Invalid: a variable is missing or of another type.
        """
        self.operation = operation
        self.given = dict(given)
        self.variables = operation.variables(self.given)
        self.bearer = bearer
        self.struck: Struck = NOTHING
        self.unauthorized = False
        self.completion = Completion(operation, self.variables)

    @property
    def errors(self) -> list[dict[str, Any]]:
        return self.completion.errors

    def names(self) -> list[str]:
        """The operations that are asked for, by their stored names: the roots, and what `as` wraps."""
        return [name for name, _ in self._asked() if name != _AS]

    def tokens(self) -> list[str]:
        """The tokens that the call carries."""
        wrapped = [arguments.get("token") for name, arguments in self._asked() if name == _AS]
        return [token for token in (*wrapped, self.bearer) if token]

    def _asked(self) -> list[tuple[str, dict[str, Any]]]:
        """Every root field, and every one below an `as`, with its arguments if it is an `as`."""
        root = self.operation.root
        fields = self.operation.select([self.operation.node.selection_set], self.variables)
        asked: list[tuple[str, dict[str, Any]]] = []
        while fields:
            field = fields.pop(0)
            name = _stored(root, field)
            if name == _AS:
                asked.append((name, get_argument_values(root.fields[field.name], field.nodes[0], self.variables)))
                fields += self.completion.selected(field)
            else:
                asked.append((name, {}))
        return asked


def _stored(root: GraphQLObjectType, field: Selected) -> str:
    definition = root.fields.get(field.name)
    return field.name if definition is None else stored_name(definition, field.name)
