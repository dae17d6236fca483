"""Concurrent facet queries: they leave connections to other requests."""

import asyncio

import asyncpg
import pytest

from inventory.catalog import statements
from inventory.catalog.repository import PostgresSearch
from inventory.catalog.search import DiamondCriteria
from inventory.catalog.statements import Statement
from inventory.core.database import Database
from inventory.core.errors import DatabaseUnavailable
from inventory.core.settings import Settings

# While another session holds the lock.
ENDLESS = """SELECT 'shape' AS facet, 'count' AS kind, 'ROUND' AS label, 7 AS number
FROM (SELECT pg_advisory_lock_shared(4711), pg_advisory_unlock_shared(4711)) AS waited"""


@pytest.mark.parametrize(("size", "at_once"), [(1, 1), (2, 1), (5, 2)])
async def test_concurrent_facets_leave_connections_to_other_requests(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch, size: int, at_once: int
) -> None:
    monkeypatch.setattr(statements, "facets", lambda *_, **__: Statement(ENDLESS, []))
    blocker = await asyncpg.connect(database_url)
    await blocker.execute("SELECT pg_advisory_lock(4711)")
    async with Database.open(settings.with_values(database_pool_size=size).database) as database:
        search = PostgresSearch(database)
        asked = [asyncio.create_task(search.facets(DiamondCriteria(), ["shape"])) for _ in range(size + 2)]
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        async with asyncio.timeout(20):
            while await blocker.fetchval(waiting) < at_once:  # noqa: ASYNC110 - the only sign stands in the database
                await asyncio.sleep(0.05)
        if size > 1:
            assert await search.count(DiamondCriteria()) == 0
        assert await blocker.fetchval(waiting) == at_once
        assert not any(task.done() for task in asked)
        await blocker.execute("SELECT pg_advisory_unlock(4711)")
        assert [found.counts for found in await asyncio.gather(*asked)] == [{"shape": {"ROUND": 7}}] * len(asked)
    await blocker.close()


async def test_queued_request_times_out(settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "facets", lambda *_, **__: Statement(ENDLESS, []))
    small = settings.with_values(database_pool_size=1)
    async with Database.open(small.database) as database:
        search = PostgresSearch(database)
        monkeypatch.setattr(Database, "acquire_timeout", 0.2)
        blocker = await asyncpg.connect(database_url)
        await blocker.execute("SELECT pg_advisory_lock(4711)")
        first, second = [asyncio.create_task(search.facets(DiamondCriteria(), ["shape"])) for _ in range(2)]
        with pytest.raises(DatabaseUnavailable):
            await second
        assert not first.done()
        await blocker.execute("SELECT pg_advisory_unlock(4711)")
        assert (await first).counts == {"shape": {"ROUND": 7}}
        await blocker.close()
