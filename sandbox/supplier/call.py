"""Call context: operation, variables and tokens of a request, and the fault rules that fired for it."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLObjectType, get_argument_values

from sandbox.supplier.completion import Completion
from sandbox.supplier.documents import Operation, Selected
from sandbox.supplier.faults import NO_RULES, FiredRules
from sandbox.supplier.served_schema import stored_name

_AS = "as"


class Call:
    """Context of one GraphQL request."""

    def __init__(self, operation: Operation, given: Mapping[str, Any], bearer: str | None) -> None:
        """Coerce the variables.

        Raises:
            Invalid: a variable is missing or has the wrong type.
        """
        self.operation = operation
        self.given = dict(given)
        self.variables = operation.variables(self.given)
        self.bearer = bearer
        self.fired: FiredRules = NO_RULES
        self.unauthorized = False
        self.completion = Completion(operation, self.variables)

    @property
    def errors(self) -> list[dict[str, Any]]:
        return self.completion.errors

    def operation_names(self) -> list[str]:
        """Stored names of the selected operations: root fields, and the fields inside `as`."""
        return [name for name, _ in self._root_fields() if name != _AS]

    def tokens(self) -> list[str]:
        """Tokens in the arguments and in the Authorization header."""
        wrapped = [arguments.get("token") for name, arguments in self._root_fields() if name == _AS]
        return [token for token in (*wrapped, self.bearer) if token]

    def _root_fields(self) -> list[tuple[str, dict[str, Any]]]:
        """Root fields and the fields inside `as`, with the arguments of `as` (empty for other fields)."""
        root = self.operation.root
        fields = self.operation.select([self.operation.node.selection_set], self.variables)
        found: list[tuple[str, dict[str, Any]]] = []
        while fields:
            field = fields.pop(0)
            name = _stored(root, field)
            if name == _AS:
                found.append((name, get_argument_values(root.fields[field.name], field.nodes[0], self.variables)))
                fields += self.completion.selected(field)
            else:
                found.append((name, {}))
        return found


def _stored(root: GraphQLObjectType, field: Selected) -> str:
    definition = root.fields.get(field.name)
    return field.name if definition is None else stored_name(definition, field.name)
