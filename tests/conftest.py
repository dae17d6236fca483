"""The servers that tests run on: one Postgres and one Valkey for each test process, started when a test asks."""

import os
import sys
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import hypothesis
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from inventory.core.migrate import upgrade
from sandbox.stack.postgres import Postgres
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.valkey import Valkey
from tests.database import SharedDatabase

# Tests start hundreds of processes. Without bytecode each of them compiles every module that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# What is right does not become wrong on a slow machine.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

_TEMPLATE = "migrated"
_numbers = count(1)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    """A Postgres server. `POSTGRES_BINDIR` chooses its version."""
    bindir = os.environ.get("POSTGRES_BINDIR")
    with scratch_directory() as directory:
        server = Postgres(directory, durable=False, bindir=Path(bindir) if bindir else None)
        await server.start()
        yield server
        await server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database_template(postgres: Postgres) -> str:
    """The name of a database with all migrations applied, to make copies of."""
    await upgrade(await postgres.create_database(_TEMPLATE))
    return _TEMPLATE


@pytest.fixture(scope="session")
def shared_database(postgres: Postgres, database_template: str) -> SharedDatabase:
    """The database that all tests of this process use in turn."""
    return SharedDatabase(postgres, database_template)


@pytest_asyncio.fixture
async def database_url(shared_database: SharedDatabase) -> str:
    """A database with all migrations applied, and nothing else in it."""
    return await shared_database.clean()


@pytest_asyncio.fixture
async def empty_database_url(postgres: Postgres) -> AsyncIterator[str]:
    """A database of the test's own, with nothing in it."""
    name = f"test_{next(_numbers)}"
    yield await postgres.create_database(name)
    await postgres.drop_database(name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def valkey() -> AsyncIterator[Valkey]:
    """A Valkey server."""
    with scratch_directory() as directory:
        server = Valkey(directory)
        await server.start()
        yield server
        await server.stop()


@pytest_asyncio.fixture
async def redis_url(valkey: Valkey) -> str:
    """A Valkey database that is empty when the test begins."""
    async with Redis.from_url(valkey.url(), socket_timeout=5) as client:
        await client.flushall()
    return valkey.url()
