"""Database pool: state of connections between users."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from inventory.core.database import Connection, Database
from inventory.core.errors import DatabaseUnavailable
from inventory.core.settings import Settings

LAST = "SELECT query FROM pg_stat_activity WHERE pid = $1"
PID = "SELECT pg_backend_pid()"


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(Settings.read(database_url=database_url, database_pool_size=1).database) as opened:
        yield opened


async def test_no_query_is_sent_between_two_statements(database: Database, database_url: str) -> None:
    async with database.connection() as connection:
        pid = await connection.fetchval(PID)
    observer = await asyncpg.connect(database_url)
    assert await observer.fetchval(LAST, pid) == PID
    await observer.close()


async def test_transaction_of_failed_user_is_rolled_back(database: Database) -> None:
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


async def cancelled_before_execution(database: Database) -> None:
    async with database.connection() as connection:
        await connection.prepare("SELECT count(*) FROM run_metadata")
        raise asyncio.CancelledError


async def invalid_argument(database: Database) -> None:
    async with database.connection() as connection:
        await connection.fetchval("SELECT count(*) FROM run_metadata WHERE fetched = $1", "many")


@pytest.mark.parametrize(
    ("use", "error"),
    [(cancelled_before_execution, asyncio.CancelledError), (invalid_argument, asyncpg.DataError)],
)
async def test_statement_that_was_only_parsed_leaves_no_lock(
    database: Database,
    database_url: str,
    use: Callable[[Database], Coroutine[Any, Any, None]],
    error: type[BaseException],
) -> None:
    async with database.connection() as connection:
        pid = await connection.fetchval(PID)
    with pytest.raises(error):
        await use(database)
    observer = await asyncpg.connect(database_url)
    assert await observer.fetchval("SELECT state FROM pg_stat_activity WHERE pid = $1", pid) == "idle"
    assert await observer.fetchval("SELECT count(*) FROM pg_locks WHERE pid = $1", pid) == 0
    await observer.close()


async def test_connection_lost_before_use_frees_its_slot(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lose(connection: Connection) -> None:
        connection.terminate()

    settings = Settings.read(database_url=database_url, database_pool_size=1, database_timeout_seconds=2)
    with monkeypatch.context() as patched:
        patched.setattr("inventory.core.database._set_codecs", lose)
        async with Database.open(settings.database) as database:
            for _ in range(2):  # one slot
                with pytest.raises(DatabaseUnavailable) as refused:
                    async with database.connection() as connection:
                        await connection.execute("SELECT 1")
                assert isinstance(refused.value.__cause__, asyncpg.InterfaceError), "the place was free"
