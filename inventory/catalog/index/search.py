"""Indexed search: the index computes totals, facets and page ids; Postgres returns the rows.

Every result is equal to that of Postgres at some time during the request. The index has the version of the data that it
contains, and Postgres returns its version: with the rows of a page, otherwise by a short statement. If the versions differ,
the index catches up. If that takes too long, or the index is being built, Postgres executes the search.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar
from uuid import UUID

from inventory.catalog.diamond import Diamond
from inventory.catalog.facets import STANDARD_EDGES, Edges, Facets
from inventory.catalog.index import statements
from inventory.catalog.index.criteria import answers
from inventory.catalog.index.search_index import SearchIndex
from inventory.catalog.index.table import IndexTable
from inventory.catalog.records import diamonds_of
from inventory.catalog.search import (
    OFFERED,
    DiamondCriteria,
    DiamondSearch,
    PageOffset,
    PageWindow,
    SearchHit,
    SearchPage,
    SortOrder,
)
from inventory.core.database import Database
from inventory.events.data_version import DataVersion

Result = TypeVar("Result")

_ATTEMPTS = 2
# Searches that nearly all diamonds match: the default search of clients, and a search without criteria.
_EVERYTHING = (DiamondCriteria(), OFFERED)
# Up to this offset, Postgres finds a page of these searches as fast by the index of the sort.
_NEAR = 200


class IndexedSearch(DiamondSearch):
    """Search by the index, with Postgres as fallback."""

    def __init__(
        self, database: Database, index: SearchIndex, postgres: DiamondSearch, version: DataVersion | None = None
    ) -> None:
        """`version`: shared data version; None creates a separate one."""
        self._database = database
        self._version = version or DataVersion(database)
        self._index = index
        self._postgres = postgres

    async def page(
        self, criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset, columns: Collection[str]
    ) -> SearchPage:
        found = None if _is_near(criteria, order, stretch) else await self._found(criteria, order, stretch, columns)
        return await self._postgres.page(criteria, order, stretch, columns) if found is None else found[1]

    async def counted_page(
        self, criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset, columns: Collection[str]
    ) -> tuple[int, SearchPage]:
        """See `DiamondSearch.counted_page`. Usually one index query and one statement."""
        if _is_near(criteria, order, stretch):
            return await super().counted_page(criteria, order, stretch, columns)
        found = await self._found(criteria, order, stretch, columns)
        return await self._postgres.counted_page(criteria, order, stretch, columns) if found is None else found

    async def count(self, criteria: DiamondCriteria) -> int:
        found = await self._verified(criteria, lambda table: table.count(criteria))
        return await self._postgres.count(criteria) if found is None else found

    async def facets(
        self,
        criteria: DiamondCriteria,
        names: Collection[str],
        *,
        disregard_own: bool = False,
        edges: Edges = STANDARD_EDGES,
    ) -> Facets:
        found = await self._verified(
            criteria, lambda table: table.facets(criteria, names, disregard_own=disregard_own, edges=edges)
        )
        if found is not None:
            return found
        return await self._postgres.facets(criteria, names, disregard_own=disregard_own, edges=edges)

    async def find(self, ids: Collection[UUID], columns: Collection[str]) -> Mapping[UUID, Diamond]:
        return await self._postgres.find(ids, columns)

    async def _found(
        self, criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset, columns: Collection[str]
    ) -> tuple[int, SearchPage] | None:
        """Count and page by the index at the data version of Postgres. Returns None if Postgres must execute the search."""
        if not answers(criteria):
            return None
        for _ in range(_ATTEMPTS):
            found = await self._page(criteria, order, stretch, columns)
            if found is not None:
                return found
            if not self._index.ready:
                return None
            await self._index.catch_up()
        return None

    async def _page(
        self, criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset, columns: Collection[str]
    ) -> tuple[int, SearchPage] | None:
        """Count and page. Returns None if the index has another data version than Postgres."""
        computed = await self._index.page(criteria, order, stretch)
        if computed is None:
            return None
        plan, version = computed
        async with self._database.bounded() as connection:
            ids = [position.id for position in plan.positions]
            rows = await connection.fetch(statements.page(columns), ids)
        if rows[0]["index_version"] != version:
            return None
        # Without a diamond, the result is one row with the version only.
        found = {diamond.id: diamond for diamond in diamonds_of(rows if plan.positions else (), before=1)}
        found.pop(None, None)  # type: ignore[call-overload]  # none of the ids was found
        if len(found) != len(plan.positions):
            self._index.discard()
            return None
        hits = [SearchHit(found[position.id], position) for position in plan.positions]
        return plan.total, SearchPage(hits, plan.more)

    async def _verified(self, criteria: DiamondCriteria, work: Callable[[IndexTable], Result]) -> Result | None:
        """Result of the index if its version is the version of Postgres during the request, otherwise None."""
        if not answers(criteria):
            return None
        for _ in range(_ATTEMPTS):
            if not self._index.ready:
                return None
            computed, version = await asyncio.gather(self._index.compute(work), self._version.current())
            if computed is not None and computed[1] == version:
                return computed[0]
            await self._index.catch_up()
        return None


def _is_near(criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset) -> bool:
    """Whether Postgres finds the page efficiently by a scan of the index of its sort."""
    return (
        criteria in _EVERYTHING
        and order.sort.indexed
        and not order.then
        and (isinstance(stretch, PageWindow) or stretch.offset <= _NEAR)
    )
