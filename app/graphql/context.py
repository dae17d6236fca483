"""Context of resolvers: the caller, the services and the selected fields."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import strawberry
from graphql import DocumentNode, FieldNode, FragmentDefinitionNode, FragmentSpreadNode, SelectionSetNode

from app.auth.scopes import Principal, Scope
from app.graphql.selection_cache import SelectionCache
from app.services import Services
from inventory.catalog.search import DiamondSearch
from inventory.core.errors import Unauthenticated


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `principal` is None for a caller without a key, which may read the schema in development.

    `search` finds only diamonds and certificates that the caller may see.
    """

    principal: Principal | None
    document: DocumentNode
    services: Services
    search: DiamondSearch
    selections: SelectionCache = msgspec.field(default_factory=SelectionCache)

    @property
    def caller(self) -> Principal:
        """Return the caller.

        Raises:
            Unauthenticated: the request is not authenticated.
        """
        if self.principal is None:
            raise Unauthenticated("Send an API key in the header X-API-Key.")
        return self.principal

    def require(self, scope: Scope) -> None:
        """Reject a caller without `scope`.

        Raises:
            Unauthenticated: the request is not authenticated.
            Forbidden: the caller lacks the scope.
        """
        self.caller.require(scope)


class Selection:
    """Selected fields below a field. Fragments are resolved; `@include` and `@skip` are ignored."""

    def __init__(self, sets: Sequence[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._fields: dict[str, list[SelectionSetNode]] = {}
        for field in self._walk(sets, set()):
            below = self._fields.setdefault(field.name.value, [])
            if field.selection_set:
                below.append(field.selection_set)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def below(self, name: str) -> "Selection":
        """Return the selection below a field, merged over its aliases."""
        return Selection(self._fields.get(name, []), self._fragments)

    def _walk(self, sets: Sequence[SelectionSetNode], seen: set[str]) -> Iterator[FieldNode]:
        for node in (node for selection_set in sets for node in selection_set.selections):
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, FragmentSpreadNode):
                # Each fragment once: nested fragments could otherwise grow exponentially.
                if node.name.value not in seen:
                    seen.add(node.name.value)
                    yield from self._walk([self._fragments[node.name.value].selection_set], seen)
            else:
                yield from self._walk([node.selection_set], seen)  # type: ignore[attr-defined]  # an inline fragment


class Info(strawberry.Info[Context, None]):
    """`info` argument of resolvers."""

    @property
    def nodes(self) -> Sequence[FieldNode]:
        """Return the field nodes of the resolved field."""
        return self._raw_info.field_nodes

    @property
    def selection(self) -> Selection:
        """Return the selection below the resolved field."""
        raw = self._raw_info
        sets = [node.selection_set for node in raw.field_nodes if node.selection_set]
        return Selection(sets, raw.fragments)
