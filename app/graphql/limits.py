"""Limits of documents, checked before validation. Each check takes time linear in the text."""

from collections import Counter
from collections.abc import Iterator, Mapping

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    visit,
)

MAX_DOCUMENT_LENGTH = 32_768
MAX_TOKENS = 1000
MAX_ALIASES = 15
MAX_DIRECTIVES = 50
# Validation compares each field with all others of the same response name.
MAX_REPETITIONS = 20
DEEPEST = 10
# The introspection query of GraphiQL is this deep.
_DEEPEST_INTROSPECTION = 20
INTROSPECTION = frozenset({"__schema", "__type"})


class _Tally(Visitor):
    """Counts in the text: a fragment counts once, however often it is spread."""

    def __init__(self) -> None:
        super().__init__()
        self.aliases = 0
        self.directives = 0
        self.repetitions = 0
        self.introspects = False

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.aliases += node.alias is not None
        self.introspects = self.introspects or node.name.value in INTROSPECTION

    def enter_selection_set(self, node: SelectionSetNode, _key: object, parent: object, *_: object) -> None:
        if not isinstance(parent, InlineFragmentNode):  # its fields are counted with the surrounding ones
            self.repetitions = max(self.repetitions, *Counter(_answered(node)).values(), 0)

    def enter_directive(self, _node: DirectiveNode, *_: object) -> None:
        self.directives += 1


def check(document: DocumentNode) -> tuple[list[GraphQLError], bool]:
    """Return exceeded limits, and whether the document introspects the schema."""
    tally = _Tally()
    visit(document, tally)
    depth = _Depth(document).deepest()
    deepest = _DEEPEST_INTROSPECTION if tally.introspects else DEEPEST
    measures = (
        ("aliases", tally.aliases, MAX_ALIASES),
        ("directives", tally.directives, MAX_DIRECTIVES),
        ("fields of one name in one place", tally.repetitions, MAX_REPETITIONS),
        ("levels of fields", depth, deepest),
    )
    errors = [
        GraphQLError(f"The document has {found} {what}; at most {most} are allowed.")
        for what, found, most in measures
        if found > most
    ]
    return errors, tally.introspects


def _answered(selection_set: SelectionSetNode) -> Iterator[str]:
    """Response names of a selection set, including its inline fragments."""
    for node in selection_set.selections:
        if isinstance(node, FieldNode):
            yield node.alias.value if node.alias else node.name.value
        elif not isinstance(node, FragmentSpreadNode):
            yield from _answered(node.selection_set)  # type: ignore[attr-defined]  # an inline fragment


class _Depth:
    """Depth of a document; each fragment is measured once."""

    def __init__(self, document: DocumentNode) -> None:
        self._document = document
        self._fragments: Mapping[str, FragmentDefinitionNode] = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._measured: dict[str, int] = {}

    def deepest(self) -> int:
        operations = (node for node in self._document.definitions if isinstance(node, OperationDefinitionNode))
        return max((self._below(node.selection_set) for node in operations), default=0)

    def _below(self, selection_set: SelectionSetNode | None) -> int:
        if selection_set is None:
            return 0
        depth = 0
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                depth = max(depth, 1 + self._below(node.selection_set))
            elif isinstance(node, FragmentSpreadNode):
                depth = max(depth, self._fragment(node.name.value))
            else:
                depth = max(depth, self._below(node.selection_set))  # type: ignore[attr-defined]  # an inline fragment
        return depth

    def _fragment(self, name: str) -> int:
        if name not in self._measured:
            # Validation rejects cyclic fragments; here they must only not loop.
            self._measured[name] = 0
            fragment = self._fragments.get(name)
            self._measured[name] = self._below(fragment.selection_set) if fragment else 0
        return self._measured[name]
