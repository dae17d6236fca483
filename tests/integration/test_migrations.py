"""Upgrade and downgrade on the newest Postgres, and on the oldest one that is supported where it is installed."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from app.core.migrate import downgrade, upgrade
from sandbox.stack.postgres import Postgres
from sandbox.stack.scratch import scratch_directory

_OLDEST = Path("/usr/lib/postgresql/15/bin")
_NINE_TABLES = {
    "api_keys", "raw_diamonds_nivoda", "diamonds", "pricing_rules", "run_metadata", "worker_runs", "hold_history",
    "purchase_history", "schema_migrations",
}  # fmt: skip


@pytest_asyncio.fixture(
    params=[
        pytest.param(None, id="newest"),
        pytest.param(
            _OLDEST,
            id="oldest",
            marks=pytest.mark.skipif(not _OLDEST.is_dir(), reason="Postgres 15 is not installed here"),
        ),
    ]
)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Postgres]:
    with scratch_directory() as directory:
        server = Postgres(directory, durable=False, bindir=request.param)
        await server.start()
        yield server
        await server.stop()


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'inventory'")
    await connection.close()
    return {row["tablename"] for row in rows}


async def test_every_migration_goes_up_and_down_and_up_again(server: Postgres) -> None:
    url = await server.create_database("migrations")
    await upgrade(url)
    assert await tables(url) >= _NINE_TABLES
    await upgrade(url)
    await downgrade(url, "base")
    assert await tables(url) == {"schema_migrations"}
    await upgrade(url)
    assert await tables(url) >= _NINE_TABLES


async def test_nothing_lands_outside_the_schema(server: Postgres) -> None:
    url = await server.create_database("schema")
    await upgrade(url)
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.close()
