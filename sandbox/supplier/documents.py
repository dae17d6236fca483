"""Document cache: each document is parsed and validated once, and its selections are compiled into projections.

A general executor calls a resolver for each of a hundred fields of fifty stones; a projection is one comprehension.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLDirective,
    GraphQLError,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValidationRule,
    VariableValues,
    get_directive_values,
    get_named_type,
    get_variable_values,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import ASTValidationRule

from sandbox.supplier.served_schema import ServedSchema, stored_name
from sandbox.supplier.validation_messages import as_graphql_js

_DOCUMENTS = 256
_PROJECTIONS = 32
_MAX_TOKENS = 5_000

PARSE_FAILED, VALIDATION_FAILED = "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"
NO_INTROSPECTION = (
    "GraphQL introspection is not allowed by this server, but the query contained __schema or __type. "
    "To enable introspection, turn it on in the server's configuration."
)


class Invalid(Exception):
    """The schema does not allow the document or its variables. `errors`: entries for `errors[]`."""

    def __init__(self, errors: Sequence[GraphQLError], code: str = VALIDATION_FAILED) -> None:
        super().__init__(errors)
        self.errors: list[dict[str, Any]] = [dict(error.formatted) | {"extensions": {"code": code}} for error in errors]

    def reworded(self, served: ServedSchema, variables: Mapping[str, Any] | None = None) -> "Invalid":
        """Copy with messages in the wording that the schema's options select."""
        if served.options.messages == "graphql-js":
            for error in self.errors:
                error["message"] = as_graphql_js(error["message"], served.graphql, variables)
        return self


class Projection:
    """Projects a dict to the selected fields, under the client's aliases and in its order."""

    def __init__(self, fields: Sequence[tuple[str, str, "Projection | None"]], typename: str) -> None:
        self._fields = fields
        self._typename = typename if any(name == "__typename" for _, name, _ in fields) else None

    def __call__(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self(part) for part in value]
        if value is None:
            return None
        return {
            key: value[name] if below is None else below(value[name]) for key, name, below in self._with_typename(value)
        }

    def raw(self, value: Any, known: Any) -> Any:
        """Project a dict of arbitrary values. Fields that the clean item (`known`) lacks are added unselected."""
        if isinstance(value, list):
            return [self.raw(part, known[0] if isinstance(known, list) and known else None) for part in value]
        if not isinstance(value, dict):
            return value
        clean: Mapping[str, Any] = known if isinstance(known, dict) else {}
        picked = {
            key: value.get(name) if below is None else below.raw(value.get(name), clean.get(name))
            for key, name, below in self._with_typename(value)
        }
        return picked | {name: part for name, part in value.items() if clean and name not in clean}

    def _with_typename(self, value: dict[str, Any]) -> Sequence[tuple[str, str, "Projection | None"]]:
        if self._typename is not None:
            value["__typename"] = self._typename
        return self._fields


class Selected(msgspec.Struct, frozen=True):
    """A selected field. `key`: its response name; `nodes`: its AST nodes, several if selections are merged."""

    key: str
    nodes: list[FieldNode]

    @property
    def name(self) -> str:
        return self.nodes[0].name.value


class Operation:
    """A validated operation of a document, ready to execute."""

    def __init__(self, served: ServedSchema, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self.served = served
        self.schema: GraphQLSchema = served.graphql
        self.document = document
        self.node = operation
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._projections: dict[tuple[Any, ...], Projection] = {}
        root = self.schema.get_root_type(operation.operation)
        if root is None:
            raise Invalid([GraphQLError(f"This schema has no {operation.operation.value}.", operation)])
        self.root: GraphQLObjectType = root

    def variables(self, given: dict[str, Any]) -> VariableValues:
        """Coerce the variables.

        Raises:
            Invalid: a variable is missing or has the wrong type.
        """
        values = get_variable_values(self.schema, self.node.variable_definitions or (), given, max_errors=10)
        if isinstance(values, list):
            raise Invalid(values).reworded(self.served, given)
        return values

    def select(self, sets: Sequence[SelectionSetNode], variables: VariableValues) -> list[Selected]:
        """Collect the fields of selection sets: spread fragments, apply `@skip` and `@include`."""
        found: dict[str, list[FieldNode]] = {}
        for selection_set in sets:
            self._collect(selection_set.selections, variables, found)
        return [Selected(key, nodes) for key, nodes in found.items()]

    def below(self, selected: Selected, variables: VariableValues) -> list[Selected]:
        return self.select([node.selection_set for node in selected.nodes if node.selection_set], variables)

    def projection(self, selected: Selected, parent: GraphQLObjectType, variables: VariableValues) -> Projection:
        """Projection of a field's selection. It is compiled once for each combination of Boolean variables."""
        booleans = tuple(sorted(item for item in variables.coerced.items() if isinstance(item[1], bool)))
        place = selected.nodes[0].loc
        key = (selected.key, place.start if place else 0, booleans)
        projection = self._projections.get(key)
        if projection is None:
            if len(self._projections) >= _PROJECTIONS:
                self._projections.clear()
            projection = self._projections[key] = self._compile(selected, parent, variables)
        return projection

    def _compile(self, selected: Selected, parent: GraphQLObjectType, variables: VariableValues) -> Projection:
        kind = get_named_type(parent.fields[selected.name].type)
        if not isinstance(kind, GraphQLObjectType):
            raise TypeError(f"{selected.name} has no selection")
        fields: list[tuple[str, str, Projection | None]] = []
        for field in self.below(selected, variables):
            leaf = not any(node.selection_set for node in field.nodes)
            name = field.name if field.name == "__typename" else stored_name(kind.fields[field.name], field.name)
            fields.append((field.key, name, None if leaf else self._compile(field, kind, variables)))
        return Projection(fields, kind.name)

    def _collect(
        self, selections: Sequence[SelectionNode], variables: VariableValues, found: dict[str, list[FieldNode]]
    ) -> None:
        for node in selections:
            if _holds(GraphQLSkipDirective, node, variables, missing=False) or not _holds(
                GraphQLIncludeDirective, node, variables, missing=True
            ):
                continue
            if isinstance(node, FieldNode):
                found.setdefault((node.alias or node.name).value, []).append(node)
            elif isinstance(node, FragmentSpreadNode):
                # Every type is an object type, so a valid fragment always applies.
                self._collect(self._fragments[node.name.value].selection_set.selections, variables, found)
            else:
                self._collect(node.selection_set.selections, variables, found)  # type: ignore[attr-defined]


def _holds(directive: GraphQLDirective, node: SelectionNode, variables: VariableValues, *, missing: bool) -> bool:
    if not node.directives:
        return missing
    values = get_directive_values(directive, node, variables)
    return missing if values is None else bool(values["if"])


class Documents:
    """LRU cache of documents by text, for one schema."""

    def __init__(self, schema: ServedSchema) -> None:
        self.schema = schema
        self._known: OrderedDict[tuple[str, str | None], Operation] = OrderedDict()

    def operation(self, text: str, name: str | None) -> Operation:
        """Find the operation with a name, or the only operation, in a document.

        Raises:
            Invalid: the document cannot be parsed, or the schema does not allow it.
        """
        known = self._known.get((text, name))
        if known is None:
            known = self._known[text, name] = self._read(text, name)
            if len(self._known) > _DOCUMENTS:
                self._known.popitem(last=False)
        self._known.move_to_end((text, name))
        return known

    def _read(self, text: str, name: str | None) -> Operation:
        schema = self.schema.graphql
        try:
            document = parse(text, max_tokens=_MAX_TOKENS)
            errors = validate(schema, document, self._rules(), max_errors=10)
        except GraphQLError as error:
            raise Invalid([error], PARSE_FAILED) from error
        except RecursionError as error:
            raise Invalid([GraphQLError("The document is nested too deeply.")]) from error
        if errors:
            raise Invalid(errors).reworded(self.schema)
        operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        if name is not None:
            operations = [node for node in operations if node.name and node.name.value == name]
        if len(operations) != 1:
            raise Invalid([GraphQLError("The document has several operations. Set operationName.")])
        return Operation(self.schema, document, operations[0])

    def _rules(self) -> Sequence[type[ASTValidationRule]]:
        if self.schema.options.introspection:
            return specified_rules
        return (*specified_rules, _NoIntrospection)


class _NoIntrospection(ValidationRule):
    """Rejects documents that select `__schema` or `__type`."""

    def enter_field(self, node: FieldNode, *_: object) -> None:
        if node.name.value in {"__schema", "__type"}:
            self.report_error(GraphQLError(NO_INTROSPECTION, node))
