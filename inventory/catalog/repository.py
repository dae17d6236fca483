"""Diamond search in Postgres: one statement for each page, count, facet request and lookup."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from inventory.catalog import statements
from inventory.catalog.diamond import Diamond
from inventory.catalog.facets import COUNTED, MEASURED, STANDARD_EDGES, Edges, Facets, Histogram, edges_of, histogram
from inventory.catalog.records import diamonds_of
from inventory.catalog.search import (
    DiamondCriteria,
    DiamondSearch,
    PageOffset,
    PageWindow,
    SearchHit,
    SearchPage,
    SortOrder,
)
from inventory.core.database import Database
from inventory.core.errors import DatabaseUnavailable


class PostgresSearch(DiamondSearch):
    """Search in the table `diamonds`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Facets read all matching rows. They may use at most half of the connections.
        self._facets_at_once = asyncio.Semaphore(max(1, database.size // 2))

    async def page(
        self, criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset, columns: Collection[str]
    ) -> SearchPage:
        rows = await self._fetch(statements.page(criteria, order, stretch, columns))
        hits = _hits(rows[: stretch.limit])
        if isinstance(stretch, PageWindow) and stretch.backwards:
            hits.reverse()
        return SearchPage(hits, more=len(rows) > stretch.limit)

    async def count(self, criteria: DiamondCriteria) -> int:
        rows = await self._fetch(statements.count(criteria))
        return int(rows[0]["count"])

    async def facets(
        self,
        criteria: DiamondCriteria,
        names: Collection[str],
        *,
        disregard_own: bool = False,
        edges: Edges = STANDARD_EDGES,
    ) -> Facets:
        if not names:
            return Facets({}, {})
        statement = statements.facets(criteria, sorted(names), disregard_own=disregard_own, edges=edges)
        async with self._turn():
            rows = await self._fetch(statement)
        found: dict[tuple[str, str], dict[str | None, int]] = {}
        for row in rows:
            found.setdefault((row["facet"], row["kind"]), {})[row["label"]] = row["number"]
        return Facets(
            counts={name: found.get((name, "count"), {}) for name in names if name in COUNTED},
            histograms={name: _histogram(name, found, edges) for name in names if name in MEASURED},
        )

    async def find(self, ids: Collection[UUID], columns: Collection[str]) -> Mapping[UUID, Diamond]:
        rows = await self._fetch(statements.find(ids, columns))
        return {diamond.id: diamond for diamond in diamonds_of(rows)}

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._database.acquire_timeout):
                await self._facets_at_once.acquire()
        except TimeoutError:
            raise DatabaseUnavailable from None
        try:
            yield
        finally:
            self._facets_at_once.release()

    async def _fetch(self, statement: statements.Statement) -> list[asyncpg.Record]:
        async with self._database.bounded() as connection:
            return await connection.fetch(statement.text, *statement.arguments)


def _hits(rows: Sequence[asyncpg.Record]) -> list[SearchHit]:
    """Convert rows to hits. The last value of a row is the sort value."""
    return [
        SearchHit(diamond, statements.position(row[-1], diamond.id))
        for diamond, row in zip(diamonds_of(rows, after=1), rows, strict=True)
    ]


def _histogram(name: str, found: Mapping[tuple[str, str], Mapping[str | None, int]], edges: Edges) -> Histogram:
    filled, quantiles = (
        {int(label): number for label, number in found.get((name, kind), {}).items() if label is not None}
        for kind in ("bucket", "quantile")
    )
    return histogram(edges_of(name, edges), filled, [quantiles[place] for place in sorted(quantiles)])
