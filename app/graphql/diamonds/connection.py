"""Connection of diamonds: one statement for a page, another one for the total if it is selected."""

from collections.abc import Sequence
from typing import Annotated

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.arguments import given_or_none
from app.graphql.context import Info, Selection
from app.graphql.diamonds.facet_edges import DiamondFacetEdges, read_edges
from app.graphql.diamonds.facets import DiamondFacets, facets_to_graphql, selected_facets
from app.graphql.diamonds.filter_reader import FilterReader
from app.graphql.diamonds.inputs import DiamondFilter
from app.graphql.diamonds.sort import DiamondSort, read_order
from app.graphql.diamonds.types import Diamond, columns_of
from app.graphql.pagination import LARGEST_PAGE
from app.graphql.permissions import field
from app.graphql.relay import PageInfo
from inventory.catalog import cursors
from inventory.catalog.search import DiamondCriteria, PageWindow, SearchHit, SearchPage, SortOrder
from inventory.core.errors import ValidationFailed

_DEFAULT_PAGE = 50


@strawberry.type(description="A diamond in a connection.")
class DiamondEdge:
    hit: strawberry.Private[SearchHit]
    order: strawberry.Private[SortOrder]

    @field(description="Cursor of the diamond, for `after` and `before` with the same sort.")
    def cursor(self) -> str:
        return cursors.encode(self.hit.position, self.order)

    @field(description="The diamond.")
    def node(self) -> Diamond:
        return Diamond(row=self.hit.diamond)


@strawberry.type(description="Page of the diamonds that match a search.")
class DiamondConnection:
    criteria: strawberry.Private[DiamondCriteria]
    page: strawberry.Private[SearchPage]
    window: strawberry.Private[PageWindow]
    order: strawberry.Private[SortOrder]

    @field(description="Diamonds of this page with their cursors.")
    def edges(self) -> list[DiamondEdge]:
        return [DiamondEdge(hit=hit, order=self.order) for hit in self.page.hits]

    @field(description="Position of this page.")
    def page_info(self) -> PageInfo:
        return _page_info(self.page, self.window, self.order)

    @field(description="Diamonds of this page.")
    def nodes(self) -> list[Diamond]:
        return [Diamond(row=hit.diamond) for hit in self.page.hits]

    @field(description="Total number of matching diamonds. Computed only if selected, at additional cost.")
    async def total_count(self, info: Info) -> int:
        return await info.context.search.count(self.criteria)

    @field(description="Facets of the matching diamonds. Computed only if selected, at additional cost.")
    async def facets(
        self,
        info: Info,
        disregard_own: Annotated[
            bool,
            strawberry.argument(
                description="Compute each facet without its own criterion: the number of diamonds that another choice of "
                "shape or colour would find."
            ),
        ] = False,
        edges: Annotated[
            DiamondFacetEdges | None,
            strawberry.argument(description="Where the buckets of a histogram begin; the standard ones if omitted."),
        ] = UNSET,
    ) -> DiamondFacets:
        names = selected_facets(info.selection)
        found = await info.context.search.facets(
            self.criteria, names, disregard_own=disregard_own, edges=read_edges(given_or_none(edges))
        )
        return facets_to_graphql(found)


class ConnectionArguments:
    """Arguments of the connection, validated together, so that one error names all problems.

    Raises:
        ValidationFailed: names every invalid argument.
    """

    def __init__(
        self,
        criteria: DiamondFilter | None,
        sort: Sequence[DiamondSort] | None,
        *,
        first: int | None,
        after: str | None,
        last: int | None,
        before: str | None,
    ) -> None:
        self._problems: dict[str, str] = {}
        self.criteria = FilterReader(given_or_none(criteria), self._problems).read()
        self.order = read_order(given_or_none(sort), self._problems)
        self.window = self._window(
            given_or_none(first), given_or_none(after), given_or_none(last), given_or_none(before)
        )
        if self._problems:
            raise ValidationFailed(self._problems)

    @property
    def tells_supplier_prices(self) -> bool:
        return self.criteria.tells_supplier_prices or self.order.tells_supplier_prices

    def _window(self, first: int | None, after: str | None, last: int | None, before: str | None) -> PageWindow:
        for name, size in (("first", first), ("last", last)):
            if size is not None and not 0 <= size <= LARGEST_PAGE:
                self._problems[name] = f"should be between 0 and {LARGEST_PAGE}"
        if first is not None and last is not None:
            self._problems["last"] = "cannot be combined with first"
        positions = {}
        for name, cursor in (("after", after), ("before", before)):
            if cursor is not None:
                try:
                    positions[name] = cursors.decode(cursor, self.order)
                except ValueError as error:
                    self._problems[name] = str(error)
        backwards = last is not None
        size = last if backwards else first
        return PageWindow(limit=_DEFAULT_PAGE if size is None else size, backwards=backwards, **positions)


async def connect(arguments: ConnectionArguments, info: Info) -> DiamondConnection:
    """Create the connection. Reads the page only if it is selected, and only the selected columns."""
    if arguments.tells_supplier_prices:
        info.context.require(Scope.PRICES_SUPPLIER)
    columns = info.context.selections.columns(info.nodes, lambda: _page_columns(info.selection))
    page = SearchPage([], more=False)
    if columns is not None:
        page = await info.context.search.page(arguments.criteria, arguments.order, arguments.window, columns)
    return DiamondConnection(criteria=arguments.criteria, page=page, window=arguments.window, order=arguments.order)


def _page_columns(asked: Selection) -> frozenset[str] | None:
    """Return the columns of a page's diamonds; None if no page is selected."""
    if "edges" in asked or "nodes" in asked or "pageInfo" in asked:
        return columns_of(asked.below("edges").below("node"), asked.below("nodes"))
    return None


def _page_info(page: SearchPage, window: PageWindow, order: SortOrder) -> PageInfo:
    ends = [cursors.encode(page.hits[at].position, order) for at in (0, -1)] if page.hits else [None, None]
    return PageInfo(
        has_next_page=window.before is not None if window.backwards else page.more,
        has_previous_page=page.more if window.backwards else window.after is not None,
        start_cursor=ends[0],
        end_cursor=ends[1],
    )
