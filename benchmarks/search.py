"""Search: first and deep pages of random searches by the production repository, with and without counts and facets.

The limit is the same statements, prepared in advance and sent over one connection. Requests to both alternate.
"""

import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Annotated

import asyncpg
import msgspec
from asyncpg.prepared_stmt import PreparedStatement

from benchmarks.figures import Figure, Pace, Report
from benchmarks.servers import Servers
from inventory.catalog import grades, statements
from inventory.catalog.diamond import Diamond
from inventory.catalog.facets import COUNTED, MEASURED
from inventory.catalog.repository import PostgresSearch
from inventory.catalog.search import (
    SORTS,
    DiamondCriteria,
    DiamondSearch,
    NumericRange,
    PageOffset,
    PageWindow,
    SortOrder,
)
from inventory.core.database import Database

# Columns of a typical list of diamonds.
COLUMNS = (
    "id", "shape", "carat_milli", "color", "clarity", "cut", "polish", "symmetry", "fluorescence", "lab_grown",
    "eye_clean", "image_url", "video_url", "rating", "availability", "created_at", "retail_price_cents",
    "certificate_lab", "certificate_number", "table_milli",
)  # fmt: skip
_FACETS = (*COUNTED, *MEASURED)
_PAGE = 50
# Offset of a deep page as a share of the matching stones.
_DEEP = (0.3, 0.9)
_PUBLIC = [sort for sort in SORTS if not sort.tells_supplier_prices]


class Options(msgspec.Struct, frozen=True):
    """Options of the benchmark."""

    stones: Annotated[int, msgspec.Meta(ge=100, description="Stones in the inventory.")] = 50_000
    requests: Annotated[int, msgspec.Meta(ge=1, description="Searches of each kind.")] = 150
    seed: Annotated[int, msgspec.Meta(description="Random seed of the stones and searches.")] = 1


class SearchRequest(msgspec.Struct, frozen=True):
    """A search request: one page, optionally with the total and all facets."""

    criteria: DiamondCriteria
    order: SortOrder
    window: PageWindow | PageOffset
    total: bool = False
    facets: bool = False

    async def run(self, search: DiamondSearch) -> Sequence[Diamond]:
        """Query the repository as GraphQL does: the page, then the total and the facets."""
        page = await search.page(self.criteria, self.order, self.window, COLUMNS)
        if self.total:
            await search.count(self.criteria)
        if self.facets:
            await search.facets(self.criteria, _FACETS)
        return [hit.diamond for hit in page.hits]

    def statements(self) -> Iterator[statements.Statement]:
        """SQL statements that the repository executes for the request."""
        yield statements.page(self.criteria, self.order, self.window, COLUMNS)
        if self.total:
            yield statements.count(self.criteria)
        if self.facets:
            yield statements.facets(self.criteria, sorted(_FACETS), disregard_own=False)


async def measure(options: Options, servers: Servers) -> Report:
    """Measure all kinds of requests, each also as prepared SQL."""
    site = await servers.inventory_site(options.stones, options.seed)
    async with Database.open(site.settings.database) as database:
        repository = PostgresSearch(database)
        generator = random.Random(options.seed)
        searches = [random_search(generator) for _ in range(options.requests)]
        deep = [await _random_deep_page(repository, generator) for _ in range(options.requests)]
        first = PageWindow(limit=_PAGE)
        kinds: dict[str, list[SearchRequest]] = {
            "first page": [SearchRequest(*search, first) for search in searches],
            "first page, total": [SearchRequest(*search, first, total=True) for search in searches],
            "first page, facets": [SearchRequest(*search, first, facets=True) for search in searches],
            "deep page, cursor": [SearchRequest(criteria, order, window) for criteria, order, window, _ in deep],
            "deep page, offset": [SearchRequest(criteria, order, offset) for criteria, order, _, offset in deep],
        }
        figures = [await _compare(name, database, repository, requests) for name, requests in kinds.items()]
    return Report(figures=figures)


async def _compare(name: str, database: Database, search: DiamondSearch, requests: Sequence[SearchRequest]) -> Figure:
    our_seconds: list[float] = []
    limit_seconds: list[float] = []
    async with database.connection() as connection:
        for number, request in enumerate(requests):
            prepared = [
                (await connection.prepare(statement.text), statement.arguments) for statement in request.statements()
            ]
            ours: _TimedCall = (our_seconds, lambda request=request: request.run(search))  # type: ignore[misc]  # bound now
            limit: _TimedCall = (limit_seconds, lambda prepared=prepared: _fetch(prepared))  # type: ignore[misc]
            # The second call finds the pages in the cache, so the order alternates.
            for seconds, work in (ours, limit) if number % 2 else (limit, ours):
                start_time = time.perf_counter()
                await work()
                seconds.append(time.perf_counter() - start_time)
    return Figure(
        name=name,
        unit="requests/s",
        ours=Pace.of(our_seconds),
        beside="the statements, prepared",
        other=Pace.of(limit_seconds),
    )


_TimedCall = tuple[list[float], Callable[[], Awaitable[object]]]
_Prepared = tuple["PreparedStatement[asyncpg.Record]", Sequence[object]]


async def _fetch(prepared: Sequence[_Prepared]) -> None:
    for statement, arguments in prepared:
        await statement.fetch(*arguments)


async def _random_deep_page(
    search: DiamondSearch, generator: random.Random
) -> tuple[DiamondCriteria, SortOrder, PageWindow, PageOffset]:
    """Random search with at least two pages, and a deep page of its result by cursor and by offset."""
    while True:
        criteria, order = random_search(generator)
        total = await search.count(criteria)
        if total < 2 * _PAGE:
            continue
        offset = PageOffset(_PAGE, int(total * generator.uniform(*_DEEP)))
        page = await search.page(criteria, order, PageOffset(1, offset.offset - 1), ())
        return criteria, order, PageWindow(limit=_PAGE, after=page.hits[0].position), offset


def random_search(generator: random.Random) -> tuple[DiamondCriteria, SortOrder]:
    """Random search as a shop may send it: usually shape and size, often price and grades, in a random order."""

    def optional(share: float, value: Callable[[], object]) -> object:
        return value() if generator.random() < share else None

    def grades_between(scale: Sequence[str], most: int) -> list[str]:
        best = generator.randrange(most)
        return list(scale[best : best + generator.randint(1, 4)])

    def between(values: Sequence[int]) -> NumericRange:
        low, high = sorted(generator.sample(values, 2))
        return NumericRange(low, high)

    criteria = {
        "shape": optional(
            0.7, lambda: generator.sample(["ROUND", "OVAL", "CUSHION", "EMERALD", "PEAR"], generator.randint(1, 2))
        ),
        "carat_milli": optional(0.7, lambda: between((300, 500, 700, 900, 1000, 1500, 2000, 3000))),
        "retail_price_cents": optional(0.5, lambda: between((50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000))),
        "color": optional(0.5, lambda: grades_between(grades.COLORS, 7)),
        "clarity": optional(0.5, lambda: grades_between(grades.CLARITIES, 8)),
        "cut": optional(0.2, lambda: ["IDEAL", "EXCELLENT"]),
        "lab_grown": optional(0.3, lambda: False),
        "availability": optional(0.3, lambda: ["available"]),
        "certificate_lab": optional(0.2, lambda: ["GIA"]),
    }
    return DiamondCriteria(**criteria), SortOrder(generator.choice(_PUBLIC), descending=generator.random() < 0.5)  # type: ignore[arg-type]
