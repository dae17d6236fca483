"""Negotiation of a document with the supplier's schema: drop or replace missing members, or raise an error. Pure.

The template contains all members that the client uses. The result is valid in the given view of the schema.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from inventory.core.errors import SupplierSchemaChanged
from inventory.core.lean_imports import lazy_module
from inventory.suppliers.nivoda.schema_view import Input, Output, SchemaView, named

if TYPE_CHECKING:
    import graphql
else:
    graphql = lazy_module("graphql")


class Negotiated(msgspec.Struct, frozen=True, kw_only=True):
    """A document that is valid in a view. `differences`: missing members, one sentence each. `order`: its sort order.

    `literals`: variables whose type the supplier does not know by name; their values are inserted into the document.
    `unusable`: optional variables that the schema does not accept, with the missing member.
    """

    document: str
    literals: frozenset[str]
    differences: tuple[str, ...]
    order: str | None = None
    unusable: Mapping[str, str] = {}

    def request(self, variables: Mapping[str, object]) -> dict[str, object]:
        """Build the body of a request.

        Raises:
            SupplierSchemaChanged: the schema does not accept a given value.
        """
        for name, member in self.unusable.items():
            if variables.get(name) is not None:
                raise SupplierSchemaChanged(f"The supplier's schema lacks what is required: {member}")
        if not self.literals:
            return {"query": self.document, "variables": variables}
        written = {name: _literal(value) for name, value in variables.items() if name in self.literals}
        text = self.document
        for name, literal in written.items():
            text = text.replace(_placeholder(name), literal)
        return {"query": text, "variables": {name: value for name, value in variables.items() if name not in written}}


class Template:
    """A document and the rules of its negotiation.

    `required`: paths of the required fields, separated by dots, below `as`. `orders`: values of `order.type` in order of
    preference; if the schema offers none of them, the argument is omitted.
    """

    def __init__(self, text: str, required: Collection[str] = (), orders: Sequence[str] = ()) -> None:
        self.text = " ".join(text.split())
        self.required = frozenset(required)
        self.orders = tuple(orders)

    @cached_property
    def operation(self) -> graphql.OperationDefinitionNode:
        """The document's only operation."""
        (definition,) = graphql.parse(self.text, no_location=True).definitions
        assert isinstance(definition, graphql.OperationDefinitionNode)  # noqa: S101 - the documents are the client's own
        return definition

    def negotiate(self, view: SchemaView) -> Negotiated:
        """Negotiate the document with a view.

        Raises:
            SupplierSchemaChanged: the view lacks a required field, an argument, or a part of an argument.
        """
        return _Negotiation(self, view).result()


class _Negotiation:
    def __init__(self, template: Template, view: SchemaView) -> None:
        self._template = template
        self._view = view
        self._differences: list[str] = []
        self._types: dict[str, str] = {}  # of variables, as the schema wants them
        self._chosen_order: str | None = None
        self._unusable: dict[str, str] = {}
        self._optional = {
            one.variable.name.value
            for one in template.operation.variable_definitions or ()
            if not graphql.print_ast(one.type).endswith("!")
        }

    def result(self) -> Negotiated:
        node = self._template.operation
        root = self._view.root(node.operation.value)
        selections = self._selections(node.selection_set, root, ())
        if selections is None:
            raise SupplierSchemaChanged(f"The supplier's schema offers nothing of {self._template.text[:60]}...")
        declared = [self._definition(one) for one in node.variable_definitions or ()]
        literals = frozenset(
            one.variable.name.value
            for one in declared
            if named(graphql.print_ast(one.type)) in self._view.unknown_types
        )
        kept = [one for one in declared if one.variable.name.value in self._types]
        changed = graphql.OperationDefinitionNode(
            operation=node.operation,
            name=node.name,
            variable_definitions=tuple(one for one in kept if one.variable.name.value not in literals),
            directives=node.directives,
            selection_set=selections,
        )
        text = graphql.strip_ignored_characters(graphql.print_ast(changed))
        if text == graphql.strip_ignored_characters(graphql.print_ast(node)):
            text = self._template.text
        for name in literals:
            text = re.sub(rf"\${name}\b", _placeholder(name), text)
        return Negotiated(
            document=text,
            literals=literals,
            differences=tuple(dict.fromkeys(self._differences)),
            order=self._chosen_order,
            unusable=self._unusable,
        )

    def _selections(
        self, selections: graphql.SelectionSetNode | None, type_name: str | None, path: tuple[str, ...]
    ) -> graphql.SelectionSetNode | None:
        """Return the selections that the type offers; None if there are none."""
        kept = [
            field
            for node in (selections.selections if selections else ())
            if isinstance(node, graphql.FieldNode) and (field := self._field(node, type_name, (*path, node.name.value)))
        ]
        return graphql.SelectionSetNode(selections=tuple(kept)) if kept else None

    def _field(self, node: graphql.FieldNode, type_name: str | None, path: tuple[str, ...]) -> graphql.FieldNode | None:
        offered = self._view.field(type_name, node.name.value)
        if offered is None:
            self._drop(type_name, path, "is not offered")
            return None
        composite = named(offered.type) in self._view.objects
        if composite is not (node.selection_set is not None):
            self._drop(type_name, path, f"has another kind of type ({offered.type})")
            return None
        arguments = self._arguments(node, offered, path)
        given = {argument.name.value for argument in arguments}
        if lacking := [name for name, value in offered.arguments.items() if value.required and name not in given]:
            self._drop(type_name, path, f"requires the argument {lacking[0]}")
            return None
        noted = len(self._differences)
        below = self._selections(node.selection_set, named(offered.type), path)
        if node.selection_set is not None and below is None:
            names = [
                field.name.value for field in node.selection_set.selections if isinstance(field, graphql.FieldNode)
            ]
            self._drop(type_name, path, f"offers none of {', '.join(names)}", self._differences[noted:])
            return None
        return graphql.FieldNode(
            alias=node.alias, name=node.name, arguments=arguments, directives=node.directives, selection_set=below
        )

    def _drop(self, type_name: str | None, path: tuple[str, ...], why: str, below: Sequence[str] = ()) -> None:
        """Record that a field is omitted. `below`: the differences that caused it.

        Raises:
            SupplierSchemaChanged: the field is required.
        """
        member = f"{type_name}.{path[-1]}"
        below_as = path[1:] if path[0] == "as" else path
        place = ".".join(below_as)
        required = any(one == place or one.startswith(f"{place}.") for one in self._template.required)
        if required or len(below_as) <= 1:
            cause = f" ({below[0].partition(';')[0]})" if below else ""
            raise SupplierSchemaChanged(f"The supplier's schema lacks what is required: {member} {why}{cause}")
        self._differences.append(f"{member} {why}; it is not read")

    # Arguments

    def _arguments(
        self, node: graphql.FieldNode, offered: Output, path: tuple[str, ...]
    ) -> tuple[graphql.ArgumentNode, ...]:
        kept = [self._argument(argument, offered, path) for argument in node.arguments or ()]
        return tuple(argument for argument in kept if argument is not None)

    def _argument(
        self, node: graphql.ArgumentNode, offered: Output, path: tuple[str, ...]
    ) -> graphql.ArgumentNode | None:
        name = node.name.value
        place = f"{path[-1]}({name})"
        taken = offered.arguments.get(name)
        if name == "order" and self._template.orders:
            value = self._order(node.value, taken, place)
            return graphql.ArgumentNode(name=node.name, value=value) if value is not None else None
        if taken is None:
            raise SupplierSchemaChanged(f"The supplier's schema lacks what is required: the argument {place}")
        return graphql.ArgumentNode(name=node.name, value=self._value(node.value, taken, place))

    def _order(self, node: graphql.ValueNode, taken: Input | None, place: str) -> graphql.ValueNode | None:
        """Build the order with the first type that the schema offers."""
        for kind in self._template.orders if taken else ():
            assert isinstance(node, graphql.ObjectValueNode)  # noqa: S101 - the documents are the client's own
            wanted = graphql.ObjectValueNode(
                fields=tuple(
                    graphql.ObjectFieldNode(
                        name=field.name,
                        value=graphql.EnumValueNode(value=kind) if field.name.value == "type" else field.value,
                    )
                    for field in node.fields
                )
            )
            try:
                value = self._value(wanted, taken or Input(""), place)
            except SupplierSchemaChanged:
                continue
            if kind != self._template.orders[0]:
                self._differences.append(f"{place} by {self._template.orders[0]} is not offered; {kind} is used")
            self._chosen_order = kind
            return value
        self._differences.append(f"{place} by {self._template.orders[0]} is not offered; no order is asked for")
        return None

    def _value(self, node: graphql.ValueNode, taken: Input, place: str) -> graphql.ValueNode:
        match node:
            case graphql.VariableNode():
                self._types.setdefault(node.name.value, taken.type)
                return node
            case graphql.ListValueNode():
                inner = Input(taken.type.removesuffix("!").removeprefix("[").removesuffix("]"))
                return graphql.ListValueNode(values=tuple(self._value(value, inner, place) for value in node.values))
            case graphql.ObjectValueNode():
                return self._object(node, named(taken.type), place)
            case graphql.EnumValueNode():
                known = self._view.enums.get(named(taken.type))
                if known is not None and node.value not in known:
                    raise SupplierSchemaChanged(
                        f"The supplier's schema lacks what is required: {named(taken.type)}.{node.value}"
                    )
        return node

    def _object(self, node: graphql.ObjectValueNode, type_name: str, place: str) -> graphql.ValueNode:
        members = self._view.inputs.get(type_name, {})
        fields = []
        for field in node.fields:
            member = members.get(field.name.value)
            if (
                member is None
                and isinstance(field.value, graphql.VariableNode)
                and field.value.name.value in self._optional
            ):
                self._unusable[field.value.name.value] = f"{type_name}.{field.name.value}"
                self._differences.append(f"{type_name}.{field.name.value} is not offered; it can't be sent")
                continue
            if member is None:
                raise SupplierSchemaChanged(
                    f"The supplier's schema lacks what is required: {type_name}.{field.name.value} in {place}"
                )
            fields.append(graphql.ObjectFieldNode(name=field.name, value=self._value(field.value, member, place)))
        given = {field.name.value for field in node.fields}
        if lacking := [name for name, member in members.items() if member.required and name not in given]:
            raise SupplierSchemaChanged(
                f"The supplier's schema requires {type_name}.{lacking[0]} in {place}, which is not known here"
            )
        return graphql.ObjectValueNode(fields=tuple(fields))

    def _definition(self, node: graphql.VariableDefinitionNode) -> graphql.VariableDefinitionNode:
        """Declare a variable with the schema's type. It is non-null if the template declares it so."""
        name = node.variable.name.value
        wanted = self._view.variable_types.get(name) or self._types.get(name) or graphql.print_ast(node.type)
        required = graphql.print_ast(node.type).endswith("!") and not wanted.endswith("!")
        return graphql.VariableDefinitionNode(
            variable=node.variable,
            type=graphql.parse_type(wanted + "!" * required, no_location=True),
            default_value=node.default_value,
        )


def _placeholder(name: str) -> str:
    return f"\0{name}\0"


def _literal(value: Any) -> str:
    """Format a JSON value as a GraphQL literal."""
    match value:
        case dict():
            return (
                "{"
                + ",".join(f"{graphql.NameNode(value=key).value}:{_literal(part)}" for key, part in value.items())
                + "}"
            )
        case list() | tuple():
            return "[" + ",".join(map(_literal, value)) + "]"
        case _:
            return msgspec.json.encode(value).decode()
