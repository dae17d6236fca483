"""Document cache: parses, limits and validates each document once, and keeps the valid ones within a memory limit."""

from collections.abc import Mapping, Sequence
from operator import attrgetter

import msgspec
from cachetools import LRUCache
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
from app.graphql.execution.cost import CostPlanner, Plan
from app.graphql.execution.errors import MAX_ERRORS
from app.graphql.selection_cache import SelectionCache

# Memory of the cached documents. A parsed token takes about 450 bytes, a character of the text up to 4.
MAX_CACHED_BYTES = 24 * 1_048_576
_BYTES_OF_A_TOKEN = 450
_BYTES_OF_A_CHARACTER = 4
_BYTES_OF_A_DOCUMENT = 2_000


class InvalidDocument(Exception):
    """A document that will not be executed."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = errors


class PreparedDocument(msgspec.Struct, frozen=True):
    """A valid document.

    `size`: the memory that it takes, estimated from its tokens and its text. `plans`: each operation by its name, as far as its cost goes; `kinds`: what kind each of them is; `mutates`: whether
    one of them may change something; `introspects`: whether it asks about the schema itself.
    """

    node: DocumentNode
    size: int
    plans: Mapping[str | None, Plan]
    kinds: Mapping[str | None, OperationType]
    mutates: bool
    introspects: bool
    selections: SelectionCache


class DocumentCache:
    """The documents of one schema, the most recently used ones cached.

    `suggestions`: whether an error names similar fields of the schema.
    """

    def __init__(self, schema: GraphQLSchema, *, suggestions: bool) -> None:
        self._schema = schema
        self._suggestions = suggestions
        self._cache: LRUCache[str, PreparedDocument] = LRUCache(MAX_CACHED_BYTES, getsizeof=attrgetter("size"))

    @property
    def cached_bytes(self) -> int:
        """The estimated memory of the cached documents."""
        return int(self._cache.currsize)

    def read(self, text: str) -> PreparedDocument:
        """Parse and validate a text, or take the document from the cache.

        Raises:
            InvalidDocument: the text has a wrong form, is too large, or does not fit the schema.
        """
        document = self._cache.get(text)
        if document is None:
            document = self._validated(text)
            if document.size <= self._cache.maxsize:
                self._cache[text] = document
        return document

    def _validated(self, text: str) -> PreparedDocument:
        if len(text) > limits.MAX_DOCUMENT_LENGTH:
            raise InvalidDocument(
                [GraphQLError(f"The document is longer than {limits.MAX_DOCUMENT_LENGTH} characters.")]
            )
        try:
            node = parse(text, max_tokens=limits.MAX_TOKENS)
            errors, introspects = limits.check(node)
            errors = errors or validate(
                self._schema, node, max_errors=MAX_ERRORS, hide_suggestions=not self._suggestions
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
        return PreparedDocument(
            node,
            _size(node, text),
            CostPlanner(self._schema, node).plans(),
            kinds,
            mutates,
            introspects,
            SelectionCache(),
        )


def _size(node: DocumentNode, text: str) -> int:
    return _BYTES_OF_A_DOCUMENT + node.token_count * _BYTES_OF_A_TOKEN + len(text) * _BYTES_OF_A_CHARACTER
