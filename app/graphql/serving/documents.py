"""Documents, read once: parsed, limited and validated; the valid ones are remembered, bounded in number and size."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import msgspec
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)

from app.graphql import limits
from app.graphql.serving.cost import Plan, Planner

_MOST_DOCUMENTS = 500
_MOST_ERRORS = 20


class InvalidDocument(Exception):
    """A document that will not be executed."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = errors


class Document(msgspec.Struct, frozen=True):
    """A valid document.

    `plans`: each operation by its name, as far as its cost goes; `kinds`: what kind each of them is; `mutates`: whether
    one of them may change something; `introspects`: whether it asks about the schema itself.
    """

    node: DocumentNode
    plans: Mapping[str | None, Plan]
    kinds: Mapping[str | None, OperationType]
    mutates: bool
    introspects: bool


class Documents:
    """The documents of one schema. `suggestions`: whether an error tells names that might have been meant."""

    def __init__(self, schema: GraphQLSchema, *, suggestions: bool) -> None:
        self._schema = schema
        self._suggestions = suggestions
        self._known: OrderedDict[str, Document] = OrderedDict()

    def read(self, text: str) -> Document:
        """The document that a text is.

        Raises:
            InvalidDocument: it has a wrong form, is too large, or does not fit the schema.
        """
        document = self._known.get(text)
        if document is None:
            document = self._known[text] = self._validated(text)
        self._known.move_to_end(text)
        while len(self._known) > _MOST_DOCUMENTS:
            self._known.popitem(last=False)
        return document

    def _validated(self, text: str) -> Document:
        if len(text) > limits.LONGEST_DOCUMENT:
            raise InvalidDocument([GraphQLError(f"The document is longer than {limits.LONGEST_DOCUMENT} characters.")])
        try:
            node = parse(text, max_tokens=limits.MOST_TOKENS)
            errors, introspects = limits.check(node)
            errors = errors or validate(
                self._schema, node, max_errors=_MOST_ERRORS, hide_suggestions=not self._suggestions
            )
        except GraphQLSyntaxError as error:
            raise InvalidDocument([error]) from None
        except RecursionError:
            raise InvalidDocument([GraphQLError("The document is nested too deeply.")]) from None
        if errors:
            raise InvalidDocument(errors)
        operations = [one for one in node.definitions if isinstance(one, OperationDefinitionNode)]
        mutates = any(one.operation is OperationType.MUTATION for one in operations)
        kinds = {one.name.value if one.name else None: one.operation for one in operations}
        return Document(node, Planner(self._schema, node).plans(), kinds, mutates, introspects)
