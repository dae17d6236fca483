"""Search: pages of random searches from the production repository, at the beginning and deep inside, with and without counts.

The limit is the same statement, prepared beforehand and sent over one connection. Both take turns, request by request.
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

# What a list of diamonds shows.
COLUMNS = (
    "id", "shape", "carat_milli", "color", "clarity", "cut", "polish", "symmetry", "fluorescence", "lab_grown",
    "eye_clean", "image_url", "video_url", "rating", "availability", "created_at", "retail_price_cents",
    "certificate_lab", "certificate_number", "table_milli",
)  # fmt: skip
_FACETS = (*COUNTED, *MEASURED)
_PAGE = 50
# A page is deep from here on, as a share of what matches.
_DEEP = (0.3, 0.9)
_PUBLIC = [sort for sort in SORTS if not sort.tells_supplier_prices]


class Options(msgspec.Struct, frozen=True):
    """How much is measured."""

    stones: Annotated[int, msgspec.Meta(ge=100, description="Stones in the inventory.")] = 50_000
    requests: Annotated[int, msgspec.Meta(ge=1, description="Searches of each kind.")] = 150
    seed: Annotated[int, msgspec.Meta(description="The same seed makes the same stones and the same searches.")] = 1


class Request(msgspec.Struct, frozen=True):
    """One search."""

    criteria: DiamondCriteria
    order: SortOrder
    stretch: PageWindow | PageOffset
    total: bool = False
    facets: bool = False

    async def ask(self, search: DiamondSearch) -> Sequence[Diamond]:
        """Ask the repository as GraphQL does: the page, then what else is wanted."""
        page = await search.page(self.criteria, self.order, self.stretch, COLUMNS)
        if self.total:
            await search.count(self.criteria)
        if self.facets:
            await search.facets(self.criteria, _FACETS)
        return [hit.diamond for hit in page.hits]

    def statements(self) -> Iterator[statements.Statement]:
        """What the repository sends for it."""
        yield statements.page(self.criteria, self.order, self.stretch, COLUMNS)
        if self.total:
            yield statements.count(self.criteria)
        if self.facets:
            yield statements.facets(self.criteria, sorted(_FACETS), disregard_own=False)


async def measure(wanted: Options, servers: Servers) -> Report:
    """Ask all kinds of searches, each also as bare SQL."""
    site = await servers.stocked(wanted.stones, wanted.seed)
    async with Database.open(site.settings.database) as database:
        search = PostgresSearch(database)
        chance = random.Random(wanted.seed)
        shallow = [anything(chance) for _ in range(wanted.requests)]
        deep = [await _deep(search, chance) for _ in range(wanted.requests)]
        kinds: dict[str, list[Request]] = {
            "first page": [Request(*one, PageWindow(limit=_PAGE)) for one in shallow],
            "first page, total": [Request(*one, PageWindow(limit=_PAGE), total=True) for one in shallow],
            "first page, facets": [Request(*one, PageWindow(limit=_PAGE), facets=True) for one in shallow],
            "deep page, cursor": [Request(criteria, order, window) for criteria, order, window, _ in deep],
            "deep page, offset": [Request(criteria, order, offset) for criteria, order, _, offset in deep],
        }
        figures = [await _compare(name, database, search, requests) for name, requests in kinds.items()]
    return Report(figures=figures)


async def _compare(name: str, database: Database, search: DiamondSearch, requests: Sequence[Request]) -> Figure:
    asked: list[float] = []
    bare: list[float] = []
    async with database.connection() as connection:
        for number, request in enumerate(requests):
            prepared = [(await connection.prepare(one.text), one.arguments) for one in request.statements()]
            ours: _Turn = (asked, lambda request=request: request.ask(search))  # type: ignore[misc]  # bound now
            limit: _Turn = (bare, lambda prepared=prepared: _fetch(prepared))  # type: ignore[misc]
            # The second one finds the pages in the cache, so each is second as often as the other.
            for seconds, work in (ours, limit) if number % 2 else (limit, ours):
                begun = time.perf_counter()
                await work()
                seconds.append(time.perf_counter() - begun)
    return Figure(
        name=name, unit="requests/s", ours=Pace.of(asked), beside="the statements, prepared", other=Pace.of(bare)
    )


_Turn = tuple[list[float], Callable[[], Awaitable[object]]]
_Prepared = tuple["PreparedStatement[asyncpg.Record]", Sequence[object]]


async def _fetch(prepared: Sequence[_Prepared]) -> None:
    for statement, arguments in prepared:
        await statement.fetch(*arguments)


async def _deep(
    search: DiamondSearch, chance: random.Random
) -> tuple[DiamondCriteria, SortOrder, PageWindow, PageOffset]:
    """A search that finds some pages, and a place deep inside of what it finds: as a cursor and as a number."""
    while True:
        criteria, order = anything(chance)
        total = await search.count(criteria)
        if total < 2 * _PAGE:
            continue
        offset = PageOffset(_PAGE, int(total * chance.uniform(*_DEEP)))
        page = await search.page(criteria, order, PageOffset(1, offset.offset - 1), ())
        return criteria, order, PageWindow(limit=_PAGE, after=page.hits[0].position), offset


def anything(chance: random.Random) -> tuple[DiamondCriteria, SortOrder]:
    """A search that a shop may send: mostly a shape and a size, often a budget and some grades, in any order."""

    def some(share: float, value: Callable[[], object]) -> object:
        return value() if chance.random() < share else None

    def grades_between(scale: Sequence[str], most: int) -> list[str]:
        best = chance.randrange(most)
        return list(scale[best : best + chance.randint(1, 4)])

    def between(values: Sequence[int]) -> NumericRange:
        low, high = sorted(chance.sample(values, 2))
        return NumericRange(low, high)

    criteria = {
        "shape": some(
            0.7, lambda: chance.sample(["ROUND", "OVAL", "CUSHION", "EMERALD", "PEAR"], chance.randint(1, 2))
        ),
        "carat_milli": some(0.7, lambda: between((300, 500, 700, 900, 1000, 1500, 2000, 3000))),
        "retail_price_cents": some(0.5, lambda: between((50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000))),
        "color": some(0.5, lambda: grades_between(grades.COLORS, 7)),
        "clarity": some(0.5, lambda: grades_between(grades.CLARITIES, 8)),
        "cut": some(0.2, lambda: ["IDEAL", "EXCELLENT"]),
        "lab_grown": some(0.3, lambda: False),
        "availability": some(0.3, lambda: ["available"]),
        "certificate_lab": some(0.2, lambda: ["GIA"]),
    }
    return DiamondCriteria(**criteria), SortOrder(chance.choice(_PUBLIC), descending=chance.random() < 0.5)  # type: ignore[arg-type]
