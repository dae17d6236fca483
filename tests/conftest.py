"""Servers of the tests: one Postgres and one Valkey per test process, started on first use."""

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

# Tests start hundreds of processes. Without bytecode, each of them compiles every imported module.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Hypothesis deadlines are disabled: a slow machine is no failure.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

_TEMPLATE = "migrated"
_numbers = count(1)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    """A Postgres server. `POSTGRES_BINDIR` selects its version."""
    bindir = os.environ.get("POSTGRES_BINDIR")
    with scratch_directory() as directory:
        server = Postgres(directory, durable=False, bindir=Path(bindir) if bindir else None)
        await server.start()
        yield server
        await server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database_template(postgres: Postgres) -> str:
    """The name of a migrated database, as a template for copies."""
    await upgrade(await postgres.create_database(_TEMPLATE))
    return _TEMPLATE


@pytest.fixture(scope="session")
def shared_database(postgres: Postgres, database_template: str) -> SharedDatabase:
    """The database that all tests of this process use in turn."""
    return SharedDatabase(postgres, database_template)


@pytest_asyncio.fixture
async def database_url(shared_database: SharedDatabase) -> str:
    """A migrated database without other data."""
    return await shared_database.clean()


@pytest_asyncio.fixture
async def empty_database_url(postgres: Postgres) -> AsyncIterator[str]:
    """An empty database for one test."""
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
    """A Valkey database that is empty at the start of the test."""
    async with Redis.from_url(valkey.url(), socket_timeout=5) as client:
        await client.flushall()
    return valkey.url()
