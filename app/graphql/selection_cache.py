"""Cache of compiled selections of one document."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from graphql import DirectiveNode, FieldNode, OperationDefinitionNode, VariableNode, Visitor, visit

from app.graphql.selection_compiler import Make

# Compiled selections of one document: its object types times the scopes and conditions of its callers.
_MAX_SELECTIONS = 64


class SelectionCache:
    """Compiled selections by type, nodes, scopes, and the variables of conditions."""

    def __init__(self) -> None:
        # The nodes are part of the value: as long as they live, no other node has their ids.
        self._selections: dict[Hashable, tuple[Sequence[FieldNode], Make | None]] = {}
        self._columns: dict[tuple[int, ...], tuple[Sequence[FieldNode], frozenset[str] | None]] = {}
        self._conditions: dict[int, tuple[OperationDefinitionNode, tuple[str, ...]]] = {}

    @property
    def size(self) -> int:
        """Number of cached selections."""
        return len(self._selections)

    def get(self, key: Hashable, nodes: Sequence[FieldNode], compile_: Callable[[], Make | None]) -> Make | None:
        """Return a compiled selection. `nodes`: the field nodes that select the object."""
        whole = (key, *map(id, nodes))
        found = self._selections.get(whole)
        if found is None:
            found = nodes, compile_()
            if len(self._selections) < _MAX_SELECTIONS:
                self._selections[whole] = found
        return found[1]

    def columns(
        self, nodes: Sequence[FieldNode], collect: Callable[[], frozenset[str] | None]
    ) -> frozenset[str] | None:
        """Return the columns that a selection of diamonds needs. `nodes`: the field nodes that select it.

        They are those of all fields, whatever the conditions of `@include` and `@skip` decide.
        """
        key = tuple(map(id, nodes))
        found = self._columns.get(key)
        if found is None:
            found = nodes, collect()
            if len(self._columns) < _MAX_SELECTIONS:
                self._columns[key] = found
        return found[1]

    def condition_variables(self, operation: OperationDefinitionNode, fragments: Mapping[str, Any]) -> Sequence[str]:
        """Return the variables of `@include` and `@skip`: they decide which fields are selected."""
        found = self._conditions.get(id(operation))
        if found is None:
            variables = _ConditionVariables()
            visit(operation, variables)
            for fragment in fragments.values():
                visit(fragment.definition, variables)
            found = operation, tuple(sorted(variables.found))
            if len(self._conditions) < _MAX_SELECTIONS:
                self._conditions[id(operation)] = found
        return found[1]


class _ConditionVariables(Visitor):
    """Collects the variables of directives."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.found.add(argument.value.name.value)
