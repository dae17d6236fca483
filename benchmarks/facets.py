"""Facets: a page, its total and all facets of random searches by the search index.

The peer is Postgres alone, by the same repository without the index. Both take turns, request by request.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import msgspec

from benchmarks.figures import Figure, Pace, Report
from benchmarks.search import COLUMNS, anything
from benchmarks.servers import Servers
from inventory.catalog.facets import COUNTED, MEASURED
from inventory.catalog.index.search import IndexedSearch
from inventory.catalog.index.search_index import SearchIndex
from inventory.catalog.repository import PostgresSearch
from inventory.catalog.search import DiamondCriteria, DiamondSearch, PageWindow, SortOrder
from inventory.core.database import Database

_FACETS = (*COUNTED, *MEASURED)
_PAGE = 50

Ask = Callable[[DiamondSearch, DiamondCriteria, SortOrder], Awaitable[object]]


class Options(msgspec.Struct, frozen=True):
    """How much is measured."""

    stones: Annotated[int, msgspec.Meta(ge=100, description="Stones in the inventory.")] = 50_000
    requests: Annotated[int, msgspec.Meta(ge=1, description="Searches of each kind.")] = 100
    seed: Annotated[int, msgspec.Meta(description="The same seed makes the same stones and the same searches.")] = 1


QUICK = Options(stones=5_000, requests=25)


async def measure(wanted: Options, servers: Servers) -> Report:
    """Ask both in turns. What they answer must be equal."""
    site = await servers.stocked(wanted.stones, wanted.seed)
    async with Database.open(site.settings.database) as database:
        postgres, index = PostgresSearch(database), SearchIndex(database)
        following = asyncio.create_task(index.run())
        begun = time.perf_counter()
        await index.built()
        details: dict[str, object] = {
            "built_seconds": round(time.perf_counter() - begun, 3),
            "bytes_per_stone": round(index.size_bytes / index.stones, 1),
        }
        chance = random.Random(wanted.seed)
        searches = [anything(chance) for _ in range(wanted.requests)]
        indexed = IndexedSearch(database, index, postgres)
        figures, wrong = [], []
        kinds: dict[str, Ask] = {"total": _total, "page, total": _counted_page, "page, total, all facets": _everything}
        for name, ask in kinds.items():
            figure, differing = await _compare(name, ask, indexed, postgres, searches)
            figures.append(figure)
            if differing:
                wrong.append(f"{name}: {differing} answers differ from those of Postgres")
        following.cancel()
    return Report(figures=figures, wrong=wrong, details=details)


async def _total(search: DiamondSearch, criteria: DiamondCriteria, _order: SortOrder) -> object:
    return await search.count(criteria)


async def _counted_page(search: DiamondSearch, criteria: DiamondCriteria, order: SortOrder) -> object:
    return await asyncio.gather(search.page(criteria, order, PageWindow(limit=_PAGE), COLUMNS), search.count(criteria))


async def _everything(search: DiamondSearch, criteria: DiamondCriteria, order: SortOrder) -> object:
    return await asyncio.gather(
        search.page(criteria, order, PageWindow(limit=_PAGE), COLUMNS),
        search.count(criteria),
        search.facets(criteria, _FACETS, disregard_own=True),
    )


async def _compare(
    name: str,
    ask: Ask,
    indexed: DiamondSearch,
    postgres: DiamondSearch,
    searches: Sequence[tuple[DiamondCriteria, SortOrder]],
) -> tuple[Figure, int]:
    taken: tuple[list[float], list[float]] = ([], [])
    differing = 0
    for number, (criteria, order) in enumerate(searches):
        answers = []
        # The second one finds the pages of the heap in the cache, so each is second as often as the other.
        for place in (0, 1) if number % 2 else (1, 0):
            begun = time.perf_counter()
            answers.append(await ask((indexed, postgres)[place], criteria, order))
            taken[place].append(time.perf_counter() - begun)
        differing += answers[0] != answers[1]
    measured, limited = (Pace.of(seconds) for seconds in taken)
    return Figure(
        name=name, unit="requests/s", ours=measured, beside="Postgres alone", other=limited, is_peer=True
    ), differing
