"""The pool: what is done between two users of a connection."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from app.core.database import Database
from app.core.settings import Settings

LAST = "SELECT query FROM pg_stat_activity WHERE pid = $1"
PID = "SELECT pg_backend_pid()"


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(Settings.read(database_url=database_url, database_pool_size=1)) as opened:
        yield opened


async def test_nothing_is_asked_of_the_server_between_two_statements(database: Database, database_url: str) -> None:
    async with database.connection() as connection:
        pid = await connection.fetchval(PID)
    observer = await asyncpg.connect(database_url)
    assert await observer.fetchval(LAST, pid) == PID
    await observer.close()


async def test_what_a_failed_user_began_is_rolled_back_before_the_next(database: Database) -> None:
    async def fail() -> None:
        async with database.connection() as connection:
            await connection.execute("BEGIN")
            await connection.execute("DELETE FROM event_counter")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.connection() as connection:
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT count(*) FROM event_counter") == 1
