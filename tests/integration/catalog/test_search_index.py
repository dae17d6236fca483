"""Search index: equal to Postgres for random filters, sorts and cursors, with and without concurrent changes."""

import asyncio
import random
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import pytest

from inventory.catalog.diamond import Diamond
from inventory.catalog.facets import STANDARD_EDGES, Edges, Facets
from inventory.catalog.index.search import IndexedSearch
from inventory.catalog.index.search_index import SearchIndex
from inventory.catalog.index.table import IndexTable, PagePlan
from inventory.catalog.repository import PostgresSearch
from inventory.catalog.search import (
    CARAT,
    SORTS,
    DiamondCriteria,
    DiamondSearch,
    PageOffset,
    PageWindow,
    SearchPage,
    SortOrder,
    SortPosition,
)
from inventory.core.database import Database
from inventory.events import log
from inventory.events.models import EventKind, NewEvent
from tests.integration.api.runs import build_run
from tests.integration.catalog.conftest import running_index
from tests.integration.catalog.random_diamonds import FACETS, Changes, criteria, edges, order, stock, window

COLUMNS = ("shape", "availability", "retail_price_cents", "open_hold")
STONES = 1_500
ROUND = DiamondCriteria(shape=["ROUND"])


class NoFallback(DiamondSearch):
    """Replaces the Postgres search. Every use fails, except pages of all diamonds if `pages` is given."""

    def __init__(self, pages: DiamondSearch | None = None) -> None:
        self._pages = pages

    async def page(
        self, criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset, columns: Collection[str]
    ) -> SearchPage:
        if self._pages is None or criteria != DiamondCriteria():
            raise AssertionError("Postgres was asked for a page")
        return await self._pages.page(criteria, order, stretch, columns)

    async def count(self, criteria: DiamondCriteria) -> int:
        raise AssertionError("Postgres was asked for a total")

    async def facets(
        self,
        criteria: DiamondCriteria,
        names: Collection[str],
        *,
        disregard_own: bool = False,
        edges: Edges = STANDARD_EDGES,
    ) -> Facets:
        raise AssertionError("Postgres was asked for facets")

    async def find(self, ids: Collection[UUID], columns: Collection[str]) -> Mapping[UUID, Diamond]:
        raise AssertionError("Postgres was asked for diamonds by id")


async def random_positions(search: DiamondSearch, wanted: SortOrder) -> list[SortPosition]:
    """Positions across a sort order."""
    page = await search.page(DiamondCriteria(), wanted, PageOffset(STONES * 2, 0), ())
    return [hit.position for hit in page.hits[::20]] + [hit.position for hit in page.hits[-3:]]


async def search_results(
    search: DiamondSearch, chance: random.Random, places: list[SortPosition], wanted: SortOrder
) -> Any:
    """Results of random queries. They are equal for equal states of `chance`."""
    filters = criteria(chance)
    stretch = window(chance, places)
    own = chance.random() < 0.5
    starts = edges(chance)
    names = chance.sample(FACETS, chance.randint(1, len(FACETS)))
    return (
        (filters, wanted, stretch),
        await search.page(filters, wanted, stretch, COLUMNS),
        await search.count(filters),
        await search.counted_page(filters, wanted, stretch, COLUMNS),
        await search.facets(filters, names, disregard_own=own, edges=starts),
    )


async def test_pages_of_sorts_without_index_of_postgres_come_from_index(database: Database) -> None:
    await stock(database, 50, random.Random(2))
    index = SearchIndex(database)
    async with running_index(index):
        await index.built()
        search = IndexedSearch(database, index, NoFallback())
        for order_of in (SortOrder(sort, descending=down) for sort in SORTS for down in (False, True)):
            for stretch in (PageWindow(limit=5), PageOffset(5, 0)):
                if order_of.sort.indexed:
                    with pytest.raises(AssertionError, match="asked for a page"):
                        await search.page(DiamondCriteria(), order_of, stretch, COLUMNS)
                else:
                    page = await search.page(DiamondCriteria(), order_of, stretch, COLUMNS)
                    assert page == await PostgresSearch(database).page(DiamondCriteria(), order_of, stretch, COLUMNS)
                    assert len(page.hits) == 5


async def test_index_equals_postgres(database: Database) -> None:
    chance = random.Random(1)
    await stock(database, STONES, chance)
    postgres, index = PostgresSearch(database), SearchIndex(database)
    async with running_index(index):
        await index.built()
        indexed = IndexedSearch(database, index, NoFallback(postgres))
        for seed in range(150):
            wanted = order(random.Random(seed))
            places = await random_positions(postgres, wanted) if seed % 5 == 0 else []
            ours, theirs = [
                await search_results(search, random.Random(seed), places, wanted) for search in (indexed, postgres)
            ]
            assert ours == theirs
        assert 50 < index.size_bytes / index.stones <= 100 + 20  # prices above 2**31 cents take 8 bytes each


async def test_index_equals_postgres_after_each_change(database: Database) -> None:
    chance = random.Random(2)
    ids = await stock(database, STONES, chance)
    postgres, index = PostgresSearch(database), SearchIndex(database)
    changes = Changes(database, ids, chance)
    async with running_index(index):
        await index.built()
        indexed = IndexedSearch(database, index, NoFallback(postgres))
        for seed in range(80):
            await changes.one()
            wanted = order(random.Random(seed))
            ours, theirs = [
                await search_results(search, random.Random(seed), [], wanted) for search in (indexed, postgres)
            ]
            assert ours == theirs


async def test_repeated_pages_equal_postgres_after_each_change(database: Database) -> None:
    """The index keeps the plans of pages. A change ends them."""
    chance = random.Random(8)
    ids = await stock(database, STONES, chance)
    postgres, index = PostgresSearch(database), SearchIndex(database)
    changes = Changes(database, ids, chance)
    searches = [(criteria(chance), order(chance), window(chance, [])) for _ in range(10)]
    async with running_index(index):
        await index.built()
        indexed = IndexedSearch(database, index, NoFallback(postgres))
        for _ in range(20):
            await changes.one()
            for wanted in searches:
                theirs = await postgres.page(*wanted, COLUMNS)
                assert await indexed.page(*wanted, COLUMNS) == theirs
                assert await indexed.page(*wanted, COLUMNS) == theirs


async def test_repeated_page_is_not_computed_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await stock(database, 100, random.Random(9))
    index = SearchIndex(database)
    wanted = ROUND, SortOrder(CARAT), PageWindow(limit=10)
    computed = 0
    page_of = IndexTable.page

    def counted(self: IndexTable, *arguments: Any) -> PagePlan:
        nonlocal computed
        computed += 1
        return page_of(self, *arguments)

    monkeypatch.setattr(IndexTable, "page", counted)
    async with running_index(index):
        await index.built()
        assert await index.page(*wanted) == await index.page(*wanted)
        assert computed == 1
        await index.page(ROUND, SortOrder(CARAT, descending=True), PageWindow(limit=10))
        assert computed == 2


async def test_index_equals_postgres_while_data_change(database: Database) -> None:
    """Compares results with no commit in between: the data version is equal before and after both."""
    chance = random.Random(3)
    ids = await stock(database, STONES, chance)
    postgres, index = PostgresSearch(database), SearchIndex(database)
    changes = Changes(database, ids, chance)
    compared = 0
    met = asyncio.Event()

    async def version() -> str:
        async with database.connection() as connection:
            return await log.data_version(connection)

    async def compare(seed: int) -> None:
        nonlocal compared
        while compared < 60:
            seed += 1
            wanted = order(random.Random(seed))
            before = await version()
            ours = await search_results(indexed, random.Random(seed), [], wanted)
            theirs = await search_results(postgres, random.Random(seed), [], wanted)
            if await version() == before:
                assert ours == theirs
                compared += 1
                met.set()

    async def change() -> None:
        """After each comparison at one version, make one change during the next comparison."""
        while compared < 60:
            met.clear()
            await changes.one()
            await met.wait()

    async with running_index(index):
        await index.built()
        indexed = IndexedSearch(database, index, postgres)
        async with asyncio.TaskGroup() as group:
            for start in (0, 10_000, 20_000):
                group.create_task(compare(start))
            group.create_task(change())


async def test_first_load_is_searched_in_postgres(database: Database) -> None:
    """A first load appends no events. The index is built when it has completed."""
    ids = await stock(database, 100, random.Random(4))
    async with database.connection() as connection:
        await connection.execute("UPDATE run_metadata SET status = 'consolidating', completed_at = NULL")
    postgres, index = PostgresSearch(database), SearchIndex(database)
    search = IndexedSearch(database, index, postgres)
    async with running_index(index):
        await index.catch_up()
        async with database.connection() as connection:
            await connection.execute("UPDATE diamonds SET shape = 'ROUND', status = 'active'")
            await connection.execute("UPDATE run_metadata SET upserted = 1")
        assert not index.ready
        assert await search.count(ROUND) == len(ids)
        async with database.connection() as connection:
            await connection.execute("UPDATE run_metadata SET status = 'completed', completed_at = now()")
        await index.built()
        assert await IndexedSearch(database, index, NoFallback()).count(ROUND) == len(ids)
        # A second feed starts.
        other = build_run(2, feed="other", status="consolidating", completed_at=None)
        async with database.connection() as connection:
            await connection.copy_records_to_table("run_metadata", records=[tuple(other.values())], columns=list(other))
        assert await search.count(ROUND) == len(ids)
        assert not index.ready


async def test_hold_and_expiry_are_in_next_total(database: Database) -> None:
    """An expiry appends no event."""
    ids = await stock(database, 10, random.Random(7))
    index = SearchIndex(database)
    search = IndexedSearch(database, index, NoFallback())
    on_hold = DiamondCriteria(availability=["on_hold"])
    async with database.connection() as connection:
        await connection.execute("UPDATE diamonds SET availability = 'available', status = 'active'")
    async with running_index(index):
        await index.built()
        assert await search.count(on_hold) == 0
        async with database.transaction() as connection:
            await connection.execute(
                "INSERT INTO hold_history (diamond_id, client_id, state, price_cents, wanted_until, expires_at) "
                "VALUES ($1, 'acme', 'active', 1, now() + interval '1 hour', now() + interval '1 hour')",
                ids[0],
            )
            await log.append(connection, NewEvent(EventKind.HOLD_ACTIVATED, ids[:1], client_id="acme"))
        assert await search.count(on_hold) == 1
        async with database.connection() as connection:
            await connection.execute("UPDATE hold_history SET expires_at = expires_at - interval '1 hour'")
        assert await search.count(on_hold) == 0


async def test_reset_log_rebuilds_index(database: Database) -> None:
    ids = await stock(database, 100, random.Random(5))
    index = SearchIndex(database)
    search = IndexedSearch(database, index, PostgresSearch(database))

    async def change(shape: str) -> None:
        async with database.transaction() as connection:
            await connection.execute("UPDATE diamonds SET shape = $1, status = 'active'", shape)
            await log.append(connection, NewEvent(EventKind.DIAMONDS_CHANGED, ids))

    await change("ROUND")
    async with running_index(index):
        await index.built()
        async with database.connection() as connection:
            await connection.execute("TRUNCATE event_log")
            await connection.execute("UPDATE event_counter SET last = 0")
            await connection.execute("UPDATE diamonds SET shape = 'OVAL'")
        assert await search.count(ROUND) == 0
        await index.built()
        assert await IndexedSearch(database, index, NoFallback()).count(ROUND) == 0


async def test_page_that_contradicts_postgres_discards_index(database: Database) -> None:
    """Every change should append an event. If one does not, a missing row reveals it."""
    await stock(database, 100, random.Random(6))
    index = SearchIndex(database)
    search = IndexedSearch(database, index, PostgresSearch(database))
    async with running_index(index):
        await index.built()
        async with database.connection() as connection:
            await connection.execute("UPDATE diamonds SET status = 'quarantined'")
        page = await search.page(ROUND, SortOrder(CARAT), PageWindow(limit=10), ())
        assert page.hits == []
