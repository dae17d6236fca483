"""Facets: pages, totals and all facets of random searches by the search index.

The peer is Postgres only: the same repository without the index. Requests to both alternate.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import msgspec

from benchmarks.figures import Figure, Pace, Report
from benchmarks.search import COLUMNS, random_search
from benchmarks.servers import Servers
from inventory.catalog.facets import COUNTED, MEASURED
from inventory.catalog.index.search import IndexedSearch
from inventory.catalog.index.search_index import SearchIndex
from inventory.catalog.repository import PostgresSearch
from inventory.catalog.search import DiamondCriteria, DiamondSearch, PageWindow, SortOrder
from inventory.core.database import Database

_FACETS = (*COUNTED, *MEASURED)
_PAGE = 50

Query = Callable[[DiamondSearch, DiamondCriteria, SortOrder], Awaitable[object]]


class Options(msgspec.Struct, frozen=True):
    """Options of the benchmark."""

    stones: Annotated[int, msgspec.Meta(ge=100, description="Stones in the inventory.")] = 50_000
    requests: Annotated[int, msgspec.Meta(ge=1, description="Searches of each kind.")] = 100
    seed: Annotated[int, msgspec.Meta(description="Random seed of the stones and searches.")] = 1


QUICK = Options(stones=5_000, requests=25)


async def measure(options: Options, servers: Servers) -> Report:
    """Query the index and Postgres alternately. Their results must be equal."""
    site = await servers.inventory_site(options.stones, options.seed)
    async with Database.open(site.settings.database) as database:
        postgres, index = PostgresSearch(database), SearchIndex(database)
        index_task = asyncio.create_task(index.run())
        start_time = time.perf_counter()
        await index.built()
        details: dict[str, object] = {
            "built_seconds": round(time.perf_counter() - start_time, 3),
            "bytes_per_stone": round(index.size_bytes / index.stones, 1),
        }
        generator = random.Random(options.seed)
        searches = [random_search(generator) for _ in range(options.requests)]
        indexed = IndexedSearch(database, index, postgres)
        figures, wrong = [], []
        kinds: dict[str, Query] = {
            "total": total,
            "page, total": _counted_page,
            "page, total, all facets": page_with_facets,
        }
        for name, query in kinds.items():
            figure, differences = await _compare(name, query, indexed, postgres, searches)
            figures.append(figure)
            if differences:
                wrong.append(f"{name}: {differences} answers differ from those of Postgres")
        index_task.cancel()
    return Report(figures=figures, wrong=wrong, details=details)


async def total(search: DiamondSearch, criteria: DiamondCriteria, _order: SortOrder) -> object:
    """Query the total."""
    return await search.count(criteria)


async def _counted_page(search: DiamondSearch, criteria: DiamondCriteria, order: SortOrder) -> object:
    return await asyncio.gather(search.page(criteria, order, PageWindow(limit=_PAGE), COLUMNS), search.count(criteria))


async def page_with_facets(search: DiamondSearch, criteria: DiamondCriteria, order: SortOrder) -> object:
    """Query a page, its total and all facets."""
    return await asyncio.gather(
        search.page(criteria, order, PageWindow(limit=_PAGE), COLUMNS),
        search.count(criteria),
        search.facets(criteria, _FACETS, disregard_own=True),
    )


async def _compare(
    name: str,
    query: Query,
    indexed: DiamondSearch,
    postgres: DiamondSearch,
    searches: Sequence[tuple[DiamondCriteria, SortOrder]],
) -> tuple[Figure, int]:
    durations: tuple[list[float], list[float]] = ([], [])
    differences = 0
    for number, (criteria, order) in enumerate(searches):
        answers = []
        # The second query finds the pages of the heap in the cache, so the order alternates.
        for place in (0, 1) if number % 2 else (1, 0):
            start_time = time.perf_counter()
            answers.append(await query((indexed, postgres)[place], criteria, order))
            durations[place].append(time.perf_counter() - start_time)
        differences += answers[0] != answers[1]
    measured, limited = (Pace.of(seconds) for seconds in durations)
    return Figure(
        name=name, unit="requests/s", ours=measured, beside="Postgres alone", other=limited, is_peer=True
    ), differences
