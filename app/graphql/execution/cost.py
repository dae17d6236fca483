"""Cost of operations: one per selected object, and more for fields that are expensive by themselves.

Lists count by the page that is asked for, not by what is found; what was not found is given back afterwards.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

# Cost of fields in addition to the objects that they return.
WEIGHTS: Mapping[str, int] = {
    "DiamondConnection.totalCount": 10,
    "DiamondConnection.facets": 50,
    "SyncRunConnection.totalCount": 5,
    "HoldConnection.totalCount": 5,
    "PurchaseConnection.totalCount": 5,
    "Query.pricingRulePreview": 200,
    "Query.quarantine": 200,
    "Query.similarDiamonds": 20,
    "Query.matchingDiamonds": 20,
    "Query.diamondComparison": 5,
    "Query.priceHistory": 5,
    "MissingDiamonds.totalCount": 50,
}
_MUTATION = 10
# Assumed length of lists without a limiting argument; the unspent cost is returned.
LENGTHS: Mapping[str, int] = {
    "Query.pricingRules": 50,
    "SyncRun.partitions": 30,
    "Query.quarantine": 20,
    "QuarantineGroup.examples": 3,
    "MissingDiamonds.diamonds": 100,
    "SyncPlan.bands": 30,
    "PricingRulePreview.samples": 10,
    "DiamondEvent.diamonds": 10,
    "DiamondSearchEvent.matching": 10,
    "Query.similarDiamonds": 10,
    "Query.matchingDiamonds": 10,
    "Query.priceHistory": 20,
    "DiamondComparison.diamonds": 5,
    "DiamondComparison.rows": 40,
    "Diamond.images": 2,
    "Diamond.videos": 1,
    "DiamondSnapshot.images": 2,
    "DiamondSnapshot.videos": 1,
}
_LENGTH = 20
PAGES: Mapping[str, int] = {
    "Query.diamonds": 50,
    "Query.syncRuns": 20,
    "Query.holds": 20,
    "Query.purchases": 20,
    "Query.diamondHistory": 20,
}
_LARGEST_PAGE = 100

Variables = Mapping[str, Any]
Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType
_Sets = list[tuple[SelectionSetNode, Composite]]


class CostField(msgspec.Struct, frozen=True):
    """A field of an operation: its own cost, the largest number of objects, and its subfields.

    `pages`: how many objects the lists below may hold that a connection limits, None where it is no connection.
    """

    weight: int
    composite: bool
    many: bool
    length: Callable[[Variables], int] | None
    pages: Callable[[Variables], int] | None
    below: "Mapping[str, CostField]"


Plan = Mapping[str, CostField]


def requested(plan: Plan, variables: Variables, page: int = _LARGEST_PAGE) -> int:
    """Return the highest cost of an operation."""
    total = 0
    for field in plan.values():
        total += field.weight
        if field.composite:
            inner = field.pages(variables) if field.pages else page
            times = 1 if not field.many else field.length(variables) if field.length else page
            total += times * (1 + requested(field.below, variables, inner))
    return total


def actual(plan: Plan, data: Mapping[str, Any] | None) -> int:
    """Return the actual cost of an operation."""
    return 0 if data is None else _actual(plan, [data])


def _actual(plan: Plan, objects: Sequence[Mapping[str, Any]]) -> int:
    """The cost of the fields below objects of one selection. All objects are counted together, field by field."""
    total = 0
    for key, field in plan.items():
        if field.weight:
            total += field.weight * sum(key in one for one in objects)
        if field.composite:
            values = [value for one in objects if (value := one.get(key)) is not None]
            if field.many:
                values = [value for some in values for value in some if value is not None]
            if values:
                total += len(values) + _actual(field.below, values)
    return total


class CostPlanner:
    """Creates a cost plan for each operation of a valid document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments: Mapping[str, FragmentDefinitionNode] = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        self._defaults: Mapping[str, Any] = {}

    def plans(self) -> Mapping[str | None, Plan]:
        """Return the plan of each operation by its name; None for an anonymous one."""
        return {one.name.value if one.name else None: self._plan(one) for one in self._operations}

    def _plan(self, operation: OperationDefinitionNode) -> Plan:
        root = self._schema.get_root_type(operation.operation)
        self._defaults = {
            one.variable.name.value: _literal(one.default_value) for one in operation.variable_definitions or ()
        }
        return self._fields([(operation.selection_set, root)]) if root else {}

    def _fields(self, sets: _Sets) -> Plan:
        merged: dict[str, list[tuple[FieldNode, Composite]]] = {}
        for node, parent in self._walk(sets, set()):
            key = node.alias.value if node.alias else node.name.value
            merged.setdefault(key, []).append((node, parent))
        return {key: self._field(nodes) for key, nodes in merged.items() if not nodes[0][0].name.value.startswith("__")}

    def _field(self, nodes: list[tuple[FieldNode, Composite]]) -> CostField:
        node, parent = nodes[0]
        kind = _definition(node, parent).type
        name = f"{parent.name}.{node.name.value}"
        mutates = parent is self._schema.mutation_type
        sets: _Sets = [(one.selection_set, self._below(one, own)) for one, own in nodes if one.selection_set]
        return CostField(
            weight=WEIGHTS.get(name, _MUTATION if mutates else 0),
            composite=bool(sets),
            many=_is_list(kind),
            length=self._length(name, node, parent),
            pages=self._pages(name, node) if self._is_connection(kind) else None,
            below=self._fields(sets) if sets else {},
        )

    def _length(self, name: str, node: FieldNode, parent: Composite) -> Callable[[Variables], int] | None:
        if parent.name.endswith("Connection") and node.name.value in {"edges", "nodes"}:
            return None  # the connection above limits it
        if name == "Query.nodes":
            ids, defaults = _argument(node, "ids"), self._defaults
            return lambda variables: (
                len(value) if isinstance(value := self._value(ids, {**defaults, **variables}), list) else 1
            )
        length = LENGTHS.get(name, _LENGTH)
        return lambda _variables: length

    def _pages(self, name: str, node: FieldNode) -> Callable[[Variables], int]:
        sizes = [_argument(node, "first"), _argument(node, "last")]
        defaults = self._defaults

        def pages(variables: Variables) -> int:
            given = [self._value(size, {**defaults, **variables}) for size in sizes]
            asked = [int(size) for size in given if isinstance(size, int | float)]  # 10.0 is an Int, too
            return min(max(0, *asked, 0), _LARGEST_PAGE) if asked else PAGES.get(name, _LARGEST_PAGE)

        return pages

    @staticmethod
    def _value(node: ValueNode | None, variables: Variables) -> Any:
        return variables.get(node.name.value) if isinstance(node, VariableNode) else _literal(node)

    def _walk(self, sets: _Sets, seen: set[str]) -> Iterable[tuple[FieldNode, Composite]]:
        for selection_set, parent in sets:
            for node in selection_set.selections:
                if isinstance(node, FieldNode):
                    yield node, parent
                elif isinstance(node, FragmentSpreadNode):
                    # Each fragment once: nested fragments could otherwise grow exponentially.
                    if node.name.value not in seen:
                        seen.add(node.name.value)
                        fragment = self._fragments[node.name.value]
                        inner = self._composite(fragment.type_condition.name.value)
                        yield from self._walk([(fragment.selection_set, inner)], seen)
                elif isinstance(node, InlineFragmentNode):
                    condition = node.type_condition
                    inner = self._composite(condition.name.value) if condition else parent
                    yield from self._walk([(node.selection_set, inner)], seen)

    def _below(self, node: FieldNode, parent: Composite) -> Composite:
        kind = get_named_type(_definition(node, parent).type)
        assert isinstance(kind, Composite)  # noqa: S101 - validation lets nothing else have fields
        return kind

    @staticmethod
    def _is_connection(kind: GraphQLOutputType) -> bool:
        return get_named_type(kind).name.endswith("Connection")

    def _composite(self, name: str) -> Composite:
        kind = self._schema.type_map[name]
        assert isinstance(kind, Composite)  # noqa: S101 - validation allows no other condition
        return kind


def _definition(node: FieldNode, parent: Composite) -> GraphQLField:
    assert not isinstance(parent, GraphQLUnionType)  # noqa: S101 - a union has no fields but __typename
    field: GraphQLField = parent.fields[node.name.value]
    return field


def _argument(node: FieldNode, name: str) -> ValueNode | None:
    return next((one.value for one in node.arguments or () if one.name.value == name), None)


def _literal(node: ValueNode | None) -> Any:
    """Return a value that is a number or a list; None for others."""
    if isinstance(node, IntValueNode):
        return int(node.value)
    if isinstance(node, ListValueNode):
        return list(node.values)
    return None


def _is_list(kind: Any) -> bool:
    return is_list_type(kind.of_type if is_non_null_type(kind) else kind)
